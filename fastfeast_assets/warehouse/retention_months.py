"""Retention of the raw tables of streams: whole months leave.

The ledger counts what is taken out, so that rows in = loaded + quarantined can be checked for
ever. What the marts may need again stays: months with a load that no completed transform has
seen, rows of waiting orphans, and rows of keys that later months hold too, which count again when
a later file gives the key up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import LiteralString

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.ddl import month_after, month_partition_ddl
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse import audit
from fastfeast_assets.warehouse.months import Month, column_names, columns_of, months, own_month

LOCK_TIMEOUT = "10s"
TRANSFORM = "transform"

UNSEEN: LiteralString = (
    "select exists (select from ops.pipeline_file_log l where l.source = %s"
    " and l.partition_at >= %s and l.partition_at < %s and l.status = 'success'"
    " and not exists (select from ops.consumed_load c"
    " where c.consumer = %s and c.load_id = l.log_id and c.generation >= l.generation))"
)
HELD = sql.SQL("pg_temp.held_rows")


@dataclass(frozen=True)
class MonthCount:
    """A month of a stream that is past its time.

    Attributes:
        rows: Rows that may go.
        held: Rows that stay.
        is_unseen: Whether a load of it has not been through a completed transform: all stays.
    """

    month: Month
    rows: int
    held: int
    is_unseen: bool


def old_months(
    connection: psycopg.Connection, contract: Contract, before: date
) -> Iterator[MonthCount]:
    """The months of a stream that end on or before a day."""
    for month in months(connection, contract.source):
        if month_after(month.month) <= before:
            yield _count(connection, contract, month)


def prune_month(connection: psycopg.Connection, contract: Contract, month: Month) -> MonthCount:
    """Take a month out of raw: detach it, put what is held into a fresh partition, drop the rest.

    One transaction, so that a kill leaves the month as it was. The table is locked only for the
    exchange of its partitions.

    Raises:
        psycopg.errors.LockNotAvailable: Loads or queries use the table; nothing was changed.
    """
    with connection.transaction():
        connection.execute(sql.SQL("set local lock_timeout = {}").format(LOCK_TIMEOUT))
        own_month(connection, month)
        if _is_unseen(connection, month):
            return _count(connection, contract, month)
        # Found once: looking a month's keys up in all later ones is nearly all of the work.
        connection.execute(
            sql.SQL(
                "create temporary table held_rows on commit drop as"
                " select r.* from {} r join ({}) h on h.place = r.ctid"
            ).format(month.table, _held_places(contract, month))
        )
        found = _counted(connection, month, HELD, is_unseen=False)
        if found.held and not found.rows:
            return found
        _note_pruned(connection, month)
        _note_in_fact(connection, contract, month)
        _exchange(connection, month)
        old, new = {"rows": found.rows + found.held}, {"rows": found.held}
        audit.write(connection, [audit.Entry("prune", month.name, old, new)])
    return found


def _count(connection: psycopg.Connection, contract: Contract, month: Month) -> MonthCount:
    held = sql.SQL("({}) h").format(_held_places(contract, month))
    return _counted(connection, month, held, is_unseen=_is_unseen(connection, month))


def _counted(
    connection: psycopg.Connection, month: Month, held: sql.Composable, *, is_unseen: bool
) -> MonthCount:
    """The month with its rows; `held` is a table with one row for each that stays."""
    row = connection.execute(
        sql.SQL("select (select count(*) from {}), (select count(*) from {})").format(
            month.table, held
        )
    ).fetchone()
    total, kept = row or (0, 0)
    return MonthCount(month, total - kept, kept, is_unseen)


def _is_unseen(connection: psycopg.Connection, month: Month) -> bool:
    values = [month.source, month.month, month_after(month.month), TRANSFORM]
    return connection.execute(UNSEEN, values).fetchone() == (True,)


def _held_places(contract: Contract, month: Month) -> sql.Composed:
    """Query: the places (`ctid`) of the rows of a month that stay.

    Two queries and no `or` between them, so that the planner may join: it would look up row by row.
    """
    return sql.SQL(
        "select r.ctid as place from {month} r join ops.quarantine q on q.log_id = r._load_id"
        " and q.row_number = r._row_number where q.rejection_stage = 'orphan' and q.status = 'open'"
        " union"
        " select r.ctid from {month} r where exists"
        " (select from {table} n where n.{key} = r.{key} and n._partition_at >= {end})"
    ).format(
        month=month.table,
        table=sql.Identifier("raw", contract.source),
        key=sql.Identifier(contract.key.stored_as),
        end=sql.Literal(month_after(month.month)),
    )


def _note_pruned(connection: psycopg.Connection, month: Month) -> None:
    connection.execute(
        sql.SQL(
            "update ops.pipeline_file_log l set pruned_records = pruned_records + gone.rows"
            " from (select _load_id, count(*) - (select count(*) from {held} h"
            " where h._load_id = r._load_id) as rows from {table} r group by 1) gone"
            " where l.log_id = gone._load_id and gone.rows > 0"
        ).format(table=month.table, held=HELD)
    )


def _note_in_fact(connection: psycopg.Connection, contract: Contract, month: Month) -> None:
    """Let each row of the fact know which earlier version of its key leaves raw (`_pruned_at`)."""
    fact = sql.Identifier("marts", contract.target)
    if "_pruned_at" not in column_names(connection, fact.as_string(connection)):
        return
    connection.execute(
        sql.SQL(
            "update {fact} f set _pruned_at = gone.partition_at from ("
            "select shown.{key}, max(r._partition_at) as partition_at"
            " from {month} r join {fact} shown"
            " on shown.{key} = r.{key} and shown._partition_at > r._partition_at"
            " where not exists (select from {held} h"
            " where h._load_id = r._load_id and h._row_number = r._row_number)"
            " group by 1) gone where f.{key} = gone.{key}"
            " and coalesce(f._pruned_at, '-infinity') < gone.partition_at"
        ).format(
            fact=fact,
            key=sql.Identifier(contract.key.stored_as),
            month=month.table,
            held=HELD,
        )
    )


def _exchange(connection: psycopg.Connection, month: Month) -> None:
    """Put a partition of the held rows in the place of the month's, or none."""
    table = sql.Identifier("raw", month.source)
    columns = columns_of(connection, month.table.as_string(connection))
    connection.execute(sql.SQL("alter table {} detach partition {}").format(table, month.table))
    connection.execute(sql.SQL("drop table {}").format(month.table))
    if connection.execute(sql.SQL("select from {} limit 1").format(HELD)).fetchone() is None:
        return
    for statement in month_partition_ddl(month.source, month.month):
        connection.execute(statement)
    connection.execute(
        sql.SQL("insert into {} ({}) select {} from {}").format(table, columns, columns, HELD)
    )
