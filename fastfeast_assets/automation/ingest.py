"""The one-shot ingestion: everything pending in the landing zone to the marts, then done.

Belongs here: the order of the work of `fastfeast ingest`. Which runs are needed is in `plan`,
what they did in `summary`; loading and transforming are the assets' business.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import dagster as dg
import psycopg

from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.assets.stopping import Stopping
from fastfeast_assets.assets.transforms import has_come_due, untransformed
from fastfeast_assets.automation.dead_runs import (
    close_abandoned,
    close_dead_runs,
    has_unfinished_runs,
)
from fastfeast_assets.automation.instance import open_instance
from fastfeast_assets.automation.plan import LoadRun, plan_loads
from fastfeast_assets.automation.summary import IngestSummary
from fastfeast_assets.checks.landing_names import judge_names
from fastfeast_assets.checks.reconciliation import Balance, balances
from fastfeast_assets.ingest.landing.discover import Discovery, LandingFile
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import ledger
from fastfeast_assets.warehouse.failed_rows import failed_tests
from fastfeast_assets.warehouse.landing_identity import lost
from fastfeast_assets.warehouse.locks import INGEST_LOCK

if TYPE_CHECKING:
    from fastfeast_assets.automation.runs import Runner
    from fastfeast_assets.warehouse.load import FileReport

MAXIMUM_WAIT_SECONDS = 10.0
# So often another ingestion is looked after.
LOOK_SECONDS = 0.5

Stage = Literal["wait", "load", "file", "transform"]


@dataclass(frozen=True)
class Progress:
    """A step of the ingestion, for whoever shows it.

    Attributes:
        stage: `wait` for something, `load` and `transform` begin a run, `file` ends a file.
        message: What goes on, for people.
        files_done: Files handled so far.
        files_total: Files that were pending at the start.
        report: Of the file, in stage `file`.
    """

    stage: Stage
    message: str
    files_done: int = 0
    files_total: int = 0
    report: "FileReport | None" = None


ProgressListener = Callable[[Progress], None]


def ingest_pending(
    settings: Settings,
    *,
    instance: dg.DagsterInstance | None = None,
    retry_failed: bool = False,
    is_loading: bool = True,
    on_progress: ProgressListener = lambda progress: None,
    stopping: Stopping | None = None,
) -> IngestSummary:
    """Load every pending file and bring the marts up to date; stops at no failure.

    Without news, service levels that have come due are brought up to date alone.

    Args:
        settings: Of the platform.
        instance: Where runs are recorded; by default that of the settings, opened when there is
            something to record.
        retry_failed: Also load files whose present content has failed before.
        is_loading: Whether to look for files at all; the marts follow what is loaded anyway.
        on_progress: Called at every step.
        stopping: Once it is wished, the present file is loaded to its end and nothing further
            begins.

    Raises:
        psycopg.OperationalError: The warehouse cannot be reached.
        ServerError: The server cannot be used.
        IdentityError: Key, clock, first partition or landing zone are not those of the warehouse.
    """
    started = time.perf_counter()
    platform = Platform(settings, stopping=stopping)
    with (
        closing(platform.warehouse.connect(autocommit=True)) as connection,
        alone(connection, on_progress, platform.stopping) as is_alone,
    ):
        if not is_alone:
            return IngestSummary(Discovery(), is_stopped=True)
        platform.ensure_identity()
        summary = IngestSummary(_settled(platform, on_progress) if is_loading else Discovery())
        summary.landing_trouble = lost(connection, platform.landing) if is_loading else None
        files = ledger.pending(connection, summary.discovery.files, retry_failed=retry_failed)
        is_at_work = bool(
            files or untransformed(connection) or has_come_due(connection, settings.timezone)
        )
        is_recorded = is_at_work or bool(summary.discovery.problems)
        if is_recorded or (instance is None and has_unfinished_runs(settings)):
            with _opened(instance, settings) as kept:
                close_abandoned(kept)
                if is_loading:
                    # At once: a look of long ago must not undo what a sensor has seen since.
                    kept.report_runless_asset_event(judge_names(summary.discovery))
                if is_at_work:
                    work = _Work(platform, connection, summary, on_progress, files, retry_failed)
                    work.run(kept)
                if not platform.stopping.is_requested:
                    close_dead_runs(kept, on_wait=lambda text: on_progress(Progress("wait", text)))
        summary.failed_tests = [test for test in failed_tests(connection) if test.is_error]
    summary.is_stopped = platform.stopping.is_requested
    summary.seconds = time.perf_counter() - started
    return summary


@contextmanager
def alone(
    connection: psycopg.Connection,
    on_progress: ProgressListener = lambda progress: None,
    stopping: Stopping | None = None,
) -> Iterator[bool]:
    """One ingestion at a time; the server takes the lock back when a process dies.

    Gives whether it is this one: not when somebody wishes to stop while another is waited for.
    """
    stopping, is_told = stopping or Stopping(), False
    take = "select pg_try_advisory_lock(%s)"
    while connection.execute(take, [INGEST_LOCK]).fetchone() != (True,):
        if not is_told:
            on_progress(Progress("wait", "for another ingestion to end"))
        is_told = True
        if stopping.wait(LOOK_SECONDS):
            yield False
            return
    yield True
    connection.execute("select pg_advisory_unlock(%s)", [INGEST_LOCK])


def _settled(platform: Platform, on_progress: ProgressListener) -> Discovery:
    """What stands in the landing zone; files just written are given the time to settle."""
    discovery = platform.look()
    if not discovery.unsettled:
        return discovery
    newest = max(file.landed_ns for file in discovery.unsettled) / 1e9
    wait = newest + platform.settings.settle_seconds - time.time()
    wait = min(max(wait, 0.0), MAXIMUM_WAIT_SECONDS)
    on_progress(
        Progress("wait", f"{len(discovery.unsettled)} files were written just now; {wait:.1f} s")
    )
    platform.stopping.wait(wait)
    return platform.look()


def _opened(
    instance: dg.DagsterInstance | None, settings: Settings
) -> AbstractContextManager[dg.DagsterInstance]:
    return open_instance(settings) if instance is None else nullcontext(instance)


class _Work:
    """The runs of one ingestion."""

    def __init__(
        self,
        platform: Platform,
        connection: psycopg.Connection,
        summary: IngestSummary,
        on_progress: ProgressListener,
        files: Sequence[LandingFile],
        retry_failed: bool,
    ) -> None:
        self._platform = platform
        self._connection = connection
        self._summary = summary
        self._on_progress = on_progress
        self._files = files
        self._retry_failed = retry_failed

    def run(self, instance: dg.DagsterInstance) -> None:
        """Load, then transform, or bring up to date what has come due."""
        # Definitions bring dbt along, which a call with nothing to do need not wait for.
        from fastfeast_assets.automation.runs import Runner

        settings = self._platform.settings
        loads = plan_loads(self._files, self._platform.contracts, settings)
        stopping = self._platform.stopping
        platform = Platform(
            settings,
            contracts=self._platform.contracts,
            on_report=self._on_report,
            stopping=stopping,
        )
        runner = Runner(platform, settings, instance)
        for load in loads:
            if not stopping.is_requested:
                self._load(runner, load)
        if stopping.is_requested:
            return
        if untransformed(self._connection):
            self._transform(runner)
        elif has_come_due(self._connection, settings.timezone):
            self._refresh(runner)

    def _on_report(self, report: "FileReport") -> None:
        self._summary.reports.append(report)
        self._tell("file", f"{report.relative_path}: {report.status}", report)

    def _load(self, runner: "Runner", load: LoadRun) -> None:
        span = load.first if load.first == load.last else f"{load.first} to {load.last}"
        self._tell("load", f"{', '.join(load.sources)}: {span}")
        job, result = runner.load(load, retry_failed=self._retry_failed)
        self._summary.add_run(job, result)

    def _transform(self, runner: "Runner") -> None:
        self._summary.uneven = self._uneven()
        blocked = self._summary.blocked_sources
        self._tell("transform", f"without {', '.join(blocked)}" if blocked else "to the marts")
        job, result = runner.transform(blocked)
        self._summary.add_run(job, result)
        self._summary.is_transformed = result.success

    def _refresh(self, runner: "Runner") -> None:
        self._tell("transform", "service levels that have come due")
        job, result = runner.refresh_levels()
        self._summary.add_run(job, result)
        self._summary.has_refreshed_levels = result.success

    def _uneven(self) -> dict[str, list[Balance]]:
        """By source the loads that no transform has seen and whose rows do not add up."""
        log_ids = list(untransformed(self._connection))
        found = {
            source: [b for b in balances(self._connection, contract, log_ids) if not b.is_even]
            for source, contract in self._platform.contracts.items()
        }
        return {source: uneven for source, uneven in found.items() if uneven}

    def _tell(self, stage: Stage, message: str, report: "FileReport | None" = None) -> None:
        done = len(self._summary.reports)
        self._on_progress(Progress(stage, message, done, len(self._files), report))
