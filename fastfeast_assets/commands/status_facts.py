"""Where the platform stands, as facts: queries that only read and stay quick when it is large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import sql

from fastfeast_assets.assets.transforms import CONSUMER, untransformed
from fastfeast_assets.warehouse import ledger
from fastfeast_assets.warehouse.failed_rows import failed_tests
from fastfeast_assets.warehouse.locks import INGEST_LOCK, TRANSFORM_LOCK, is_held
from fastfeast_assets.warehouse.vanished import vanished
from fastfeast_assets.warehouse.version import warehouse_version

if TYPE_CHECKING:
    import psycopg

    from fastfeast_assets.contracts.model import Contract
    from fastfeast_assets.ingest.landing.discover import Discovery, Finding
    from fastfeast_assets.settings import Settings

COUNTED_ROWS = 200_000
LAST_LOADS = 8
REASONS = 15
FINDINGS = 20

FILES: LiteralString = """
select case when withdrawn_at is null then status else 'withdrawn' end as fate, count(*)
from ops.pipeline_file_log where is_latest group by fate order by fate
"""
LOADS: LiteralString = """
select processed_at, file_path, status, total_records, valid_records, quarantined
from ops.pipeline_file_log order by log_id desc limit %s
"""
FAILED: LiteralString = """
select file_path, failure_reason, processed_at from ops.pipeline_file_log
where is_latest and status = 'failed' order by processed_at desc
"""
BACKLOG: LiteralString = """
select q.source, q.rejection_stage, (r ->> 'column') || ': ' || (r ->> 'rule') as reason,
       count(*)
from ops.quarantine q cross join jsonb_array_elements(q.reasons) r
where q.status = 'open' group by 1, 2, 3 order by 4 desc, 1, 2, 3
"""
OPEN_ROWS: LiteralString = """
select source, count(*) filter (where rejection_stage <> 'orphan'),
       count(*) filter (where rejection_stage = 'orphan')
from ops.quarantine where status = 'open' group by source order by source
"""
TRANSFORMED: LiteralString = "select max(consumed_at) from ops.consumed_load where consumer = %s"
NEWEST: LiteralString = """
select source, max(partition_at) from ops.pipeline_file_log
where is_loaded and file_type = 'stream' group by source order by source
"""
QUARANTINED: LiteralString = """
select
    count(*) filter (where rejection_stage <> 'orphan' and quarantined_at >= %s),
    count(*) filter (
        where rejection_stage = 'orphan' and status = 'open'
            and first_seen_at < now() - %s * interval '1 hour'
    )
from ops.quarantine
"""
MARTS: LiteralString = """
select relname, reltuples::bigint from pg_class
where relnamespace = to_regnamespace('marts') and relkind in ('r', 'p') order by relname
"""


@dataclass(frozen=True)
class Mart:
    """A table of the star schema; of a large one the rows are estimated."""

    name: str
    rows: int
    is_estimate: bool


@dataclass
class Facts:
    """Everything that `fastfeast status` shows; empty where nothing is set up.

    Attributes:
        landing_findings: How many files of the landing zone are left alone, by kind.
        near_misses: The first of those whose names are nearly right: path, reason, source.
        refused: The first of those that are refused: path and reason.
        landing_trouble: Why nothing can be read from a landing zone that was read from before.
        free_bytes: Room on the disk of the home.
        newest: By stream the start of the newest hour of which a file is loaded.
        quarantined_today: Rows refused since midnight of the business clock.
        true_orphans: Orphans that have waited longer than they should.
        console_heard_at: When a daemon of the console was last heard of; None if never.
        is_at_work: Whether an ingestion or a transform is, or a console that will begin one.
        last_runs: The last runs of Dagster: when, job, status.
        failed_tests: Tests of the marts that are known to fail, with how many rows fail.
        vanished: How many loaded files have vanished from the landing zone.
        vanished_files: The first of them.
        warehouse_version: The newest version of fastfeast that has been at work on it.
        identity_problems: Why the settings do not belong to the warehouse.
    """

    server: str
    landing: str
    problem: str = ""
    landing_trouble: str = ""
    free_bytes: int | None = None
    warehouse_version: str | None = None
    identity_problems: list[str] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)
    landing_findings: dict[str, int] = field(default_factory=dict)
    near_misses: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    vanished: int = 0
    vanished_files: list[str] = field(default_factory=list)
    last_loads: list[dict[str, Any]] = field(default_factory=list)
    failed_files: list[dict[str, Any]] = field(default_factory=list)
    failed_tests: list[dict[str, Any]] = field(default_factory=list)
    marts: list[Mart] = field(default_factory=list)
    quarantine: dict[str, int] = field(default_factory=dict)
    orphans: dict[str, int] = field(default_factory=dict)
    reasons: list[dict[str, Any]] = field(default_factory=list)
    newest: dict[str, datetime] = field(default_factory=dict)
    quarantined_today: int = 0
    true_orphans: int = 0
    console_heard_at: datetime | None = None
    last_runs: list[dict[str, Any]] = field(default_factory=list)
    last_transform_at: datetime | None = None
    untransformed_loads: int = 0
    is_at_work: bool = False

    def as_json(self) -> dict[str, Any]:
        """The facts for programs."""
        return asdict(self)


def look_at_landing(settings: Settings, contracts: dict[str, Contract]) -> Discovery:
    """What stands in the landing zone."""
    from fastfeast_assets.ingest.judge.mask import NameMasker
    from fastfeast_assets.ingest.landing import open_landing
    from fastfeast_assets.ingest.landing.discover import discover

    return discover(
        open_landing(settings.landing),
        contracts,
        now=datetime.now(settings.zone),
        settle_seconds=settings.settle_seconds,
        start_date=settings.start_date,
        scrub=NameMasker(settings.pii_key_bytes).scrub,
    )


def left_alone(found: Discovery) -> dict[str, int]:
    """How many files are left alone, by kind; near misses are unknown names, too."""
    counts = {
        "still being written": len(found.unsettled),
        "unknown name": len(found.unknown),
        "nearly right name": len(found.near_misses),
        "refused": len(found.refused),
        "dated in the future": len(found.future),
    }
    return {kind: count for kind, count in counts.items() if count}


def first_findings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The first findings as records."""
    return [
        {"path": item.relative_path, "reason": item.reason}
        | ({"source": item.near} if item.near is not None else {})
        for item in findings[:FINDINGS]
    ]


