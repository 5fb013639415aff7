"""The daily quality report: one day of files, rows, refusals and orphans on one page.

The page is the metadata of the asset's materialization; the figures come from ledger and
quarantine, which keep them for longer.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, datetime, time, timedelta
from typing import Any

import dagster as dg
import psycopg
from pydantic import Field

from fastfeast_assets.assets.markdown import markdown_table
from fastfeast_assets.assets.ops import OPS_GROUP, OWNER
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.contracts.model import Contract

REPORT_KEY = dg.AssetKey([OPS_GROUP, "quality_report"])
FILES_A_DAY = {"batch": 1, "stream": 24}
REASONS_NAMED = 15

SOURCES = """
select
    source,
    count(*) filter (where is_loaded) as loaded,
    count(*) filter (where is_latest and status = 'failed') as failed,
    coalesce(sum(total_records) filter (where is_loaded), 0)::bigint as rows_in,
    coalesce(sum(valid_records) filter (where is_loaded), 0)::bigint as rows_loaded,
    coalesce(sum(quarantined) filter (where is_loaded), 0)::bigint as quarantined,
    coalesce(sum(duplicate_count) filter (where is_loaded), 0)::bigint as duplicates,
    coalesce(sum(orphan_count) filter (where is_loaded), 0)::bigint as orphans,
    round(max(duration_seconds) filter (where is_loaded)::numeric, 1) as slowest
from ops.pipeline_file_log
where partition_at >= %(from)s and partition_at < %(to)s and (is_latest or is_loaded)
group by source
"""
REASONS = """
select q.source, reason ->> 'rule' as rule, reason ->> 'column' as column_name, count(*) as rows
from ops.quarantine as q
inner join ops.pipeline_file_log as log on q.log_id = log.log_id
cross join jsonb_array_elements(q.reasons) as reason
where log.partition_at >= %(from)s and log.partition_at < %(to)s and log.is_loaded
group by 1, 2, 3 order by 4 desc, 1, 2, 3 limit %(limit)s
"""
ORPHANS = """
select source_table, count(*) as waiting, min(first_seen_at)::timestamptz(0) as oldest,
       count(*) filter (where first_seen_at < now() - interval '24 hours') as longer_than_a_day
from ops.quarantine where rejection_stage = 'orphan' and status = 'open' group by 1 order by 1
"""


class ReportConfig(dg.Config):
    """Which day is reported."""

    day: str | None = Field(default=None, description="Such as 2026-11-20; default yesterday.")


def build_quality_report(contracts: Mapping[str, Contract]) -> dg.AssetsDefinition:
    """The asset of the report."""

    @dg.asset(
        key=REPORT_KEY,
        group_name=OPS_GROUP,
        owners=[OWNER],
        kinds={"markdown"},
        description="A day in one page: files, rows, refusals with their reasons, orphans.",
    )
    def quality_report(
        config: ReportConfig, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        yesterday = datetime.now(platform.settings.zone).date() - timedelta(days=1)
        day = date.fromisoformat(config.day) if config.day else yesterday
        with closing(platform.warehouse.connect(autocommit=True)) as connection:
            return dg.MaterializeResult(metadata=report_metadata(connection, contracts, day))

    return quality_report


def report_metadata(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], day: date
) -> dict[str, Any]:
    """The page, and the sums that are worth a plot over time."""
    values = {
        "from": datetime.combine(day, time()),
        "to": datetime.combine(day + timedelta(days=1), time()),
        "limit": REASONS_NAMED,
    }
    seen = {row[0]: row[1:] for row in connection.execute(SOURCES, values).fetchall()}
    lines = [_line(contract, seen.get(source)) for source, contract in contracts.items()]
    missing = sum(
        max(0, FILES_A_DAY[c.cadence] - line[1])
        for c, line in zip(contracts.values(), lines, strict=True)
    )
    rows_in, rows_loaded, quarantined = (
        sum(line[column] for line in lines) for column in (4, 5, 6)
    )
    heads = (
        *("source", "files", "expected", "failed", "rows in", "loaded", "refused", "refused %"),
        *("duplicates", "orphans", "slowest s"),
    )
    page = [
        f"## Quality of {day}",
        f"{rows_in} rows in, {rows_loaded} loaded, {quarantined} refused; {missing} files missing.",
        markdown_table(heads, lines),
        "### Why rows were refused",
        _query(connection, REASONS, values),
        "### Orphans that wait now",
        _query(connection, ORPHANS, {}),
    ]
    return {
        "report": dg.MetadataValue.md("\n\n".join(page)),
        "day": str(day),
        "rows_in": rows_in,
        "rows_loaded": rows_loaded,
        "rows_quarantined": quarantined,
        "files_missing": missing,
        "files_failed": sum(line[3] for line in lines),
    }


def _line(contract: Contract, seen: Sequence[Any] | None) -> tuple[Any, ...]:
    loaded, failed, rows_in, rows, quarantined, duplicates, orphans, slowest = seen or (0,) * 8
    ratio = f"{quarantined / rows_in:.1%}" if rows_in else ""
    expected = FILES_A_DAY[contract.cadence]
    counts = (loaded, expected, failed, rows_in, rows, quarantined, ratio)
    return (contract.source, *counts, duplicates, orphans, slowest)


def _query(connection: psycopg.Connection, query: str, values: Mapping[str, Any]) -> str:
    cursor = connection.execute(query, values)
    rows = cursor.fetchall()
    return markdown_table([c.name for c in cursor.description or ()], rows) if rows else "None."
