"""Bringing a database to the present: twice, at once, without rights, and with a new contract."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse.connection import ServerError, url_of
from fastfeast_assets.warehouse.migrate import migrate
from fastfeast_assets.warehouse.roles.rights import ANALYST
from fastfeast_assets.warehouse.upgrade import migrations as sql_files
from fastfeast_assets.warehouse.upgrade.errors import MigrationError, NewerWarehouseError
from fastfeast_assets.warehouse.upgrade.migrations import migrations, pending_migrations


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """URL of an empty database."""
    name = f"empty_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield url_of(server_url, dbname=name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )


@pytest.fixture
def plain_role(server_url: str, empty_url: str) -> Iterator[str]:
    """A role that may log in and nothing else."""
    name = f"role_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
    yield name
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(name)))
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def run(url: str, contracts: Mapping[str, Contract]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        migrate(connection, contracts)


def test_twice_is_once(empty_url: str, contracts: Mapping[str, Contract]) -> None:
    run(empty_url, contracts)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        applied = "select xmin::text, * from ops.schema_migration"
        tables = "select xmin::text, * from ops.raw_table"
        before = connection.execute(applied).fetchall(), connection.execute(tables).fetchall()
        migrate(connection, contracts)
        after = connection.execute(applied).fetchall(), connection.execute(tables).fetchall()
        assert after == before
        assert pending_migrations(connection) == []
    assert len(before[0]) == len(migrations())
    assert len(before[1]) == len(contracts)


def test_four_processes_at_once(empty_url: str, contracts: Mapping[str, Contract]) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: run(empty_url, contracts), range(4)))
    with psycopg.connect(empty_url) as connection:
        [(count,)] = connection.execute("select count(*) from ops.raw_table").fetchall()
    assert count == len(contracts)


def test_public_names_work_unqualified(
    empty_url: str, contracts: Mapping[str, Contract], server_url: str
) -> None:
    run(empty_url, contracts)
    with psycopg.connect(empty_url) as connection:
        connection.execute("select count(*) from quarantine")
        connection.execute("select count(*) from pipeline_file_log")
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(ANALYST)))
        connection.execute("select count(*) from quarantine")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from quarantine")


def test_no_superuser_is_needed(
    empty_url: str, plain_role: str, contracts: Mapping[str, Contract]
) -> None:
    database = psycopg.conninfo.conninfo_to_dict(empty_url)["dbname"]
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("grant create on database {} to {}").format(
                sql.Identifier(str(database)), sql.Identifier(plain_role)
            )
        )
    run(url_of(empty_url, user=plain_role), contracts)
    with psycopg.connect(url_of(empty_url, user=plain_role)) as connection:
        connection.execute("select count(*) from quarantine")


def test_a_table_belongs_to_the_owner_of_its_schema(
    empty_url: str, plain_role: str, contracts: Mapping[str, Contract]
) -> None:
    """Whoever makes it, and so it is the transformer's where that owns the schema."""
    with psycopg.connect(empty_url) as connection:
        for schema in ("raw", "analytics"):
            connection.execute(
                sql.SQL("create schema {} authorization {}").format(
                    sql.Identifier(schema), sql.Identifier(plain_role)
                )
            )
    run(empty_url, contracts)
    run(empty_url, contracts)
    with psycopg.connect(empty_url) as connection:
        owners = connection.execute(
            "select n.nspname, pg_get_userbyid(c.relowner), count(*) > 1"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname in ('raw', 'analytics') and c.relkind in ('r', 'p', 'v', 'S')"
            " group by 1, 2 order by 1"
        ).fetchall()
    assert owners == [("analytics", plain_role, True), ("raw", plain_role, True)]


def test_missing_rights_are_named(
    empty_url: str, plain_role: str, contracts: Mapping[str, Contract]
) -> None:
    with pytest.raises(ServerError, match=f"{plain_role} may not create schemas: grant create"):
        run(url_of(empty_url, user=plain_role), contracts)


def test_a_contract_that_gains_a_column_extends_its_table(
    empty_url: str, contracts: Mapping[str, Contract]
) -> None:
    run(empty_url, contracts)
    teams = contracts["teams"]
    extended = replace(
        teams,
        columns=(*teams.columns, replace(teams.column("team_name"), name="lead", stored_as="lead")),
    )
    run(empty_url, {**contracts, "teams": extended})
    with psycopg.connect(empty_url) as connection:
        connection.execute("select lead from raw.teams")


def test_an_earlier_contract_than_that_of_the_table_is_refused(
    empty_url: str, contracts: Mapping[str, Contract]
) -> None:
    """It would leave columns empty that it does not know; also where the table stays the same."""
    teams = contracts["teams"]
    lead = replace(teams.column("team_name"), name="lead", stored_as="lead")
    later = replace(teams, version="1.10.0", columns=(*teams.columns, lead))
    run(empty_url, {**contracts, "teams": replace(teams, version="1.9.0")})
    run(empty_url, {**contracts, "teams": later})
    for refused in (teams, replace(later, version="1.9.9")):
        said = rf"raw\.teams is of version 1\.10\.0.*version {refused.version}.*nothing was changed"
        with pytest.raises(MigrationError, match=said):
            run(empty_url, {**contracts, "teams": refused})
    run(empty_url, {**contracts, "teams": replace(teams, version="2.0")})
    with pytest.raises(MigrationError, match=r"version 2\.0"):
        run(empty_url, {**contracts, "teams": later})


def test_a_contract_whose_type_does_not_fit_its_rows_is_refused(
    empty_url: str, contracts: Mapping[str, Contract]
) -> None:
    run(empty_url, contracts)
    teams = contracts["teams"]
    name = replace(teams.column("team_name"), kind="integer", physical_type="integer")
    changed = replace(teams, columns=(teams.key, name))
    with psycopg.connect(empty_url) as connection:
        connection.execute(
            "insert into raw.teams (team_id, team_name, _partition_at, _source_file, _file_hash,"
            " _row_number, _run_id, _load_id) values (1, 'Refunds', now(), '', '', 1, '', 1)"
        )
    with pytest.raises(MigrationError, match=r"raw.teams: column team_name .* can be integer"):
        run(empty_url, {**contracts, "teams": changed})


def test_an_edited_migration_is_refused(
    empty_url: str, contracts: Mapping[str, Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(empty_url, contracts)
    edited = [replace(m, statements=m.statements + " ") for m in migrations()]
    monkeypatch.setattr(sql_files, "migrations", lambda: edited)
    with pytest.raises(MigrationError, match="edited after it was applied"):
        run(empty_url, contracts)


def test_a_database_from_the_future_is_refused(
    empty_url: str, contracts: Mapping[str, Contract]
) -> None:
    run(empty_url, contracts)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("insert into ops.schema_migration values (9999, 'x', 'x')")
        with pytest.raises(NewerWarehouseError, match="migration 9999, and this is fastfeast"):
            migrate(connection, contracts)
