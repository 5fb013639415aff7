"""Retention of the raw tables of batch sources: repetitions leave, changes stay.

A daily snapshot says of most members what the day before said. Such a row may go once it is old
and a newer one of its key is there; the first row of every version stays, from which dimensions
and their histories can be built again.
"""

from __future__ import annotations

from datetime import date

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse import audit
from fastfeast_assets.warehouse.retention_months import TRANSFORM

# Changes with every export; a member that changed in nothing else has not changed.
UNCOMPARED = frozenset({"updated_at"})


def old_loads(connection: psycopg.Connection, contract: Contract, before: date) -> list[int]:
    """The loads of partitions before a day that a transform has seen, the newest first."""
    rows = connection.execute(
        "select log_id from ops.pipeline_file_log l where source = %s and is_loaded"
        " and partition_at < %s and valid_records > pruned_records"
        " and exists (select from ops.consumed_load c"
        " where c.consumer = %s and c.load_id = l.log_id)"
        " order by partition_at desc, file_path",
        [contract.source, before, TRANSFORM],
    ).fetchall()
    return [row[0] for row in rows]


def count_repeated(connection: psycopg.Connection, contract: Contract, log_id: int) -> int:
    """How many rows of a load only repeat the snapshot before."""
    row = connection.execute(
        sql.SQL("select count(*) from {table} r where r._load_id = %s and {repeated}").format(
            table=sql.Identifier("raw", contract.source), repeated=_repeated(contract)
        ),
        [log_id],
    ).fetchone()
    return int(row[0]) if row else 0


def prune_repeated(connection: psycopg.Connection, contract: Contract, log_id: int) -> int:
    """Take the rows of a load that only repeat the snapshot before out of raw.

    One transaction a load. Loads are pruned from the newest to the oldest, so that the row that
    is repeated is still there.

    Returns:
        Number of rows.
    """
    with connection.transaction():
        gone = connection.execute(
            sql.SQL("delete from {table} r where r._load_id = %s and {repeated}").format(
                table=sql.Identifier("raw", contract.source), repeated=_repeated(contract)
            ),
            [log_id],
        ).rowcount
        if gone:
            row = connection.execute(
                "update ops.pipeline_file_log set pruned_records = pruned_records + %s"
                " where log_id = %s returning file_path, valid_records - pruned_records",
                [gone, log_id],
            ).fetchone()
            path, left = row or ("", 0)
            target = f"raw.{contract.source}/{path}"
            entry = audit.Entry("prune", target, {"rows": left + gone}, {"rows": left})
            audit.write(connection, [entry])
    return gone


def _repeated(contract: Contract) -> sql.Composed:
    """Condition: the version of the key before row `r` says the same, and there is a newer one."""
    compared = [
        sql.Identifier(column.stored_as)
        for column in contract.columns
        if column.name not in UNCOMPARED
    ]
    return sql.SQL(
        "exists (select from {table} n"
        " where n.{key} = r.{key} and n._partition_at > r._partition_at)"
        " and exists (select from (select p.* from {table} p"
        " where p.{key} = r.{key} and p._partition_at < r._partition_at"
        " order by p._partition_at desc, p._source_file limit 1) p"
        " where ({before}) is not distinct from ({now}))"
    ).format(
        table=sql.Identifier("raw", contract.source),
        key=sql.Identifier(contract.key.stored_as),
        before=sql.SQL(", ").join(sql.SQL("p.{}").format(name) for name in compared),
        now=sql.SQL(", ").join(sql.SQL("r.{}").format(name) for name in compared),
    )
