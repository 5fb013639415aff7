"""Sessions with our settings, and what is handed on to other programs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from fastfeast_assets.warehouse.connection import (
    OWN_PATH,
    SESSION,
    ServerError,
    connect,
    driver_settings,
    session_options,
    session_url,
    url_of,
)


@pytest.fixture
def odd_role(database_url: str) -> Iterator[str]:
    """A role whose settings are all unlike ours."""
    role = f"odd_{uuid.uuid4().hex}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))
        for name, value in (
            ("datestyle", "German"),
            ("timezone", "Asia/Kolkata"),
            ("default_transaction_isolation", "serializable"),
            ("client_encoding", "LATIN1"),
            ("statement_timeout", "1h"),
            ("transaction_timeout", "1h"),
        ):
            connection.execute(
                sql.SQL("alter role {} set {} = {}").format(
                    sql.Identifier(role), sql.Identifier(name), sql.Literal(value)
                )
            )
    yield role
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def shown(connection: psycopg.Connection | sqlalchemy.Connection) -> dict[str, str]:
    """The settings of a session."""
    names = [*SESSION, "search_path", "client_encoding", "transaction_timeout"]
    query = ", ".join(f"current_setting('{name}')" for name in names)
    if isinstance(connection, psycopg.Connection):
        row = connection.execute(f"select {query}".encode()).fetchone()
    else:
        row = tuple(connection.execute(sqlalchemy.text(f"select {query}")).one())
    assert row is not None
    return dict(zip(names, row, strict=True))


OURS = {
    **SESSION,
    "search_path": OWN_PATH,
    "client_encoding": "UTF8",
    "transaction_timeout": "0",
}


@pytest.mark.parametrize("more", ["", "options=-cdatestyle%3DGerman%20-csearch_path%3Dpublic"])
def test_a_session_does_not_depend_on_its_role_the_environment_or_the_url(
    database_url: str, odd_role: str, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    monkeypatch.setenv("PGDATESTYLE", "SQL, DMY")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    url = url_of(database_url, user=odd_role)
    with connect(f"{url}&{more}" if more else url) as connection:
        assert shown(connection) == OURS


def test_other_options_of_the_url_and_the_environment_stay(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-cwork_mem=7MB")
    with connect(database_url) as connection:
        row = connection.execute("show work_mem").fetchone()
    assert row == ("7MB",)
    with connect(url_of(database_url, options="-cwork_mem=9MB")) as connection:
        row = connection.execute("show work_mem").fetchone()
    assert row == ("9MB",)


def test_sqlalchemy_gets_the_same_session(database_url: str, odd_role: str) -> None:
    url = session_url(url_of(database_url, user=odd_role), path="dagster, other")
    with sqlalchemy.create_engine(url).connect() as connection:
        settings = shown(connection)
    assert settings == {**OURS, "search_path": "dagster, other", "transaction_timeout": "1h"}


def test_what_is_handed_on_is_whole(database_url: str) -> None:
    url = url_of(
        database_url,
        keepalives_idle="7",
        tcp_user_timeout="9000",
        sslrootcert="~/authority.pem",
        target_session_attrs="read-write",
    )
    with connect(url, autocommit=True) as connection:
        login, rest = driver_settings(connection)
        options = session_options(connection)
    assert login["dbname"] == conninfo_to_dict(database_url)["dbname"]
    assert login["host"] == conninfo_to_dict(database_url)["host"]
    assert rest["keepalives_idle"] == "7"
    assert rest["tcp_user_timeout"] == "9000"
    assert rest["target_session_attrs"] == "read-write"
    assert rest["client_encoding"] == "UTF8"
    assert rest["sslrootcert"].startswith("/")
    assert not {"password", "options", *login} & rest.keys()
    assert "-ctransaction_timeout=0" in options
    assert "-csearch_path=pg_catalog,\\ pg_temp" in options


def test_a_service_of_the_shell_is_not_handed_on_as_one(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libpq refuses a service within a service."""
    file = tmp_path / "services.conf"
    file.write_text("[s]\nkeepalives_idle=7\noptions=-cwork_mem=7MB\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    monkeypatch.setenv("PGSERVICE", "s")
    with connect(database_url, autocommit=True) as connection:
        _, rest = driver_settings(connection)
        assert connection.execute("show work_mem").fetchone() == ("7MB",)
    assert rest["keepalives_idle"] == "7"
    assert not {"service", "servicefile"} & rest.keys()


def test_what_the_driver_of_dbt_does_not_know_is_refused(database_url: str) -> None:
    with (
        connect(url_of(database_url, max_protocol_version="3.0")) as connection,
        pytest.raises(ServerError, match="max_protocol_version, which dbt cannot be told"),
    ):
        driver_settings(connection)


def test_several_hosts_are_in_the_parameters_where_sqlalchemy_finds_them() -> None:
    url = url_of("postgresql://u:p@a:1,b:2/d?target_session_attrs=any")
    assert sqlalchemy.make_url(url).query == {
        "host": "a,b",
        "port": "1,2",
        "target_session_attrs": "any",
    }
    assert conninfo_to_dict(url)["host"] == "a,b"
