"""The views that read a table's columns, which stand in the way of changing these."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from fastfeast_assets.warehouse.upgrade.errors import MigrationError

MADE_BY_DBT = ("staging", "intermediate", "marts", "analytics")
READERS = """
with recursive reading (oid) as (
    select r.ev_class
    from pg_depend d join pg_rewrite r on r.oid = d.objid
    where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
      and d.refobjid = to_regclass(%(table)s) and r.ev_class <> d.refobjid
      and (d.refobjsubid = 0 or d.refobjsubid in (
          select attnum from pg_attribute
          where attrelid = to_regclass(%(table)s) and attname = any(%(columns)s)))
    union
    select r.ev_class
    from reading join pg_depend d on d.refobjid = reading.oid
    join pg_rewrite r on r.oid = d.objid
    where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
      and r.ev_class <> d.refobjid
)
select n.nspname, c.relname, c.relkind = 'v' and n.nspname = any(%(own)s)
from reading join pg_class c on c.oid = reading.oid join pg_namespace n on n.oid = c.relnamespace
order by 1, 2
"""


def views_on(
    connection: psycopg.Connection, table: str, columns: Sequence[str]
) -> tuple[list[tuple[str, str]], list[str]]:
    """The views that read some columns of a table, directly or through others.

    Returns:
        Schema and name of those that dbt makes again, and the full names of all others.
    """
    values = {"table": table, "columns": list(columns), "own": list(MADE_BY_DBT)}
    rows = connection.execute(READERS.encode(), values).fetchall()
    own = [(schema, name) for schema, name, is_own in rows if is_own]
    return own, [f"{schema}.{name}" for schema, name, is_own in rows if not is_own]


def drop(connection: psycopg.Connection, views: Sequence[tuple[str, str]]) -> None:
    """Drop views, all of which dbt makes again.

    Raises:
        MigrationError: Something else rests on them.
    """
    if not views:
        return
    names = sql.SQL(", ").join(sql.Identifier(*view) for view in views)
    try:
        connection.execute(sql.SQL("drop view {}").format(names))
    except psycopg.errors.DependentObjectsStillExist:
        raise MigrationError(
            "something that dbt does not make rests on a view of "
            f"{', '.join('.'.join(view) for view in views)}: drop it first, and make it again"
            " afterwards"
        ) from None
