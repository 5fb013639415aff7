"""What a materialization of a raw table says about itself.

Belongs here: column schema, counts, hashes, preview. Never a personal value, not even hashed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg
from psycopg import sql

from fastfeast_assets.assets.markdown import markdown_table
from fastfeast_assets.assets.recent_rows import recent_rows
from fastfeast_assets.automation.partitions import KEY_FORMATS
from fastfeast_assets.checks.contract_checks import name_some
from fastfeast_assets.contracts.ddl import HASH_LENGTH, stored_description
from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.contracts.technical import TECHNICAL_COLUMNS

if TYPE_CHECKING:
    from fastfeast_assets.warehouse.load import FileReport

PREVIEW_ROWS = 5
PREVIEW_CHARACTERS = 60
# Dagster looks a partition up in the whole range of the run each time metadata is added to it.
MAXIMUM_PARTITIONS_DESCRIBED = 400


def column_schema(contract: Contract) -> dg.TableSchema:
    """The columns of the raw table as they are stored."""
    columns = [_column(column) for column in contract.columns]
    columns += [
        dg.TableColumn(
            column.name,
            column.physical_type,
            description=column.description,
            constraints=dg.TableColumnConstraints(nullable=not column.required),
        )
        for column in TECHNICAL_COLUMNS
    ]
    return dg.TableSchema(columns=columns)


def _column(column: Column) -> dg.TableColumn:
    tags = {"primary_key": ""} if column.is_key else {}
    return dg.TableColumn(
        column.stored_as,
        f"char({HASH_LENGTH})" if column.is_personal else column.physical_type,
        description=stored_description(column),
        constraints=dg.TableColumnConstraints(nullable=not column.required),
        tags={**tags, **({"personal": ""} if column.is_personal else {})},
    )


def counts(reports: Sequence[FileReport]) -> dict[str, Any]:
    """Rows in, loaded, quarantined by reason, speed, files: sums over some files."""
    total = sum(report.total for report in reports)
    handled = sum(report.total for report in reports if report.status == "success")
    seconds = sum(report.seconds for report in reports if report.status == "success")
    reasons: dict[str, int] = {}
    for report in reports:
        for reason, rows in report.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + rows
    found: dict[str, Any] = {
        "files": len(reports),
        "files_skipped": sum(report.status == "skipped" for report in reports),
        "files_failed": sum(report.status == "failed" for report in reports),
        "rows_in": total,
        "rows_loaded": sum(report.valid for report in reports),
        "rows_quarantined": sum(report.quarantined for report in reports),
        "quarantined_by_reason": dict(sorted(reasons.items())),
        "rows_per_second": round(handled / seconds) if seconds else 0,
        "extra_columns": sorted({name for report in reports for name in report.extra_columns}),
    }
    return found


def run_metadata(
    connection: psycopg.Connection,
    contract: Contract,
    reports: Sequence[FileReport],
    missing: Sequence[str],
) -> dict[str, Any]:
    """Metadata of every materialization of the run."""
    row = connection.execute(
        "select coalesce(sum(valid_records - pruned_records), 0)::bigint from ops.pipeline_file_log"
        " where source = %s and is_loaded",
        [contract.source],
    ).fetchone()
    metadata = {**counts(reports), "dagster/row_count": int(row[0]) if row else 0}
    metadata["file_hashes"] = name_some(f"{r.relative_path}: {r.file_hash}" for r in reports)
    preview = _preview(connection, contract, reports)
    if preview:
        metadata["preview"] = dg.MetadataValue.md(preview)
    if missing:
        metadata["partitions_not_landed"] = name_some(missing)
    return metadata


def partition_metadata(
    connection: psycopg.Connection,
    contract: Contract,
    reports: Sequence[tuple[str, FileReport]],
) -> dict[str, dict[str, Any]]:
    """What each partition says of itself, which sums over the run would hide.

    Args:
        connection: To the warehouse.
        contract: Of the source.
        reports: Each with the partition of its file, in the order of the partitions.
    """
    by_partition: dict[str, list[FileReport]] = {}
    for partition, report in reports:
        by_partition.setdefault(partition, []).append(report)
    rows = _rows_by_partition(connection, contract, list(by_partition))
    found: dict[str, dict[str, Any]] = {}
    for key, own in by_partition.items():
        found[key] = {"dagster/partition_row_count": rows.get(key, 0), **counts(own)}
        found[key]["file_hashes"] = [f"{r.relative_path}: {r.file_hash}" for r in own]
    found[reports[-1][0]] |= recent_rows(connection, contract)
    return found


def _rows_by_partition(
    connection: psycopg.Connection, contract: Contract, keys: Sequence[str]
) -> Mapping[str, int]:
    key_format = KEY_FORMATS[contract.cadence]
    moments = [datetime.strptime(key[:16], key_format) for key in keys]  # noqa: DTZ007
    rows = connection.execute(
        "select partition_at, sum(valid_records - pruned_records)::bigint"
        " from ops.pipeline_file_log"
        " where source = %s and is_loaded and partition_at = any(%s) group by 1",
        [contract.source, moments],
    ).fetchall()
    return {moment.strftime(key_format): count for moment, count in rows}


def _preview(
    connection: psycopg.Connection, contract: Contract, reports: Sequence[FileReport]
) -> str | None:
    """The first rows of these files as a Markdown table, of the columns that are shown."""
    shown = [column for column in contract.columns if column.is_shown]
    log_ids = [report.log_id for report in reports if report.valid and report.log_id is not None]
    if not log_ids:
        return None
    query = sql.SQL(
        "select {columns} from {table} where _load_id = %s order by _row_number limit %s"
    ).format(
        columns=sql.SQL(", ").join(sql.Identifier(column.name) for column in shown),
        table=sql.Identifier("raw", contract.source),
    )
    rows = connection.execute(query, [log_ids[-1], PREVIEW_ROWS]).fetchall()
    return markdown_table(
        [column.name for column in shown], [[_shortened(value) for value in row] for row in rows]
    )


def _shortened(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= PREVIEW_CHARACTERS else text[:PREVIEW_CHARACTERS] + "…"
