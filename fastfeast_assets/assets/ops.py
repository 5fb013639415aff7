"""The tables of `ops` as assets: the ledger and the quarantine, written by the loader and dbt.

Materializing one changes nothing; it reads the table and shows where things stand.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import Any, LiteralString

import dagster as dg
import psycopg

from fastfeast_assets.assets.markdown import markdown_table
from fastfeast_assets.assets.resources import Platform

OPS_GROUP = "ops"
OWNER = "team:data-platform"
NEWEST_ROWS = 10
# Tables that each load changes and that have a button.
OPS_TABLES = ("pipeline_file_log", "quarantine")

LEDGER_COUNTS: LiteralString = """
select source, count(*) filter (where status = 'success' and withdrawn_at is null) as success,
       count(*) filter (where status = 'failed') as failed,
       count(withdrawn_at) as withdrawn,
       sum(valid_records) filter (where is_loaded) as rows_loaded
from ops.pipeline_file_log where is_latest or is_loaded group by source order by source
"""
LEDGER_NEWEST: LiteralString = """
select processed_at::timestamptz(0) as processed_at, file_path, status, total_records,
       valid_records, quarantined, failure_reason
from ops.pipeline_file_log order by log_id desc limit %s
"""
LEDGER_SIZE: LiteralString = "select count(*) from ops.pipeline_file_log"
QUARANTINE_COUNTS: LiteralString = """
select q.source, q.rejection_stage as stage, q.status, (reason ->> 'column') as column_name,
       (reason ->> 'rule') as rule, count(*) as rows,
       min(q.quarantined_at)::timestamptz(0) as oldest
from ops.quarantine q cross join jsonb_array_elements(q.reasons) as reason
where q.status = 'open' group by 1, 2, 3, 4, 5 order by 6 desc, 1, 2, 4, 5
"""
QUARANTINE_NEWEST: LiteralString = """
select quarantined_at::timestamptz(0) as quarantined_at, source_file, row_number,
       rejection_stage as stage, reasons -> 0 ->> 'column' as column_name,
       reasons -> 0 ->> 'rule' as rule
from ops.quarantine order by quarantine_id desc limit %s
"""
QUARANTINE_SIZE: LiteralString = "select count(*) from ops.quarantine where status = 'open'"


def build_ops_assets(raw_keys: Sequence[dg.AssetKey]) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets of group `ops`, downstream of the raw tables whose loads write them.

    They depend on the last partition of these: Dagster lists all partitions of a dependency at
    every run, and hourly ones since 2020 are many.
    """
    deps = [dg.AssetDep(key, partition_mapping=dg.LastPartitionMapping()) for key in raw_keys]

    @dg.asset(
        key=["ops", "pipeline_file_log"],
        group_name=OPS_GROUP,
        deps=deps,
        owners=[OWNER],
        kinds={"postgres", "table"},
        description="The ledger: one row an attempt to load a file, with its counts.",
        metadata={"dagster/table_name": "ops.pipeline_file_log"},
    )
    def pipeline_file_log(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        return _stock(platform, LEDGER_SIZE, LEDGER_COUNTS, LEDGER_NEWEST)

    @dg.asset(
        key=["ops", "quarantine"],
        group_name=OPS_GROUP,
        deps=deps,
        owners=[OWNER],
        kinds={"postgres", "table"},
        description="Rejected rows and waiting orphans with their reasons; counted are open ones.",
        metadata={"dagster/table_name": "ops.quarantine"},
    )
    def quarantine(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        return _stock(platform, QUARANTINE_SIZE, QUARANTINE_COUNTS, QUARANTINE_NEWEST)

    return [
        pipeline_file_log,
        quarantine,
        _bookkeeping("removed_key", "Keys that the replaced version of a file held."),
        _bookkeeping("consumed_load", "Which transform has digested which load."),
        _bookkeeping("sighting", "What retention has taken of daily snapshots."),
        _bookkeeping("refusal", "Refused rows, those that retention has taken included.", "view"),
    ]


def _bookkeeping(name: str, description: str, kind: str = "table") -> dg.AssetSpec:
    return dg.AssetSpec(
        ["ops", name],
        group_name=OPS_GROUP,
        owners=[OWNER],
        kinds={"postgres", kind},
        description=description,
        metadata={"dagster/table_name": f"ops.{name}"},
    )


def _stock(
    platform: Platform, size: LiteralString, counts: LiteralString, newest: LiteralString
) -> dg.MaterializeResult[None]:
    with closing(platform.warehouse.connect(autocommit=True)) as connection:
        row = connection.execute(size).fetchone()
        metadata: dict[str, Any] = {
            "dagster/row_count": row[0] if row else 0,
            "counts": _table(connection.execute(counts)),
            "newest": _table(connection.execute(newest, [NEWEST_ROWS])),
        }
    return dg.MaterializeResult(metadata=metadata)


def _table(cursor: psycopg.Cursor[Any]) -> dg.MetadataValue[Any]:
    """A query's rows as a Markdown table."""
    names = [column.name for column in cursor.description or ()]
    return dg.MetadataValue.md(markdown_table(names, cursor.fetchall()))
