"""Who reads the warehouse finds the public names, also who came later."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.connection import url_of
from fastfeast_assets.warehouse.roles.grants import FORMER_SETTING
from fastfeast_assets.warehouse.roles.rights import ANALYST, STEWARD

Start = Callable[[], None]


@pytest.fixture
def start(settings: Settings, contracts: Mapping[str, Contract]) -> Start:
    """What each command does first."""
    return lambda: Warehouse(settings).prepare(contracts)


@contextmanager
def member(database_url: str, of: str) -> Iterator[str]:
    """The URL of a login that becomes a member of a role, which is made if need be."""
    role, of_role = sql.Identifier(f"nadia_{uuid.uuid4().hex}"), sql.Identifier(of)
    with psycopg.connect(database_url, autocommit=True) as connection:
        with suppress(psycopg.errors.DuplicateObject):
            connection.execute(sql.SQL("create role {}").format(of_role))
        for statement in ("create role {0} login", "grant {1} to {0}"):
            connection.execute(sql.SQL(statement).format(role, of_role))
    yield url_of(database_url, user=role.as_string().strip('"'))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop role {}").format(role))


@pytest.fixture
def analyst(database_url: str) -> Iterator[str]:
    """The URL of a login that becomes a member of the analysts' role."""
    with member(database_url, ANALYST) as url:
        yield url


@pytest.fixture
def steward(database_url: str) -> Iterator[str]:
    """The URL of a login that becomes a member of the stewards' role."""
    with member(database_url, STEWARD) as url:
        yield url


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
            sql.SQL("revoke select on analytics.quarantine from {}").format(sql.Identifier(ANALYST))
        )
    start()
    with psycopg.connect(analyst) as connection:
        connection.execute("select * from quarantine")


def test_what_comes_later_is_for_analysts_at_once(
    start: Start, analyst: str, database_url: str
) -> None:
    """Each transform makes views anew, and nothing is started in between."""
    start()
    with psycopg.connect(database_url) as connection:
        connection.execute("create view analytics.later as select 1")
        connection.execute("create table ops.later (secret text)")
    with psycopg.connect(analyst) as connection:
        connection.execute("select * from later")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select from ops.later")


def test_nothing_in_ops_is_for_analysts(start: Start, analyst: str, database_url: str) -> None:
    """Also where an earlier version, or somebody, has granted it, for what is yet to come too."""
    role = sql.Identifier(ANALYST)
    with psycopg.connect(database_url) as connection:
        for statement in (
            "grant usage on schema ops to {}",
            "grant select on all tables in schema ops to {}",
            "alter default privileges in schema ops grant select on tables to {}",
        ):
            connection.execute(sql.SQL(statement).format(role))
    start()
    with psycopg.connect(database_url) as connection:
        connection.execute("create table ops.later (secret text)")
        open_to_them = connection.execute(
            "select relname from pg_class c where relnamespace = 'ops'::regnamespace"
            " and relkind in ('r', 'p', 'v') and has_table_privilege(%s, oid, 'select')",
            [ANALYST],
        ).fetchall()
    assert not open_to_them
    with (
        psycopg.connect(analyst) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select from ops.pipeline_file_log")


@pytest.mark.parametrize(
    "given",
    [
        "grant usage on schema ops to public; grant select on ops.quarantine to public",
        "grant usage on schema ops to public;"
        " grant select (raw_data) on ops.quarantine to fastfeast_analyst",
        "grant pg_read_all_data to fastfeast_analyst",
        "alter role fastfeast_analyst superuser",
    ],
)
def test_whatever_way_more_was_given_it_is_taken_back(
    start: Start, analyst: str, database_url: str, given: str
) -> None:
    start()
    with psycopg.connect(database_url) as connection:
        connection.execute(given.encode())
    start()
    with psycopg.connect(analyst) as connection:
        for statement in ("select raw_data from ops.quarantine", "select from ops.pii_key"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement.encode())


def test_a_rejected_row_is_for_stewards(
    start: Start, analyst: str, database_url: str, steward: str
) -> None:
    """Who reads all of the quarantine gets every column, and of the row itself nothing."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "insert into ops.pipeline_file_log (log_id, file_path, file_name, file_hash, file_type,"
            " source, source_table, status, total_records, valid_records, quarantined,"
            " partition_at, bytes, fingerprint, landed_at, is_latest, is_loaded) values (1, 'a',"
            " 'a', 'a', 'batch', 'agents', 'dim_agent', 'success', 1, 0, 1, now(), 1, 'f', now(),"
            " true, true)"
        )
        connection.execute(
            "insert into ops.quarantine (log_id, source_file, source, source_table, row_number,"
            " rejection_stage, rejection_reason, reasons, raw_data, run_id) values (1, 'a',"
            " 'agents', 'dim_agent', 1, 'schema', 'bad', '[]', '{\"agent_id\": 7}', 'r')"
        )
    start()
    seen = {}
    for who, url in (("analyst", analyst), ("steward", steward), ("owner", database_url)):
        with psycopg.connect(url) as connection:
            cursor = connection.execute("select * from quarantine")
            assert cursor.description is not None
            names = [column.name for column in cursor.description]
            (row,) = cursor.fetchall()
            seen[who] = dict(zip(names, row, strict=True))
    assert seen["steward"] == seen["owner"]
    assert seen["owner"]["raw_data"] == {"agent_id": 7}
    assert seen["analyst"] == {**seen["owner"], "raw_data": None}


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
