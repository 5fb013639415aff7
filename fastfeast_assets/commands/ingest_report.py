"""What `fastfeast ingest` says when it is done: the table, then everything that needs a person."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from rich.console import Console
from rich.text import Text

from fastfeast_assets.commands.console import number, plain
from fastfeast_assets.commands.errors import redacted
from fastfeast_assets.commands.source_table import (
    SourceLine,
    lines_of_reports,
    source_table,
    waiting_orphans,
)

if TYPE_CHECKING:
    import psycopg

    from fastfeast_assets.automation.summary import IngestSummary

LISTED = 20
ERROR_CHARACTERS = 600
MEND_FILE = (
    "correct the file and put it in place again: the next ingest loads it. If the file is right"
    " and the cause is gone, run `fastfeast ingest --retry-failed`"
)
MEND_NAME = "give them the right name and place: the next ingest loads them"
MEND_RUN = "see the run in `fastfeast dev`, or the log; then run `fastfeast ingest` again"
MEND_BLOCKED = (
    "somebody changed rows of these files by hand, so nothing was built from their sources:"
    " `fastfeast reprocess FILE --yes` loads a file again; one that is gone from the landing zone"
    " is taken back by `fastfeast withdraw FILE --reason TEXT --yes`"
)
MEND_ROWS = (
    "`fastfeast check` names their keys and looks at them again; what to do about each test is in"
    " docs/runbooks/rows-do-not-add-up.md"
)
MEND_CHECK = (
    "see them in `fastfeast dev`; what to do about each is in docs/runbooks/rows-do-not-add-up.md"
)
STILL_FAILED: LiteralString = """
select file_path, failure_reason from ops.pipeline_file_log
where is_latest and status = 'failed' and not file_path = any(%s) order by file_path
"""


@dataclass(frozen=True)
class IngestReport:
    """A finished ingestion, in the words of its command.

    Attributes:
        summary: What the ingestion says.
        lines: One a source that had files.
        failed_files: Path and reason of the files that failed now.
        failed_before: The same for those in the landing zone that failed before and were not
            tried again.
        transform_seconds: Spent on the marts.
        signal_code: The exit code of a command that a signal has stopped; 0 without.
    """

    summary: IngestSummary
    lines: Sequence[SourceLine]
    failed_files: Sequence[tuple[str, str]]
    failed_before: Sequence[tuple[str, str]]
    transform_seconds: float
    signal_code: int = 0

    @property
    def exit_code(self) -> int:
        """What the command exits with."""
        return self.signal_code or int(not self.summary.is_success)

    @classmethod
    def of(
        cls,
        summary: IngestSummary,
        connection: psycopg.Connection,
        transform_seconds: float,
        *,
        signal_code: int = 0,
    ) -> IngestReport:
        """The report of an ingestion into the warehouse of this connection."""
        failed = [
            (report.relative_path, report.failure_reason or "")
            for report in summary.reports
            if report.status == "failed"
        ]
        landed = {file.relative_path for file in summary.discovery.files}
        before = [
            (path, reason)
            for path, reason in connection.execute(STILL_FAILED, [[path for path, _ in failed]])
            if path in landed
        ]
        lines = lines_of_reports(summary.reports, waiting_orphans(connection))
        return cls(summary, lines, failed, before, transform_seconds, signal_code)

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        found, trouble = self.summary.discovery, self.summary.landing_trouble
        return {
            "is_success": self.summary.is_success,
            "is_stopped": self.summary.is_stopped,
            "is_transformed": self.summary.is_transformed,
            "has_refreshed_levels": self.summary.has_refreshed_levels,
            "seconds": round(self.summary.seconds, 3),
            "transform_seconds": round(self.transform_seconds, 3),
            "sources": [line.as_json() for line in self.lines],
            "landing_trouble": trouble.text if trouble else None,
            "failed_files": _pairs(self.failed_files),
            "failed_before": _pairs(self.failed_before),
            "failed_runs": [
                {"run_id": run.run_id, "job": run.job, "errors": [*map(redacted, run.errors)]}
                for run in self.summary.failed_runs
            ],
            "failed_checks": [
                {"asset": check.asset, "check": check.name, "is_error": check.is_error}
                for check in self.summary.failed_checks
            ],
            "failed_tests": [
                {"test": test.test, "mart": test.mart, "rows": test.failed_rows}
                for test in self.summary.failed_tests
            ],
            "blocked_sources": self.summary.blocked_sources,
            "uneven_files": _pairs(self._uneven()),
            "unsettled": sorted(file.relative_path for file in found.unsettled),
            "near_misses": [
                {"path": item.relative_path, "reason": item.reason, "source": item.near}
                for item in found.near_misses
            ],
            "unknown": _pairs((item.relative_path, item.reason) for item in found.unknown),
            "refused": _pairs((item.relative_path, item.reason) for item in found.refused),
            "future": _pairs((item.relative_path, item.reason) for item in found.future),
        }

    def print(self, console: Console, landing: object) -> None:
        """Print the report for people."""
        if trouble := self.summary.landing_trouble:
            _section(console, "Landing zone", [(trouble.text, "")], trouble.advice, style="red")
        elif self.lines:
            console.print(source_table("Ingested", self.lines))
        elif not self.summary.reports and not self.summary.is_stopped:
            console.print(f"Nothing pending in {plain(landing)}.", markup=False)
        self._print_closing(console)
        self._print_failures(console)
        self._print_left_alone(console)

    def _print_closing(self, console: Console) -> None:
        skipped = sum(report.status == "skipped" for report in self.summary.reports)
        parts = [f"{skipped} files with known content skipped"] if skipped else []
        if self.summary.is_stopped:
            console.print("Stopped; the next ingest goes on from here.", style="yellow")
        took = f"brought up to date in {self.transform_seconds:.1f} s"
        if self.summary.is_transformed:
            parts.append(f"marts {took}")
        elif self.summary.has_refreshed_levels:
            parts.append(f"service levels that had come due {took}")
        else:
            parts.append(
                "marts not brought up to date"
                if self.summary.failed_runs or self.summary.is_stopped
                else "marts need no change"
            )
        console.print(f"{'; '.join(parts)}; {self.summary.seconds:.1f} s in all.", markup=False)
        if rows := sum(line.quarantined for line in self.lines):
            console.print(
                f"{number(rows)} rows in quarantine with their reasons: fastfeast quarantine list"
            )

    def _print_failures(self, console: Console) -> None:
        _section(console, "Failed files", self.failed_files, MEND_FILE, style="red")
        runs = [
            (f"{run.job} {run.run_id}", _in_short("; ".join(run.errors)))
            for run in self.summary.failed_runs
        ]
        _section(console, "Failed runs", runs, MEND_RUN, style="red")
        title = f"Rows do not add up, blocked: {', '.join(self.summary.blocked_sources)}"
        _section(console, title, self._uneven(), MEND_BLOCKED, style="red")
        _section(console, "Failed before, not tried again", self.failed_before, MEND_FILE)
        wrong = [
            (f"{test.mart} {test.test}".strip(), f"{number(test.failed_rows)} rows")
            for test in self.summary.failed_tests
        ]
        _section(console, "Rows known to be wrong", wrong, MEND_ROWS, style="red")
        errors = [(c.asset, c.name) for c in self.summary.failed_checks if c.is_error]
        _section(console, "Checks in error", errors, MEND_CHECK)
        if warnings := sum(not check.is_error for check in self.summary.failed_checks):
            console.print(f"{warnings} checks warn; see them in `fastfeast dev`.", markup=False)

    def _uneven(self) -> list[tuple[str, str]]:
        """Path and account of the files whose rows do not add up."""
        return [
            (balance.path, balance.account)
            for balances in self.summary.uneven.values()
            for balance in balances
        ]

    def _print_left_alone(self, console: Console) -> None:
        found = self.summary.discovery
        unsettled = [(file.relative_path, "") for file in found.unsettled]
        _section(console, "Still being written", unsettled, "the next ingest takes them")
        for title, findings, next_step in (
            ("Nearly right names, not loaded", found.near_misses, MEND_NAME),
            ("Unknown names, left alone", found.strangers, ""),
            ("Refused", found.refused, ""),
            ("Dated in the future", found.future, ""),
        ):
            items = [(item.relative_path, item.reason) for item in findings]
            _section(console, title, items, next_step)


def _in_short(errors: str) -> str:
    """The errors of a run on one line of bounded length, without terminal codes; more is logged."""
    text = redacted(errors).replace("\\n", " ").replace("\\x1b", "\x1b")
    text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())
    return text if len(text) <= ERROR_CHARACTERS else text[:ERROR_CHARACTERS] + " … (see the log)"


def _pairs(items: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"path": path, "reason": reason} for path, reason in items]


def _section(
    console: Console,
    title: str,
    items: Sequence[tuple[str, str]],
    next_step: str = "",
    *,
    style: str = "yellow",
) -> None:
    """A titled list, cut short when long, and what to do about it."""
    if not items:
        return
    console.print(Text(f"\n{title} ({number(len(items))})", style=style))
    for name, reason in items[:LISTED]:
        detail = f": {plain(reason)}" if reason else ""
        console.print(f"  {plain(name)}{detail}", markup=False, soft_wrap=True)
    if len(items) > LISTED:
        console.print(f"  and {number(len(items) - LISTED)} more; --json lists all", markup=False)
    if next_step:
        console.print(f"  -> {next_step}", markup=False, soft_wrap=True)
