"""The monthly partitions of the raw tables of stream sources: making, listing, converting.

Loads share a lock on their month and retention takes it alone, so that no month goes while a
file is loaded into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.ddl import (
    PARTITION_COLUMN,
    month_after,
    month_of,
    month_partition,
    month_partition_ddl,
    month_partition_name,
)
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.warehouse.locks import ATTACH_LOCK


@dataclass(frozen=True)
class Month:
    """A monthly partition of a raw table."""

    source: str
    month: date

    @property
    def table(self) -> sql.Identifier:
        """Its table."""
        return month_partition(self.source, self.month)

    @property
    def name(self) -> str:
        """Its name in the audit log."""
        return f"raw.{self.source}/{self.month:%Y-%m}"


def ensure_month(connection: psycopg.Connection, source: str, month: date) -> None:
    """Make a month's partition unless it exists, in a transaction; safe to race."""
    if _exists(connection, source, month):
        return
    connection.execute("select pg_advisory_xact_lock(%s)", [ATTACH_LOCK])
    if not _exists(connection, source, month):
        for statement in month_partition_ddl(source, month):
            connection.execute(statement)


def _exists(connection: psycopg.Connection, source: str, month: date) -> bool:
    # Not to_regclass: it may remember from before the lock that there is no such table.
    schema, name = month_partition_name(source, month)
    row = connection.execute(
        "select exists (select from pg_class where relname = %s"
        " and relnamespace = (select oid from pg_namespace where nspname = %s))",
        [name, schema],
    ).fetchone()
    return row == (True,)


def make_room(
    connection: psycopg.Connection, contract: Contract, moment: datetime, *, is_forced: bool
) -> None:
    """Make the month of a landing partition, if its source has months and `enter` admits it.

    In a short transaction of its own, so that no other load waits for this one.
    """
    if contract.cadence != "stream":
        return
    month = Month(contract.source, month_of(moment))
    if is_forced or not was_pruned(connection, month):
        ensure_month(connection, month.source, month.month)


def enter(
    connection: psycopg.Connection, contract: Contract, moment: datetime, *, is_forced: bool
) -> None:
    """`hold` the month of a landing partition, and see that its table is there.

    Raises:
        FileRejectedError: Retention has taken the month. Unless `is_forced`.
    """
    if contract.cadence != "stream":
        return
    month = hold(connection, contract, moment)
    if not is_forced and was_pruned(connection, month):
        raise FileRejectedError(
            f"raw no longer holds {month.source} of {month.month:%Y-%m} (`fastfeast prune`); if the"
            " file should count all the same, load it with `fastfeast reprocess`: no fact goes back"
            " to an earlier version"
        )
    ensure_month(connection, month.source, month.month)


def hold(connection: psycopg.Connection, contract: Contract, moment: datetime) -> Month:
    """Keep retention out of the month of a landing partition until the transaction ends."""
    month = Month(contract.source, month_of(moment))
    connection.execute("select pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", [month.name])
    return month


def own_month(connection: psycopg.Connection, month: Month) -> None:
    """Keep loads from a month until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [month.name])


def was_pruned(connection: psycopg.Connection, month: Month) -> bool:
    """Whether retention has taken rows of a month out of raw."""
    row = connection.execute(
        "select exists (select from ops.pipeline_file_log where source = %s and pruned_records > 0"
        " and partition_at >= %s and partition_at < %s)",
        [month.source, month.month, month_after(month.month)],
    ).fetchone()
    return row == (True,)


def months(connection: psycopg.Connection, source: str) -> list[Month]:
    """The partitions of a raw table, oldest first."""
    rows = connection.execute(
        "select right(c.relname, 7) from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = to_regclass(%s) order by 1",
        [sql.Identifier("raw", source).as_string(connection)],
    ).fetchall()
    return [Month(source, date(int(name[:4]), int(name[5:]), 1)) for (name,) in rows]


def convert(connection: psycopg.Connection, contract: Contract, create: sql.Composed) -> None:
    """Turn a raw table that is not partitioned into one that is, in the present transaction.

    Its rows are copied month by month into the new table, whose indexes the caller makes; views
    on it, those of the staging layer, are pointed to the new table.

    Args:
        connection: In the transaction of the migration.
        contract: The source, a stream.
        create: The statement that makes the partitioned table.
    """
    table = sql.Identifier("raw", contract.source)
    name = table.as_string(connection)
    kind = connection.execute(
        "select relkind::text from pg_class where oid = to_regclass(%s)", [name]
    ).fetchone()
    if kind != ("r",):
        return
    before = f"{contract.source}_unpartitioned"
    old = sql.Identifier("raw", before)
    views, columns = _views(connection, name), columns_of(connection, name)
    connection.execute(sql.SQL("alter table {} rename to {}").format(table, sql.Identifier(before)))
    connection.execute(create)
    moments = connection.execute(
        sql.SQL("select distinct date_trunc('month', {}) from {}").format(
            sql.Identifier(PARTITION_COLUMN), old
        )
    ).fetchall()
    for (moment,) in moments:
        ensure_month(connection, contract.source, month_of(moment))
    connection.execute(
        sql.SQL("insert into {} ({}) select {} from {}").format(table, columns, columns, old)
    )
    for view, definition in views:
        head = sql.SQL("create or replace view {} as ").format(view).as_bytes(connection)
        connection.execute(head + definition.encode())
    connection.execute(sql.SQL("drop table {}").format(old))


def columns_of(connection: psycopg.Connection, table: str) -> sql.Composed:
    """The columns of a table, for an `insert ... select`."""
    return sql.SQL(", ").join(map(sql.Identifier, column_names(connection, table)))


def column_names(connection: psycopg.Connection, table: str) -> list[str]:
    """The columns of a table in their order; none where there is no such table."""
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0"
        " and not attisdropped order by attnum",
        [table],
    ).fetchall()
    return [name for (name,) in rows]


def _views(connection: psycopg.Connection, table: str) -> list[tuple[sql.Identifier, str]]:
    """The views that read a table, and their queries."""
    rows = connection.execute(
        "select distinct n.nspname, v.relname, pg_get_viewdef(v.oid) from pg_depend d"
        " join pg_rewrite r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass"
        " join pg_class v on v.oid = r.ev_class and v.relkind = 'v'"
        " join pg_namespace n on n.oid = v.relnamespace"
        " where d.refclassid = 'pg_class'::regclass and d.refobjid = to_regclass(%s)",
        [table],
    ).fetchall()
    return [(sql.Identifier(schema, view), definition) for schema, view, definition in rows]
