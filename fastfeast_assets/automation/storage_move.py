"""Dagster's tables out of the schema `public`, where versions before 0.2 had them.

Whoever may create functions in a schema of the search path decides what statements mean; in
`public` that may be anybody.
"""

from __future__ import annotations

import psycopg
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
from dagster._core.storage.runs.schema import RunStorageSqlMetadata
from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata
from psycopg import sql

from fastfeast_assets.warehouse.connection import APPLICATION_NAME, ServerError, connect
from fastfeast_assets.warehouse.locks import MIGRATE_LOCK
from fastfeast_assets.warehouse.server import DAGSTER_SCHEMA

METADATA = (RunStorageSqlMetadata, SqlEventLogStorageMetadata, ScheduleStorageSqlMetadata)
TABLES = sorted({"alembic_version", *(name for known in METADATA for name in known.tables)})
# By columns that are Dagster's: others have tables of such names, too.
IS_TO_BE_MOVED = """
select to_regclass(%s) is null and count(*) = 4
from pg_class c
join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = to_regnamespace('public') and pg_has_role(c.relowner, 'usage')
    and (c.relname, a.attname) in (
        ('runs', 'run_body'), ('event_logs', 'dagster_event_type'), ('run_tags', 'run_id'),
        ('job_ticks', 'tick_body')
    )
"""
OTHERS = """
select count(*) from pg_stat_activity
where datname = current_database() and backend_type = 'client backend'
    and pid <> pg_backend_pid() and application_name not like %s
"""


def leave_public(url: str) -> None:
    """Move the tables that an earlier version made in `public`; safe to race.

    Args:
        url: Of Dagster's storage.

    Raises:
        ServerError: Somebody else is connected, such as the console of that version.
    """
    runs = [f"{DAGSTER_SCHEMA}.runs"]
    with connect(url) as connection:
        if connection.execute(IS_TO_BE_MOVED, runs).fetchone() != (True,):
            return
        connection.execute("select pg_advisory_xact_lock(%s)", [MIGRATE_LOCK])
        if connection.execute(IS_TO_BE_MOVED, runs).fetchone() != (True,):
            return
        row = connection.execute(OTHERS, [f"{APPLICATION_NAME}%"]).fetchone()
        if row != (0,):
            raise ServerError(
                "Dagster's tables are to be moved into a schema of their own, and others are"
                " connected to them: end the console of the earlier version and try again;"
                " nothing was changed"
            )
        _move(connection)


def _move(connection: psycopg.Connection) -> None:
    found = connection.execute(
        "select tablename from pg_tables where schemaname = 'public' and tablename = any(%s)",
        [TABLES],
    ).fetchall()
    for (name,) in found:
        statement = sql.SQL("alter table public.{} set schema {}")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(DAGSTER_SCHEMA)))
