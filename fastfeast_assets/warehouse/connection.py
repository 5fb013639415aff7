"""The one way to a database of ours: what is asked of a connection, and what holds in its session.

A server, a database or a role may have defaults of any kind. What our statements mean must not
depend on them, so each session gets its own settings; what cannot be set is refused. dbt and
Dagster connect by themselves: `driver_settings` and `session_url` tell them the same.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import conninfo_to_dict

from fastfeast_assets.warehouse.locks import MARK_LOCK

APPLICATION_NAME = "fastfeast"
CONNECT_SECONDS = "10"
# Functions, operators and types come from here and nowhere else; tables are always named whole.
OWN_PATH = "pg_catalog, pg_temp"
NO_LIMITS_SINCE = {"transaction_timeout": 170_000}
SESSION = {
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "array_nulls": "on",
    "bytea_output": "hex",
    "default_transaction_deferrable": "off",
    "default_transaction_isolation": "read committed",
    "extra_float_digits": "1",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "lock_timeout": "0",
    "standard_conforming_strings": "on",
    "statement_timeout": "0",
    "transform_null_equals": "off",
}
ENCODING = "UTF8"
# What libpq sends from the environment beside, and above, the options of a session.
SENT_FROM_ENVIRONMENT = {"PGDATESTYLE": SESSION["DateStyle"], "PGTZ": SESSION["TimeZone"]}

# Named whole: it is sent while the path may still be anybody's.
SET = sql.SQL("pg_catalog.set_config({}, {}, false)")
BEGIN = sql.SQL("select pg_catalog.pg_backend_pid(), pg_catalog.current_setting('search_path'), {}")
NOT_THROUGH = (
    "settings of a session do not reach the server through it; name PostgreSQL's own host and port"
)
MARK = "fastfeast.session"
LOOKS = 3
# What dbt is told otherwise, and files whose place must not depend on where it is started.
OF_DBT = {
    *("application_name", "connect_timeout", "fallback_application_name", "options"),
    *("service", "servicefile"),
}
FILES = {"passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir"}

_session_is_own: dict[str, bool] = {}
_looking = threading.Lock()


class ServerError(Exception):
    """The server cannot be used; the text says what to do."""


def connect(
    url: str, *, autocommit: bool = False, path: str = OWN_PATH, **parameters: Any
) -> psycopg.Connection:
    """Open a connection whose session has our settings.

    Args:
        url: A connection URL or key-value string of libpq, with all that libpq knows.
        autocommit: As psycopg's.
        path: The search path.
        parameters: Further ones of libpq, such as keepalives; they win.

    Raises:
        psycopg.OperationalError: The server cannot be reached.
        ServerError: It can be, and is of no use: an encoding that loses letters, a pooler between
            us that shares sessions out.
    """
    wanted = {**session_parameters(url, path=path), **parameters}
    try:
        connection = psycopg.connect(**wanted, autocommit=True)
    except psycopg.OperationalError as error:
        if "unsupported startup parameter" in str(error):
            raise ServerError(f"a pooler stands before the database: {NOT_THROUGH}") from error
        raise
    try:
        _refuse_unusable(connection)
        _begin(connection, path)
        connection.autocommit = autocommit
    except BaseException:
        connection.close()
        raise
    return connection


def session_parameters(url: str, *, path: str = OWN_PATH) -> dict[str, str]:
    """The parameters of libpq by which a session of ours is opened, those of a service included.

    Args:
        url: As in `connect`.
        path: The search path.
    """
    parameters = _parameters_of(url)
    options = parameters.get("options") or os.environ.get("PGOPTIONS", "")
    return {
        "application_name": APPLICATION_NAME,
        "connect_timeout": CONNECT_SECONDS,
        **parameters,
        "client_encoding": ENCODING,
        "options": f"{options} {_as_options({'search_path': path, **SESSION})}".strip(),
    }


def driver_settings(connection: psycopg.Connection) -> tuple[dict[str, str], dict[str, str]]:
    """How another program with libpq, which is told host and login apart, gets the same session.

    Args:
        connection: One by `connect`; the program gets to the very server that it leads to.

    Returns:
        What is told apart: host, port, user, password, dbname. And all else, by keyword.

    Raises:
        ServerError: A parameter cannot be handed on, because dbt's driver does not know it.
    """
    info = connection.info
    apart = {
        "host": info.host,
        "port": str(info.port),
        "user": info.user,
        "password": info.password,
        "dbname": info.dbname,
    }
    rest = {
        option.keyword.decode(): option.val.decode()
        for option in connection.pgconn.info
        if option.val and option.keyword.decode() not in {*apart, *OF_DBT}
    }
    if "hostaddr" in rest:
        rest["hostaddr"] = info.hostaddr
    for keyword in FILES & rest.keys():
        if rest[keyword] != "system":
            rest[keyword] = os.path.abspath(os.path.expanduser(rest[keyword]))
    for keyword in rest:
        if not _is_known_to_psycopg2(keyword):
            raise ServerError(
                f"the URL of the database holds {keyword}, which dbt cannot be told: leave it out"
            )
    return apart, rest


def is_same_database(connection: psycopg.Connection, other: psycopg.Connection) -> bool:
    """Whether two connections lead to one database, of whatever names and roles.

    A copy of a database has all that the original has; a lock is in one of them only.
    """
    mark = secrets.randbelow(2**31)
    connection.execute("select pg_advisory_lock(%s, %s)", [MARK_LOCK, mark])
    row = other.execute(
        "select exists (select from pg_locks where locktype = 'advisory' and granted"
        " and (classid, objid, objsubid) = (%s, %s, 2)"
        " and database = (select oid from pg_database where datname = current_database()))",
        [MARK_LOCK, mark],
    ).fetchone()
    connection.execute("select pg_advisory_unlock(%s, %s)", [MARK_LOCK, mark])
    return row == (True,)


def parameter(connection: psycopg.Connection, keyword: str) -> str:
    """A parameter that libpq connected with, wherever it was taken from; empty for none."""
    found = (item.val for item in connection.pgconn.info if item.keyword == keyword.encode())
    return (next(found, None) or b"").decode()


def libpq_variables() -> set[str]:
    """The environment variables by which libpq connects."""
    named = {option.envvar.decode() for option in pq.Conninfo.get_defaults() if option.envvar}
    return {*named, *SENT_FROM_ENVIRONMENT, "PGSERVICEFILE", "PGSYSCONFDIR", "PGGEQO"}


def session_options(connection: psycopg.Connection) -> str:
    """The options of a connection by `connect`, whole for the version of its server."""
    late = late_settings(connection.info.server_version)
    return f"{parameter(connection, 'options')} {_as_options(late)}".strip()


def session_url(url: str, *, path: str, **changes: str) -> str:
    """A URL by which SQLAlchemy opens a session of ours.

    Args:
        url: As in `connect`.
        path: The search path.
        changes: Parameters of libpq to set, such as `dbname`.
    """
    return _as_url({**session_parameters(url, path=path), **changes})


def url_of(dsn: str, **changes: str) -> str:
    """The DSN as a URL that psycopg, SQLAlchemy and psql all read, with some parts changed.

    Args:
        dsn: A connection URL or key-value string.
        changes: Connection parameters to set, such as `dbname` or `options`.
    """
    return _as_url({**conninfo_to_dict(dsn), **changes})


def _as_url(parameters: Mapping[str, Any]) -> str:
    parts = dict(parameters)
    user, password = parts.pop("user", None), parts.pop("password", None)
    host, port, name = parts.pop("host", None), parts.pop("port", None), parts.pop("dbname", "")
    login = quote(str(user), safe="") if user else ""
    login += f":{quote(str(password), safe='')}" if password else ""
    if host and (str(host).startswith("/") or "," in str(host)):
        # Several hosts in the place of one are libpq's alone; as parameters, SQLAlchemy has them.
        parts["host"], host = host, None
        if port:
            parts["port"], port = port, None
    place = f"[{host}]" if host and ":" in str(host) else str(host or "")
    place += f":{port}" if port else ""
    if quote(str(name), safe="") != str(name):
        # SQLAlchemy takes the path of a URL as it stands.
        parts["dbname"], name = name, ""
    query = f"?{urlencode(parts, quote_via=quote)}" if parts else ""
    return f"postgresql://{login + '@' if login else ''}{place}/{quote(str(name))}{query}"


def _parameters_of(url: str) -> dict[str, str]:
    """What a URL says; where it names a service, what that says, which only libpq can tell."""
    parameters = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    if "service" not in parameters and "PGSERVICE" not in os.environ:
        return parameters
    with psycopg.connect(url, connect_timeout=int(CONNECT_SECONDS)) as connection:
        found = {
            option.keyword.decode(): option.val.decode()
            for option in connection.pgconn.info
            if option.val
        }
    return {name: value for name, value in found.items() if name not in {"service", "servicefile"}}


def _as_options(settings: Mapping[str, str]) -> str:
    return " ".join(
        f"-c{name}=" + re.sub(r"([\\\s])", r"\\\1", value) for name, value in settings.items()
    )


def late_settings(version: int) -> dict[str, str]:
    """What belongs to `SESSION` as well, but is not known to older servers.

    Args:
        version: Of the server, as libpq gives it.
    """
    return {name: "0" for name, since in NO_LIMITS_SINCE.items() if version >= since}


def _refuse_unusable(connection: psycopg.Connection) -> None:
    """Go by what the server reports of itself when a session begins.

    Raises:
        ServerError: Not even looking makes sense there.
    """
    encoding = reported(connection, "server_encoding")
    if encoding not in ("", ENCODING):
        raise ServerError(
            f"database {connection.info.dbname} has the encoding {encoding}, in which letters would"
            f" be lost: create one with `create database ... template template0 encoding"
            f" '{ENCODING}'`"
        )


def reported(connection: psycopg.Connection, name: str) -> str:
    """A setting that the server reports by itself; empty for one that it does not."""
    return (connection.pgconn.parameter_status(name.encode()) or b"").decode()


def _begin(connection: psycopg.Connection, path: str) -> None:
    """Set what the options may not have set; find a pooler.

    Raises:
        ServerError: A pooler stands between us and the server, and does not pass the options on or
            gives our sessions to others.
    """
    wanted = {"search_path": path, **SESSION, **late_settings(connection.info.server_version)}
    calls = [SET.format(name, value) for name, value in wanted.items()]
    row = connection.execute(BEGIN.format(sql.SQL(", ").join(calls))).fetchone()
    assert row is not None  # noqa: S101
    if row[1] != path:
        raise ServerError(
            f"the search path of this session is {row[1]!r} although it was asked for {path!r}:"
            f" a pooler stands between; {NOT_THROUGH}"
        )
    if row[0] != connection.info.backend_pid and not _is_own(connection):
        raise ServerError(
            "a pooler stands before the database that shares sessions out by transaction, where"
            " locks and temporary tables are lost: use its session mode, or PostgreSQL's own port"
        )


def _is_own(connection: psycopg.Connection) -> bool:
    """Whether a pooler leaves a session to who opened it; looked at once for each place."""
    place = f"{connection.info.host}:{connection.info.port}/{connection.info.dbname}"
    with _looking:
        if place not in _session_is_own:
            _session_is_own[place] = _keeps_its_session(connection)
        return _session_is_own[place]


def _keeps_its_session(connection: psycopg.Connection) -> bool:
    """Whether what a session sets is still there while another session is at work, and after."""
    mark = secrets.token_hex(8)
    connection.execute("select set_config(%s, %s, false)", [MARK, mark])
    look = "select current_setting(%s, true)"
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as other:
        if other.execute(look, [MARK]).fetchone() == (mark,):
            return False
        seen = [connection.execute(look, [MARK]).fetchone() for _ in range(LOOKS)]
    seen += [connection.execute(look, [MARK]).fetchone() for _ in range(LOOKS)]
    return set(seen) == {(mark,)}


def _is_known_to_psycopg2(keyword: str) -> bool:
    """Whether the driver of dbt and Dagster has a parameter; its libpq may be an older one."""
    import psycopg2
    from psycopg2.extensions import parse_dsn

    try:
        parse_dsn(f"{keyword}=''")
    except psycopg2.ProgrammingError:
        return False
    return True
