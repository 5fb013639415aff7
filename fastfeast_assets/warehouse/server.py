"""Which PostgreSQL is used: one of the operator's own, or the embedded one of `cluster`."""

from __future__ import annotations

import os
import re
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.cluster import Cluster, UnsuitableHomeError
from fastfeast_assets.warehouse.connection import (
    ENCODING,
    ServerError,
    connect,
    libpq_variables,
    session_url,
    url_of,
)
from fastfeast_assets.warehouse.server_user import NamelessUserError, SharedHomeError

MINIMUM_VERSION = 14
DATABASE = "fastfeast"
DAGSTER_DATABASE_SUFFIX = "_dagster"
DAGSTER_SCHEMA = "dagster"
DAGSTER_APPLICATION = "fastfeast dagster"


def warehouse_dsn(settings: Settings) -> str:
    """The connection URL of the warehouse, starting the embedded server if need be.

    Raises:
        ServerError: The embedded server does not start.
    """
    if settings.warehouse_url is not None:
        return settings.warehouse_url.get_secret_value()
    return _embedded_database(settings, DATABASE)


def dagster_storage_url(settings: Settings) -> str:
    """The SQLAlchemy URL of Dagster's own storage; its database and schema are made if missing.

    Where the role may not create databases, the warehouse's is used. Its tables are in a schema of
    their own, which is all of the search path.

    Raises:
        ServerError: The embedded server does not start, or the server cannot be used.
    """
    url = _dagster_database(settings)
    paths = re.findall(r"search_path=(\S*)", str(conninfo_to_dict(url).get("options", "")))
    if settings.dagster_url is not None and set(paths) - {DAGSTER_SCHEMA}:
        raise ServerError(
            "the URL of Dagster's database names another search_path: leave it out, Dagster's"
            f" tables are in the schema {DAGSTER_SCHEMA}"
        )
    with connect(url, autocommit=True) as connection:
        _ensure_dagster_schema(connection)
    return session_url(url, path=DAGSTER_SCHEMA, application_name=DAGSTER_APPLICATION)


def existing_dagster_url(settings: Settings, connection: psycopg.Connection) -> str | None:
    """The URL of Dagster's storage for a look at it; nothing is made, None where there is none.

    Args:
        settings: Which may name it.
        connection: To the warehouse.
    """
    if settings.dagster_url is not None:
        return settings.dagster_url.get_secret_value()
    name = dagster_database(connection, named=None)
    known = connection.execute("select exists (select from pg_database where datname = %s)", [name])
    return url_of(warehouse_dsn(settings), dbname=name) if known.fetchone() == (True,) else None


def _ensure_dagster_schema(connection: psycopg.Connection) -> None:
    found = connection.execute(
        "select has_schema_privilege(oid, 'create'), pg_get_userbyid(nspowner)"
        " from pg_namespace where nspname = %s",
        [DAGSTER_SCHEMA],
    ).fetchone()
    if found is None:
        statement = sql.SQL("create schema if not exists {}")
        connection.execute(statement.format(sql.Identifier(DAGSTER_SCHEMA)))
    elif not found[0]:
        raise ServerError(
            f"the schema {DAGSTER_SCHEMA} of database {connection.info.dbname} belongs to"
            f" {found[1]}, and we may create nothing in it: alter its owner, or set"
            " FASTFEAST_DAGSTER_URL to another database"
        )


def _dagster_database(settings: Settings) -> str:
    if settings.dagster_url is not None:
        return settings.dagster_url.get_secret_value()
    if settings.warehouse_url is None:
        return _embedded_database(settings, DATABASE + DAGSTER_DATABASE_SUFFIX)
    url = settings.warehouse_url.get_secret_value()
    try:
        with connect(url, autocommit=True) as connection:
            name = connection.info.dbname + DAGSTER_DATABASE_SUFFIX
            create_database(connection, name)
    except psycopg.errors.InsufficientPrivilege:
        return url
    return url_of(url, dbname=name)


def dagster_database(connection: psycopg.Connection, *, named: str | None) -> str:
    """The name of the database of Dagster's storage, which need not exist yet.

    Args:
        connection: To the warehouse's database.
        named: The one that the settings name, if they do.
    """
    if named:
        return named
    warehouse = connection.info.dbname
    beside = warehouse + DAGSTER_DATABASE_SUFFIX
    row = connection.execute(
        "select not exists (select from pg_database where datname = %s)"
        " and to_regnamespace(%s) is not null",
        [beside, DAGSTER_SCHEMA],
    ).fetchone()
    return warehouse if row == (True,) else beside


def create_database(connection: psycopg.Connection, name: str) -> None:
    """Create a database beside that of the connection unless it exists; safe to race.

    Raises:
        psycopg.errors.InsufficientPrivilege: The role may not create databases.
    """
    known = connection.execute("select 1 from pg_database where datname = %s", [name])
    if known.fetchone():
        return
    try:
        connection.execute(create_database_statement(connection, name))
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        return


def create_database_statement(connection: psycopg.Connection, name: str) -> sql.Composed:
    """The statement that creates a database in the encoding and the locale of this one.

    They fit: a server's own may lose letters.
    """
    locale = connection.execute(
        "select datcollate, datctype from pg_database where datname = current_database()"
    ).fetchone()
    assert locale is not None  # noqa: S101
    return sql.SQL(
        "create database {} template template0 encoding {} lc_collate {} lc_ctype {}"
    ).format(sql.Identifier(name), sql.Literal(ENCODING), *map(sql.Literal, locale))


def _embedded_database(settings: Settings, name: str) -> str:
    uri = start_server(settings)
    # libpq would go by them, to another server even; those of a person's shell are not about ours.
    for variable in libpq_variables() & os.environ.keys():
        del os.environ[variable]
    with connect(uri, autocommit=True) as connection:
        create_database(connection, name)
    return url_of(uri, dbname=name)


def data_directory(settings: Settings) -> Path:
    """Where the embedded server keeps its cluster."""
    return Cluster(settings.home).directory


def start_server(settings: Settings) -> str:
    """Start the embedded server unless it runs; it outlives this process.

    Returns:
        URL of its maintenance database.

    Raises:
        ServerError: The server does not start.
    """
    try:
        return Cluster(settings.home).start()
    except (UnsuitableHomeError, SharedHomeError, NamelessUserError) as error:
        raise ServerError(str(error)) from error
    except Exception as error:
        log = data_directory(settings) / "log"
        raise ServerError(
            f"the embedded PostgreSQL did not start ({type(error).__name__}); see {log}, or set "
            "FASTFEAST_WAREHOUSE_URL to a server of your own"
        ) from error


def stop_server(settings: Settings) -> bool:
    """Stop the embedded server of this home.

    Returns:
        Whether one was running.
    """
    return Cluster(settings.home).stop()


def running_pid(settings: Settings) -> int | None:
    """Process id of the embedded server, or None when it does not run."""
    return Cluster(settings.home).running_pid()
