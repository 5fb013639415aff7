"""What one call of the ingestion did: the facts that a command prints and exits by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from fastfeast_assets.checks.reconciliation import Balance
from fastfeast_assets.ingest.landing.discover import Discovery
from fastfeast_assets.ingest.landing.root import Trouble

if TYPE_CHECKING:
    from fastfeast_assets.warehouse.failed_rows import FailedTest
    from fastfeast_assets.warehouse.load import FileReport

ERROR_CHARACTERS = 2000
CANCELED = dg.DagsterEventType.PIPELINE_CANCELED


@dataclass(frozen=True)
class FailedRun:
    """A run that did not succeed, and the first reasons."""

    run_id: str
    job: str
    errors: tuple[str, ...]


@dataclass(frozen=True)
class FailedCheck:
    """A check that did not pass; `is_error` tells errors from warnings."""

    asset: str
    name: str
    is_error: bool


@dataclass
class IngestSummary:
    """What became of the landing zone.

    Attributes:
        discovery: What stood in it at the last look.
        reports: One a file that was handled, in that order.
        landing_trouble: Why nothing could be read from a landing zone that was read from before.
        failed_runs: Runs that did not succeed.
        failed_checks: Checks that did not pass.
        failed_tests: Tests of the marts that are known to fail, found now or earlier.
        uneven: By source the loads whose rows do not add up; what depends on them was not built.
        is_transformed: Whether what is new was transformed, and well.
        has_refreshed_levels: Whether there was nothing new, but service levels that had come due.
        is_stopped: Whether somebody stopped it before all was done.
        seconds: From the first look to the end.
    """

    discovery: Discovery
    reports: list[FileReport] = field(default_factory=list)
    landing_trouble: Trouble | None = None
    failed_runs: list[FailedRun] = field(default_factory=list)
    failed_checks: list[FailedCheck] = field(default_factory=list)
    failed_tests: list[FailedTest] = field(default_factory=list)
    uneven: dict[str, list[Balance]] = field(default_factory=dict)
    is_transformed: bool = False
    has_refreshed_levels: bool = False
    is_stopped: bool = False
    seconds: float = 0.0

    @property
    def blocked_sources(self) -> list[str]:
        """The sources with a load whose rows do not add up."""
        return list(self.uneven)

    @property
    def is_success(self) -> bool:
        """Whether all was done and well: the zone was there, nothing failed, no row is wrong."""
        has_failed_file = any(report.status == "failed" for report in self.reports)
        problems = (self.landing_trouble, self.failed_runs, self.uneven, self.failed_tests)
        return not (has_failed_file or self.is_stopped or any(problems))

    def add_run(self, job: str, result: dg.ExecuteInProcessResult) -> None:
        """Note what a finished run says about itself."""
        if not result.success and not _is_canceled(result):
            errors = tuple(dict.fromkeys(_errors(result.all_events)))
            self.failed_runs.append(FailedRun(result.run_id, job, errors))
        self.failed_checks += [
            FailedCheck(
                evaluation.asset_key.to_user_string(),
                evaluation.check_name,
                evaluation.severity == dg.AssetCheckSeverity.ERROR,
            )
            for evaluation in result.get_asset_check_evaluations()
            if not evaluation.passed
        ]


def _is_canceled(result: dg.ExecuteInProcessResult) -> bool:
    """Whether somebody stopped the run, which then has not failed."""
    return any(event.is_job_event and event.event_type == CANCELED for event in result.all_events)


def _errors(events: Iterable[dg.DagsterEvent]) -> Iterable[str]:
    for event in events:
        error = getattr(event.event_specific_data, "error", None)
        if event.is_failure and error is not None:
            cause = error.cause or error
            yield str(cause.message).strip()[:ERROR_CHARACTERS]
