"""Writing the daily snapshots and the master files of the 13 dimension sources."""

from __future__ import annotations

from pathlib import Path

from fastfeast_assets.simulate.dirt import DirtKind
from fastfeast_assets.simulate.member_tables import member_tables
from fastfeast_assets.simulate.members import Company, company_on
from fastfeast_assets.simulate.plan import SimulationPlan
from fastfeast_assets.simulate.randomness import Stream, generator, share
from fastfeast_assets.simulate.reference import reference_tables
from fastfeast_assets.simulate.render import FileFormat
from fastfeast_assets.simulate.report import FileReport
from fastfeast_assets.simulate.spoil import Spoilage, choose, spoiled_rows
from fastfeast_assets.simulate.table import Column, Table, without_leading_zeros
from fastfeast_assets.simulate.write import landing_file

BATCH_SOURCES = (
    *("cities", "regions", "segments", "categories", "teams", "reason_categories", "reasons"),
    *("channels", "priorities", "customers", "restaurants", "drivers", "agents"),
)
_JSON_SOURCES = ("restaurants", "cities")
_ROWS_AT_A_TIME = 50_000


def write_master(plan: SimulationPlan) -> list[FileReport]:
    """Writes the cold start: all sources as CSV, as of the company's first day.

    Files that exist already are left alone unless the plan says otherwise.
    """
    if plan.write_master is False:
        return []
    wanted = [
        source
        for source in BATCH_SOURCES
        if plan.write_master or not Path(plan.out, f"master/{source}.csv").exists()
    ]
    tables = _all_tables(company_on(plan, plan.first_date)) if wanted else {}
    return [
        _write(plan, f"master/{source}.csv", source, "csv", tables[source], 0) for source in wanted
    ]


def write_batch(plan: SimulationPlan, company: Company) -> list[FileReport]:
    """Writes the snapshot of one day."""
    reports: list[FileReport] = []
    tables = _all_tables(company)
    for source in BATCH_SOURCES:
        file_format: FileFormat = "json" if source in _JSON_SOURCES else "csv"
        path = f"batch/{company.day}/{source}.{file_format}"
        reports.append(
            _write(plan, path, source, file_format, tables[source], company.day.toordinal())
        )
    return reports


def _all_tables(company: Company) -> dict[str, Table]:
    return reference_tables() | member_tables(company)


def _write(
    plan: SimulationPlan, path: str, source: str, file_format: FileFormat, table: Table, day: int
) -> FileReport:
    """Writes one file; `day` is the ordinal of the snapshot's day, 0 for the master."""
    part = BATCH_SOURCES.index(source) + 100
    rng = generator(plan.seed, Stream.DIRT, day=day, part=part)
    total = len(next(iter(table.values())).text)
    dirt = choose(rng, source, total, plan.dirt)
    if source == "agents" and day and share(rng, 1, plan.dirt.phone_lost_zero)[0]:
        table, lost = _without_phone_zeros(table)
        dirt.counts[DirtKind.PHONE_LOST_ZERO] += lost
    with landing_file(Path(plan.out, path), file_format, table) as writer:
        for start in range(0, total, _ROWS_AT_A_TIME):
            writer.append(_chunk(table, dirt, start, file_format))
    return FileReport(path, source, writer.rows_written, writer.bytes_written, dict(dirt.counts))


def _chunk(table: Table, dirt: Spoilage, start: int, file_format: FileFormat) -> object:
    rows = {
        name: Column(column.text.slice(start, _ROWS_AT_A_TIME), column.kind)
        for name, column in table.items()
    }
    return spoiled_rows(rows, dirt, start, file_format)


def _without_phone_zeros(table: Table) -> tuple[Table, int]:
    phones = table["agent_phone"]
    return table | {"agent_phone": without_leading_zeros(phones)}, len(phones.text)