def read(
    connection: psycopg.Connection, facts: Facts, found: Discovery, settings: Settings
) -> None:
    """Fill in what the warehouse knows."""
    facts.warehouse_version = warehouse_version(connection)
    facts.files = dict(connection.execute(FILES).fetchall())
    facts.pending = count_by_source(ledger.pending(connection, found.files))
    facts.last_loads = _records(connection.execute(LOADS, [LAST_LOADS]))
    landed = {file.relative_path for file in (*found.files, *found.unsettled)}
    failed = _records(connection.execute(FAILED))
    facts.failed_files = [file for file in failed if file["file_path"] in landed]
    facts.failed_tests = [
        {"test": test.test, "mart": test.mart, "is_error": test.is_error, "rows": test.failed_rows}
        for test in failed_tests(connection)
    ]
    facts.marts = _marts(connection)
    for source, refused, waiting in connection.execute(OPEN_ROWS).fetchall():
        facts.quarantine |= {source: refused} if refused else {}
        facts.orphans |= {source: waiting} if waiting else {}
    if sum(facts.quarantine.values()) + sum(facts.orphans.values()) <= COUNTED_ROWS:
        facts.reasons = [
            {"source": source, "stage": stage, "reason": reason, "rows": rows}
            for source, stage, reason, rows in connection.execute(BACKLOG).fetchall()
        ]
    row = connection.execute(TRANSFORMED, [CONSUMER]).fetchone()
    facts.last_transform_at = row[0] if row else None
    facts.newest = dict(connection.execute(NEWEST).fetchall())
    midnight = datetime.now(settings.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    row = connection.execute(QUARANTINED, [midnight, settings.orphan_hours]).fetchone()
    facts.quarantined_today, facts.true_orphans = row or (0, 0)
    facts.untransformed_loads = len(untransformed(connection))
    facts.is_at_work = is_held(connection, INGEST_LOCK) or is_held(connection, TRANSFORM_LOCK)


def look_for_vanished(connection: psycopg.Connection, facts: Facts, found: Discovery) -> None:
    """Fill in which loaded files the landing zone of the warehouse has lost."""
    present = [file.relative_path for file in (*found.files, *found.unsettled)]
    present += [finding.relative_path for finding in (*found.refused, *found.future)]
    gone = vanished(connection, present)
    facts.vanished, facts.vanished_files = len(gone), gone[:FINDINGS]


def count_by_source(files: list[Any]) -> dict[str, int]:
    """How many files of each source."""
    counts: dict[str, int] = {}
    for file in sorted(files, key=lambda file: file.source):
        counts[file.source] = counts.get(file.source, 0) + 1
    return counts


def _marts(connection: psycopg.Connection) -> list[Mart]:
    marts = []
    for name, estimate in connection.execute(MARTS).fetchall():
        if estimate > COUNTED_ROWS:
            marts.append(Mart(name, estimate, is_estimate=True))
            continue
        statement = sql.SQL("select count(*) from {}").format(sql.Identifier("marts", name))
        row = connection.execute(statement).fetchone()
        marts.append(Mart(name, int(row[0]) if row else 0, is_estimate=False))
    return marts


def _records(cursor: psycopg.Cursor[Any]) -> list[dict[str, Any]]:
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
