"""Where the platform stands, as facts: queries that only read and stay quick when it is large."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import sql

from fastfeast_assets.assets.transforms import CONSUMER, untransformed
from fastfeast_assets.warehouse import ledger

if TYPE_CHECKING:
    import psycopg

    from fastfeast_assets.contracts.model import Contract
    from fastfeast_assets.ingest.discover import Discovery
    from fastfeast_assets.settings import Settings

COUNTED_ROWS = 200_000
LAST_LOADS = 8
REASONS = 15

FILES: LiteralString = """
select status, count(*) from ops.pipeline_file_log where is_latest group by status order by status
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
    """Everything that `fastfeast status` shows; empty where nothing is set up."""

    server: str
    landing: str
    problem: str = ""
    files: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)
    landing_findings: dict[str, int] = field(default_factory=dict)
    last_loads: list[dict[str, Any]] = field(default_factory=list)
    failed_files: list[dict[str, Any]] = field(default_factory=list)
    marts: list[Mart] = field(default_factory=list)
    quarantine: dict[str, int] = field(default_factory=dict)
    orphans: dict[str, int] = field(default_factory=dict)
    reasons: list[dict[str, Any]] = field(default_factory=list)
    last_transform_at: datetime | None = None
    untransformed_loads: int = 0

    def as_json(self) -> dict[str, Any]:
        """The facts for programs."""
        return asdict(self)


def look_at_landing(settings: Settings, contracts: dict[str, Contract]) -> Discovery:
    """What stands in the landing zone."""
    from fastfeast_assets.ingest.discover import discover
    from fastfeast_assets.ingest.landing import open_landing

    return discover(
        open_landing(settings.landing),
        contracts,
        now=datetime.now(settings.zone),
        settle_seconds=settings.settle_seconds,
        start_date=settings.start_date,
    )


def read(connection: psycopg.Connection, facts: Facts, found: Discovery) -> None:
    """Fill in what the warehouse knows."""
    facts.files = dict(connection.execute(FILES).fetchall())
    facts.pending = count_by_source(ledger.pending(connection, found.files))
    facts.last_loads = _records(connection.execute(LOADS, [LAST_LOADS]))
    landed = {file.relative_path for file in (*found.files, *found.unsettled)}
    failed = _records(connection.execute(FAILED))
    facts.failed_files = [file for file in failed if file["file_path"] in landed]
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
    facts.untransformed_loads = len(untransformed(connection))


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
