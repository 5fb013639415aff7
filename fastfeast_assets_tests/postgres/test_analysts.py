"""Who reads the warehouse finds the public names, also who came later."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.analysts import ANALYST_ROLE, FORMER_SETTING, HIDDEN
from fastfeast_assets.warehouse.connection import url_of

Start = Callable[[], None]


@pytest.fixture
def start(settings: Settings, contracts: Mapping[str, Contract]) -> Start:
    """What each command does first."""
    return lambda: Warehouse(settings).prepare(contracts)


@pytest.fixture
def analyst(database_url: str) -> Iterator[str]:
    """The URL of a login that becomes a member of the analysts' role."""
    role = f"nadia_{uuid.uuid4().hex}"
    statements = ("create role {0} login", "grant {1} to {0}")
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in statements:
            names = (sql.Identifier(role), sql.Identifier(ANALYST_ROLE))
            connection.execute(sql.SQL(statement).format(*names))
    yield url_of(database_url, user=role)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def path_of(url: str) -> str:
    """The search path of a new session."""
    with psycopg.connect(url) as connection:
        row = connection.execute("show search_path").fetchone()
    assert row is not None
    return str(row[0])


def test_a_member_that_came_later_finds_the_public_names(
    start: Start, analyst: str, database_url: str
) -> None:
    assert path_of(analyst) == '"$user", public'
    start()
    assert path_of(analyst) == path_of(database_url) == "marts, analytics, ops"
    with psycopg.connect(analyst) as connection:
        connection.execute("select count(*) from quarantine")


def test_what_was_taken_away_is_given_again(start: Start, analyst: str, database_url: str) -> None:
    start()
    with psycopg.connect(database_url) as connection:
        connection.execute(
            sql.SQL("revoke select on ops.quarantine from {}").format(sql.Identifier(ANALYST_ROLE))
        )
    start()
    with psycopg.connect(analyst) as connection:
        connection.execute("select count(*) from quarantine")


def test_what_is_for_operators_is_not_for_analysts(
    start: Start, analyst: str, database_url: str
) -> None:
    """Also where an earlier version, or somebody, has granted it."""
    start()
    with psycopg.connect(database_url) as connection:
        connection.execute(
            sql.SQL("grant select on all tables in schema ops to {}").format(
                sql.Identifier(ANALYST_ROLE)
            )
        )
    start()
    for table in HIDDEN:
        with psycopg.connect(analyst) as connection:
            name = sql.Identifier(*table.split("."))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("select from {}").format(name))
    with psycopg.connect(analyst) as connection:
        connection.execute("select count(*) from pipeline_file_log")


def test_the_path_of_everybody_with_public_in_it_is_taken_back(
    start: Start, database_url: str
) -> None:
    name = sql.Identifier(str(conninfo_to_dict(database_url)["dbname"]))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("alter database {} set search_path = marts, analytics, ops, public").format(
                name
            )
        )
        set_for_all = (
            "select setconfig from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase"
            " where d.datname = current_database() and setrole = 0"
        )
        assert connection.execute(set_for_all).fetchone() == ([FORMER_SETTING],)
        start()
        assert connection.execute(set_for_all).fetchone() is None
