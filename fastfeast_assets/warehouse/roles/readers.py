"""The public names of `ops` for readers: views that show the rejected row to stewards only.

They are in `analytics`, before `ops` in the search path of readers, who have no right on `ops`. A
view reads with the rights of its owner; what it shows of `raw_data` depends on who asks.
"""

from __future__ import annotations

from typing import LiteralString

import psycopg
from psycopg import sql

from fastfeast_assets.warehouse.roles.ownership import hand_over

SHOWN = ("quarantine", "pipeline_file_log")
# Where it stands, it is null unless the reader may read the quarantine itself.
GUARDED = "raw_data"
MAY_SEE = "(select pg_catalog.has_table_privilege('ops.quarantine'::regclass, 'select'))"

COLUMNS: LiteralString = """
select
    array_agg(attname::text || ' ' || format_type(atttypid, atttypmod) order by attnum),
    array_agg(attname::text order by attnum)
from pg_attribute
where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
"""
COMMENTS: LiteralString = """
select c.objsubid, a.attname, c.description
from pg_description c
left join pg_attribute a on a.attrelid = c.objoid and a.attnum = c.objsubid
where c.classoid = 'pg_class'::regclass and c.objoid = to_regclass(%s)
"""


def make_reader_views(connection: psycopg.Connection) -> None:
    """Make the views that are missing, or that lack a column of their table."""
    for name in SHOWN:
        columns, names = _columns(connection, f"ops.{name}")
        if columns == _columns(connection, f"analytics.{name}")[0]:
            continue
        view, table = sql.Identifier("analytics", name), sql.Identifier("ops", name)
        shown = sql.SQL(", ").join(_shown(column) for column in names)
        with connection.transaction():
            connection.execute(
                sql.SQL("create or replace view {} as select {} from {}").format(view, shown, table)
            )
            _describe(connection, view, f"ops.{name}")
            hand_over(connection)


def _shown(column: str) -> sql.Composable:
    name = sql.Identifier(column)
    if column != GUARDED:
        return name
    return sql.SQL("case when {} then {} end as {}").format(sql.SQL(MAY_SEE), name, name)


def _columns(connection: psycopg.Connection, table: str) -> tuple[list[str], list[str]]:
    """Name and type of each column, and the names; empty for a table that is not there."""
    row = connection.execute(COLUMNS, [table]).fetchone()
    return (row[0] or [], row[1] or []) if row else ([], [])


def _describe(connection: psycopg.Connection, view: sql.Identifier, table: str) -> None:
    for place, column, text in connection.execute(COMMENTS, [table]).fetchall():
        is_column = place > 0
        what = sql.SQL("column {}.{}").format(view, sql.Identifier(column)) if is_column else None
        if column == GUARDED:
            text = f"{text} Null for who is no steward."
        connection.execute(
            sql.SQL("comment on {} is {}").format(
                what or sql.SQL("view {}").format(view), sql.Literal(text)
            )
        )
