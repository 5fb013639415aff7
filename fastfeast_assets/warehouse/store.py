"""COPY: accepted rows into raw, refused rows into the quarantine, and taking a load out again."""

from __future__ import annotations

import io
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
import pyarrow as pa
import pyarrow.csv
from psycopg import sql
from psycopg.types.json import Jsonb

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.verdict import RejectedRow
from fastfeast_assets.ingest.read.json_decoder import written
from fastfeast_assets.warehouse import sightings


@dataclass(frozen=True)
class Load:
    """What every row of one load has in common."""

    contract: Contract
    log_id: int
    relative_path: str
    partition_at: datetime
    file_hash: str
    run_id: str

    @property
    def table(self) -> sql.Identifier:
        """The raw table."""
        return sql.Identifier("raw", self.contract.source)


def copy_rows(connection: psycopg.Connection, load: Load, rows: pa.Table) -> int:
    """COPY accepted rows into the raw table.

    Args:
        connection: In the transaction of the file.
        load: Whose rows they are.
        rows: Stored columns, `_row_number` and `_extra`.

    Returns:
        Number of rows.
    """
    if not rows.num_rows:
        return 0
    constants: dict[str, object] = {
        "_partition_at": load.partition_at.isoformat(sep=" "),
        "_source_file": load.relative_path,
        "_file_hash": load.file_hash,
        "_run_id": load.run_id,
        "_load_id": load.log_id,
    }
    for name, value in constants.items():
        rows = rows.append_column(name, pa.array([value]).take(pa.array([0] * rows.num_rows)))
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(rows, buffer, pyarrow.csv.WriteOptions(include_header=False))
    columns = sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(load.table, columns)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(buffer.getbuffer())
    return int(rows.num_rows)


def copy_rejected(
    connection: psycopg.Connection, load: Load, rejected: Iterable[RejectedRow]
) -> int:
    """COPY refused rows into the quarantine.

    Returns:
        Number of rows.
    """
    count = 0
    statement = (
        "copy ops.quarantine (log_id, source_file, source, source_table, row_number, "
        "primary_key, rejection_stage, rejection_reason, reasons, raw_data, run_id) from stdin"
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rejected:
            copy.write_row(
                (
                    load.log_id,
                    load.relative_path,
                    load.contract.source,
                    load.contract.target,
                    row.row_number,
                    row.primary_key,
                    row.stage,
                    row.text,
                    Jsonb(row.reasons),
                    Jsonb(row.raw_data, dumps=written),
                    load.run_id,
                )
            )
            count += 1
    return count


def loaded_keys(
    connection: psycopg.Connection, load: Load, keys: Sequence[str | None]
) -> Container[str]:
    """Those of the keys that this load has already put into raw."""
    key = load.contract.key
    statement = sql.SQL(
        "select {key}::text from {table} where _load_id = %s and _partition_at = %s"
        " and {key} = any(%s::{type}[])"
    ).format(key=sql.Identifier(key.stored_as), table=load.table, type=sql.SQL(key.physical_type))
    wanted = [value for value in keys if value is not None]
    values = [load.log_id, load.partition_at, wanted]
    return {row[0] for row in connection.execute(statement, values)}


def remove_load(
    connection: psycopg.Connection, contract: Contract, log_id: int, *, replaced_by: int
) -> None:
    """Take the rows of a load out of raw and settle its quarantine.

    The keys it held are noted for the load that replaces it, so that the marts follow. Of rows that
    retention has taken those come back that this load spoke for, or that are the newest now.
    """
    is_batch = contract.cadence == "batch"
    if is_batch:
        sightings.forget(connection, contract, log_id, replaced_by=replaced_by)
    table = sql.Identifier("raw", contract.source)
    key = sql.Identifier(contract.key.stored_as)
    connection.execute(
        sql.SQL(
            "insert into ops.removed_key (load_id, source, key, partition_at) "
            "select %s, %s, {}::text, _partition_at from {} where _load_id = %s"
        ).format(key, table),
        [replaced_by, contract.source, log_id],
    )
    connection.execute(sql.SQL("delete from {} where _load_id = %s").format(table), [log_id])
    if is_batch:
        sightings.keep_newest(connection, contract, log_id, replaced_by=replaced_by)
    connection.execute(
        "update ops.quarantine set status = 'resolved', resolved_at = now() "
        "where log_id = %s and status = 'open' and rejection_stage <> 'orphan'",
        [log_id],
    )
