"""The table a source of what came in and what became of it, for `ingest` and `demo`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import TYPE_CHECKING, LiteralString

from rich.table import Table

from fastfeast_assets.commands.console import table

if TYPE_CHECKING:
    import psycopg

    from fastfeast_assets.warehouse.load import FileReport

COLUMNS = ("source", "files", "rows in", "loaded", "quarantined", "orphans", "seconds")

WAITING: LiteralString = """
select source, count(*) from ops.quarantine
where rejection_stage = 'orphan' and status = 'open' group by source
"""
LOADED: LiteralString = """
select source, count(*), sum(total_records), sum(valid_records), sum(quarantined),
       sum(duration_seconds)
from ops.pipeline_file_log where is_loaded group by source order by source
"""


@dataclass(frozen=True)
class SourceLine:
    """A source's line.

    Attributes:
        files: Files loaded, or refused as a whole.
        orphans: Rows of the source that now wait for a parent, whenever they came.
        seconds: Spent on its files.
    """

    source: str
    files: int = 0
    rows_in: int = 0
    loaded: int = 0
    quarantined: int = 0
    orphans: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, object]:
        """The line for programs."""
        return asdict(self)


def waiting_orphans(connection: psycopg.Connection) -> dict[str, int]:
    """Open orphans by source."""
    return dict(connection.execute(WAITING).fetchall())


def lines_of_reports(reports: Iterable[FileReport], orphans: Mapping[str, int]) -> list[SourceLine]:
    """The lines of one ingestion; skipped and unsettled files are not in them."""
    lines: dict[str, SourceLine] = {}
    for report in reports:
        if report.status not in ("success", "failed"):
            continue
        line = lines.get(report.source, SourceLine(report.source))
        lines[report.source] = SourceLine(
            source=report.source,
            files=line.files + 1,
            rows_in=line.rows_in + report.total,
            loaded=line.loaded + report.valid,
            quarantined=line.quarantined + report.quarantined,
            orphans=orphans.get(report.source, 0),
            seconds=line.seconds + report.seconds,
        )
    return [lines[source] for source in sorted(lines)]


def lines_of_ledger(connection: psycopg.Connection) -> list[SourceLine]:
    """The lines of everything that the warehouse holds."""
    orphans = waiting_orphans(connection)
    return [
        SourceLine(
            source,
            files,
            int(rows_in),
            int(loaded),
            int(quarantined),
            orphans.get(source, 0),
            float(seconds or 0),
        )
        for source, files, rows_in, loaded, quarantined, seconds in connection.execute(LOADED)
    ]


def source_table(title: str, lines: Sequence[SourceLine]) -> Table:
    """The lines as a table with their sum; `orphans` are those that wait now."""
    total = SourceLine(
        "all",
        *(sum(column) for column in list(zip(*map(astuple, lines), strict=True))[1:]),
    )
    return table(title, COLUMNS, map(_cells, lines), right=COLUMNS[1:], total=_cells(total))


def _cells(line: SourceLine) -> tuple[object, ...]:
    cells = astuple(line)
    return (*cells[:-1], f"{line.seconds:.2f}")
