"""Retention of quarantine and ledger: settled rows and superseded attempts leave, in batches.

Never an open row of the quarantine, never the last attempt at a file or the one whose rows raw
holds. The ledger counts refused rows that leave, as it does for raw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse import audit, sightings
from fastfeast_assets.warehouse.retention_months import TRANSFORM

BATCH_ROWS = 5_000
# How long everything that can be pruned is kept, unless the caller says otherwise.
KEEP_DAYS = {"raw": 400, "quarantine": 180, "log": 400, "dagster": 30}

PRUNE_SETTLED = sql.SQL(
    "with gone as (delete from ops.quarantine where quarantine_id in"
    " (select q.quarantine_id from ops.quarantine q where {} limit %s)"
    " returning source, log_id, row_number, left(primary_key, 64) as key, rejection_stage, status),"
    " counted as (update ops.pipeline_file_log l"
    " set pruned_quarantine = pruned_quarantine + of_load.rows"
    " from (select log_id, count(*) as rows from gone"
    " where rejection_stage <> 'orphan' and status <> 'released' group by log_id) of_load"
    " where l.log_id = of_load.log_id),"
    # Whom a refused row lists is not absent; once a load and key is enough.
    " remembered as (insert into ops.sighting (source, key, partition_at, load_id, row_number)"
    " select gone.source, gone.key, l.partition_at, l.log_id, min(gone.row_number)"
    " from gone join ops.pipeline_file_log l on l.log_id = gone.log_id and l.is_loaded"
    " where {} and gone.rejection_stage <> 'orphan'"
    " and not exists (select from ops.sighting s where s.load_id = l.log_id"
    " and s.said_by is null and s.key is not distinct from gone.key)"
    " group by 1, 2, 3, 4)"
    " select count(*) from gone"
)
AS_INTEGER = sql.SQL("case when q.primary_key ~ '^-?[0-9]{1,18}$' then q.primary_key::bigint end")
# A load that no transform has seen still tells the marts which keys it removed.
SUPERSEDED = sql.SQL(
    "not l.is_latest and not l.is_loaded and l.processed_at < %s"
    " and (l.status = 'failed' or exists (select from ops.consumed_load c"
    " where c.consumer = %s and c.load_id = l.log_id and c.generation >= l.generation))"
    " and not exists (select from ops.quarantine q where q.log_id = l.log_id)"
)
PRUNE_SUPERSEDED = sql.SQL(
    "with old as materialized (select l.log_id from ops.pipeline_file_log l where {} limit %s),"
    " keys as (delete from ops.removed_key where load_id in (select log_id from old)),"
    " seen as (delete from ops.consumed_load where load_id in (select log_id from old)),"
    " gone as (delete from ops.pipeline_file_log where log_id in (select log_id from old)"
    " returning 1)"
    " select count(*) from gone"
).format(SUPERSEDED)


def count_settled(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], before: datetime
) -> int:
    """How many rows of the quarantine were settled before a moment and may go."""
    return sum(
        _number(
            connection,
            sql.SQL("select count(*) from ops.quarantine q where {}").format(_settled(contract)),
            [before, contract.source],
        )
        for contract in contracts.values()
    )


def prune_settled(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], before: datetime
) -> int:
    """Take settled rows out of the quarantine, a transaction a batch.

    Returns:
        Number of rows.
    """
    return sum(
        _in_batches(
            connection,
            PRUNE_SETTLED.format(_settled(contract), sql.Literal(contract.cadence == "batch")),
            [before, contract.source, BATCH_ROWS],
            f"quarantine/{contract.source}",
            of=contract,
        )
        for contract in contracts.values()
    )


def count_superseded(connection: psycopg.Connection, before: datetime) -> int:
    """How many attempts before a moment are neither the last at their file nor loaded."""
    statement = sql.SQL("select count(*) from ops.pipeline_file_log l where {}").format(SUPERSEDED)
    return _number(connection, statement, [before, TRANSFORM])


def prune_superseded(connection: psycopg.Connection, before: datetime) -> int:
    """Take superseded attempts and the bookkeeping about them out of the ledger, in batches.

    Returns:
        Number of attempts.
    """
    values = [before, TRANSFORM, BATCH_ROWS]
    return _in_batches(connection, PRUNE_SUPERSEDED, values, "pipeline_file_log")


def _settled(contract: Contract) -> sql.Composed:
    """Condition on `q`; its parameters are the moment and the source.

    A refused row that is newer than any valid row of its member stays, and so does a discarded
    orphan while raw has its row: both say why a member or a fact is not as a file has it.
    """
    table = sql.Identifier("raw", contract.source)
    if contract.cadence == "batch":
        is_needed = sql.SQL(
            "q.primary_key is not null and exists (select from ops.pipeline_file_log l"
            " where l.log_id = q.log_id and l.is_loaded and not exists (select from {table} r"
            " where r._partition_at >= l.partition_at and r.{key} = {value}))"
        ).format(
            table=table,
            key=sql.Identifier(contract.key.stored_as),
            value=AS_INTEGER if contract.key.kind == "integer" else sql.SQL("q.primary_key"),
        )
    else:
        is_needed = sql.SQL(
            "q.rejection_stage = 'orphan' and q.status = 'discarded' and exists"
            " (select from {table} r where r._load_id = q.log_id"
            " and r._row_number = q.row_number)"
        ).format(table=table)
    return sql.SQL(
        "q.status <> 'open' and coalesce(q.resolved_at, q.quarantined_at) < %s and q.source = %s"
        " and not ({})"
    ).format(is_needed)


def _number(
    connection: psycopg.Connection, statement: sql.Composed, values: Sequence[object]
) -> int:
    row = connection.execute(statement, values).fetchone()
    return int(row[0]) if row else 0


def _in_batches(
    connection: psycopg.Connection,
    statement: sql.Composed,
    values: Sequence[object],
    target: str,
    *,
    of: Contract | None = None,
) -> int:
    """Run a statement that takes out a batch and counts it until there is nothing left."""
    total = 0
    while True:
        with connection.transaction():
            if of is not None:
                sightings.lock(connection, of)
            gone = _number(connection, statement, values)
            if gone:
                audit.write(connection, [audit.Entry("prune", target, {"rows": gone}, {"rows": 0})])
        total += gone
        if gone < BATCH_ROWS:
            return total
