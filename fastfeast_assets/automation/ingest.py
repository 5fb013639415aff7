"""The one-shot ingestion: everything pending in the landing zone to the marts, then done.

Belongs here: the order of the work of `fastfeast ingest`. Which runs are needed is in `plan`,
what they did in `summary`; loading and transforming are the assets' business.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import dagster as dg
import psycopg

from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.assets.transforms import untransformed
from fastfeast_assets.automation.instance import open_instance
from fastfeast_assets.automation.plan import LoadRun, plan_loads
from fastfeast_assets.automation.summary import IngestSummary
from fastfeast_assets.checks.reconciliation import balances
from fastfeast_assets.ingest.discover import Discovery, LandingFile
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import ledger

if TYPE_CHECKING:
    from fastfeast_assets.automation.runs import Runner
    from fastfeast_assets.warehouse.load import FileReport

MAXIMUM_WAIT_SECONDS = 10.0
INGEST_LOCK = 7_301_003

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
) -> IngestSummary:
    """Load every pending file and bring the marts up to date; stops at no failure.

    Args:
        settings: Of the platform.
        instance: Where runs are recorded; by default that of the settings, opened when a run is
            needed.
        retry_failed: Also load files whose present content has failed before.
        is_loading: Whether to look for files at all; the marts follow what is loaded anyway.
        on_progress: Called at every step.

    Raises:
        psycopg.OperationalError: The warehouse cannot be reached.
        ServerError: The server cannot be used.
        KeyChangedError: The key is not that of the hashes in the warehouse.
    """
    started = time.perf_counter()
    platform = Platform(settings)
    with (
        closing(platform.warehouse.connect(autocommit=True)) as connection,
        alone(connection, on_progress),
    ):
        summary = IngestSummary(_settled(platform, on_progress) if is_loading else Discovery())
        files = ledger.pending(connection, summary.discovery.files, retry_failed=retry_failed)
        if files or untransformed(connection):
            work = _Work(platform, connection, summary, on_progress, files, retry_failed)
            work.run(instance)
    summary.seconds = time.perf_counter() - started
    return summary


@contextmanager
def alone(
    connection: psycopg.Connection, on_progress: ProgressListener = lambda progress: None
) -> Iterator[None]:
    """One ingestion at a time; the server takes the lock back when a process dies."""
    row = connection.execute("select pg_try_advisory_lock(%s)", [INGEST_LOCK]).fetchone()
    if row != (True,):
        on_progress(Progress("wait", "waiting for another ingestion to end"))
        connection.execute("select pg_advisory_lock(%s)", [INGEST_LOCK])
    yield
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
    time.sleep(wait)
    return platform.look()


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

    def run(self, instance: dg.DagsterInstance | None) -> None:
        """Load, then transform."""
        # Definitions bring dbt along, which a call with nothing to do need not wait for.
        from fastfeast_assets.automation.runs import Runner

        settings = self._platform.settings
        loads = plan_loads(self._files, self._platform.contracts, settings)
        platform = Platform(settings, contracts=self._platform.contracts, on_report=self._on_report)
        with ExitStack() as stack:
            if instance is None:
                instance = stack.enter_context(open_instance(settings))
            runner = Runner(platform, settings, instance)
            runner.close_abandoned()
            for load in loads:
                self._load(runner, load)
            if untransformed(self._connection):
                self._transform(runner)

    def _on_report(self, report: "FileReport") -> None:
        self._summary.reports.append(report)
        self._tell("file", f"{report.relative_path}: {report.status}", report)

    def _load(self, runner: "Runner", load: LoadRun) -> None:
        span = load.first if load.first == load.last else f"{load.first} to {load.last}"
        self._tell("load", f"{', '.join(load.sources)}: {span}")
        job, result = runner.load(load, retry_failed=self._retry_failed)
        self._summary.add_run(job, result)

    def _transform(self, runner: "Runner") -> None:
        self._summary.blocked_sources = self._blocked()
        blocked = self._summary.blocked_sources
        self._tell("transform", f"without {', '.join(blocked)}" if blocked else "to the marts")
        job, result = runner.transform(blocked)
        self._summary.add_run(job, result)
        self._summary.is_transformed = True

    def _blocked(self) -> list[str]:
        """The sources with a load that no transform has seen and whose rows do not add up."""
        log_ids = untransformed(self._connection)
        return [
            source
            for source, contract in self._platform.contracts.items()
            if not all(b.is_even for b in balances(self._connection, contract, log_ids))
        ]

    def _tell(self, stage: Stage, message: str, report: "FileReport | None" = None) -> None:
        done = len(self._summary.reports)
        self._on_progress(Progress(stage, message, done, len(self._files), report))
