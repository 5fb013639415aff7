"""Which PostgreSQL is used: one of the operator's own, or the embedded one of `cluster`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.cluster import Cluster

MINIMUM_VERSION = 14
DATABASE = "fastfeast"
DAGSTER_DATABASE_SUFFIX = "_dagster"
APPLICATION_NAME = "fastfeast"


class ServerError(Exception):
    """The server cannot be used; the text says what to do."""


def warehouse_dsn(settings: Settings) -> str:
    """The connection URL of the warehouse, starting the embedded server if need be.

    Raises:
        ServerError: The embedded server does not start.
    """
    if settings.warehouse_url is not None:
        return settings.warehouse_url.get_secret_value()
    return _embedded_database(settings, DATABASE)


def dagster_storage_url(settings: Settings) -> str:
    """The SQLAlchemy URL of Dagster's own storage; its database is made if it is missing.

    Where the role may not create databases, the schema `dagster` of the warehouse is used.

    Raises:
        ServerError: The embedded server does not start.
    """
    if settings.dagster_url is not None:
        return settings.dagster_url.get_secret_value()
    if settings.warehouse_url is None:
        return _embedded_database(settings, DATABASE + DAGSTER_DATABASE_SUFFIX)
    dsn = settings.warehouse_url.get_secret_value()
    name = str(conninfo_to_dict(dsn).get("dbname", DATABASE)) + DAGSTER_DATABASE_SUFFIX
    try:
        ensure_database(dsn, name)
    except psycopg.errors.InsufficientPrivilege:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("create schema if not exists dagster")
        return url_of(dsn, options="-csearch_path=dagster")
    return url_of(dsn, dbname=name)


def url_of(dsn: str, **changes: str) -> str:
    """The DSN as a URL that psycopg, SQLAlchemy and psql all read, with some parts changed.

    Args:
        dsn: A connection URL or key-value string.
        changes: Connection parameters to set, such as `dbname` or `options`.
    """
    parts: dict[str, Any] = {**conninfo_to_dict(dsn), **changes}
    user, password = parts.pop("user", None), parts.pop("password", None)
    host, port, name = parts.pop("host", None), parts.pop("port", None), parts.pop("dbname", "")
    login = quote(str(user), safe="") if user else ""
    login += f":{quote(str(password), safe='')}" if password else ""
    if host and str(host).startswith("/"):
        parts["host"], host = host, None
    place = f"[{host}]" if host and ":" in str(host) else str(host or "")
    place += f":{port}" if port else ""
    query = f"?{urlencode(parts, quote_via=quote)}" if parts else ""
    return f"postgresql://{login + '@' if login else ''}{place}/{quote(str(name))}{query}"


def ensure_database(dsn: str, name: str) -> None:
    """Create the database beside the one of the DSN unless it exists; safe to race.

    Raises:
        psycopg.errors.InsufficientPrivilege: The role may not create databases.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        known = connection.execute("select 1 from pg_database where datname = %s", [name])
        if known.fetchone():
            return
        try:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return


def _embedded_database(settings: Settings, name: str) -> str:
    uri = start_server(settings)
    ensure_database(uri, name)
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
