"""Separate logins on a company's server: each can do its work, and nothing of the others'."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from fastfeast_assets.simulate import DirtRates, SimulationPlan, simulate_days
from fastfeast_assets.warehouse.roles.rights import (
    ANALYST,
    CONSOLE,
    LOADER,
    OF_TRANSFORMER,
    OWNER,
    ROLES,
    STEWARD,
    TRANSFORMER,
)
from fastfeast_assets_tests.e2e.company import PASSWORD, PROGRAMS, Company, company
from fastfeast_assets_tests.e2e.conftest import PROJECT, Home

pytestmark = pytest.mark.debian15

DAY = date(2026, 9, 18)
FORMER = "all_in_one"
GUIDE = PROJECT / "docs" / "guides" / "operate.md"
NOTHING = "\N{EN DASH}"
# Roles are the server's: all databases of this module share them.
WHO_OWNS = """
select n.nspname, pg_get_userbyid(n.nspowner),
    array_agg(distinct pg_get_userbyid(c.relowner)::text) filter (where c.oid is not null)
from pg_namespace n left join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p', 'v')
where n.nspname in ('raw', 'staging', 'intermediate', 'marts', 'analytics', 'ops')
group by n.oid
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Company]:
    """The server."""
    with company() as server:
        yield server


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dirty days, an hour each."""
    directory = tmp_path_factory.mktemp("files")
    simulate_days(
        SimulationPlan(
            out=directory,
            start=DAY,
            days=2,
            hours=(8,),
            orders_per_hour=60,
            ticket_rate=0.4,
            dirt=DirtRates(orphan=0.1, negative_amount=0.1),
        )
    )
    return directory


def separated(server: Company, home: Home, database: str) -> Home:
    """The home with a login for each purpose."""
    with server.admin() as connection:
        for role in ROLES:
            if role.may_log_in:
                connection.execute(
                    sql.SQL("alter role {} password {}").format(
                        sql.Identifier(role.name), sql.Literal(PASSWORD)
                    )
                )
    return Home(
        home.directory,
        warehouse_url=server.url(LOADER, database),
        variables={
            "FASTFEAST_TRANSFORM_URL": server.url(TRANSFORMER, database),
            "FASTFEAST_DAGSTER_URL": server.url(CONSOLE, f"{database}_dagster"),
        },
    )


def owners(server: Company, database: str) -> dict[str, tuple[str, list[str] | None]]:
    """Owner of each schema, and of what is in it."""
    with server.admin(database) as connection:
        return {schema: (owner, of) for schema, owner, of in connection.execute(WHO_OWNS)}


def land(files: Path, home: Home, day: str) -> None:
    """Let a day land."""
    for kind in ("batch", "stream"):
        shutil.copytree(files / kind / day, home.landing / kind / day)


@pytest.fixture(scope="module")
def home(server: Company, new_home: Callable[..., Home], files: Path) -> Home:
    """A warehouse of one role with a day in it, then of several, with another day."""
    server.new_role(FORMER)
    with server.admin() as connection:
        connection.execute(sql.SQL("alter role {} createdb").format(sql.Identifier(FORMER)))
    server.new_database("grown", FORMER)
    home = new_home(warehouse_url=server.url(FORMER, "grown"))
    land(files, home, "2026-09-18")
    shutil.copytree(files / "master", home.landing / "master", dirs_exist_ok=True)
    home.run("ingest")
    admin = f"postgresql://root@127.0.0.1:{server.port}/grown?sslmode=disable"
    administrator = Home(
        home.directory,
        warehouse_url=home.warehouse_url,
        variables={"FASTFEAST_ADMIN_URL": admin},
    )
    for _ in range(2):
        shown = administrator.run("roles", "--apply")
    assert "as it must be" in shown
    assert "to mend" not in shown
    home = separated(server, home, "grown")
    land(files, home, "2026-09-19")
    home.run("ingest")
    return home


def test_the_work_of_all_days_is_done_by_the_logins(server: Company, home: Home) -> None:
    """Loading, transforms, decisions, retention, looking: nobody lacks a right."""
    [before] = home.query("select count(*) as orders from fact_order")
    assert before["orders"] > 40
    assert home.query("select 1 as one from quarantine where rejection_stage = 'orphan'")
    hour = ("--from", "2026-09-19", "--to", "2026-09-19")
    home.run("reprocess", "--source", "orders", *hour, "--no-transform", "--yes")
    home.run("quarantine", "discard", "--source", "orders", "--reason", "a test", "--yes")
    withdrawn = "stream/2026-09-19/08/tickets.csv"
    home.run("withdraw", withdrawn, "--reason", "a test", "--no-transform", "--yes")
    home.run("prune", "--keep-days", "30", "--yes")
    home.run("ingest")
    home.run("check", "--all")
    shown = home.run("doctor")
    assert "rights of roles" in shown
    assert "login of dbt" in shown
    [after] = home.query("select count(*) as orders from fact_order")
    assert after == before
    found = owners(server, "grown")
    assert found == {
        **{schema: (OWNER, [OWNER]) for schema in ("raw", "ops")},
        **{schema: (TRANSFORMER, [TRANSFORMER]) for schema in OF_TRANSFORMER},
    }
    with server.admin("grown_dagster") as connection:
        assert connection.execute(
            "select distinct tableowner from pg_tables where schemaname = 'dagster'"
        ).fetchall() == [(CONSOLE,)]


def test_a_fresh_database_by_the_printed_statements(
    server: Company, new_home: Callable[..., Home], files: Path, home: Home
) -> None:
    """They may be given twice; one of the roles exists."""
    with server.admin() as connection:
        connection.execute("create database fresh")
    made = new_home(warehouse_url=server.url("root", "fresh"))
    url = f"postgresql://root@127.0.0.1:{server.port}"
    administrator = {"FASTFEAST_ADMIN_URL": f"{url}/fresh?sslmode=disable"}
    printing = Home(made.directory, variables=administrator)
    statements = printing.run("roles", "--sql")
    for _ in range(2):
        subprocess.run(
            [PROGRAMS / "psql", "-X", "-q", "--dbname", f"{url}/postgres?sslmode=disable"],
            input=statements,
            text=True,
            check=True,
            env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"},
        )
    fresh = separated(server, made, "fresh")
    land(files, fresh, "2026-09-18")
    fresh.run("ingest")
    [counts] = fresh.query("select count(*) as orders from fact_order")
    assert counts["orders"] > 0
    assert set(owners(server, "fresh")) == set(owners(server, "grown"))


def test_dbt_in_another_database_is_refused(server: Company, home: Home) -> None:
    with server.admin() as connection:
        connection.execute("create database elsewhere template template0")
    lost = Home(
        home.directory,
        warehouse_url=home.warehouse_url,
        variables={
            **home.variables,
            "FASTFEAST_TRANSFORM_URL": server.url(TRANSFORMER, "elsewhere"),
        },
    )
    process = lost.start("doctor")
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "another database than the warehouse" in " ".join(out.split())


def test_who_loads_makes_no_roles(home: Home) -> None:
    process = home.start("roles", "--apply")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "role fastfeast_loader may not do that" in " ".join(err.split())
    assert "FASTFEAST_ADMIN_URL" in err


def guide() -> dict[str, dict[str, str]]:
    """What the guide says of each role, by schema."""
    lines = GUIDE.read_text().split("<!-- rights -->")[1].strip().splitlines()
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    schemas = [re.sub("`", "", name) for name in header[1:]]
    return {re.sub("`", "", row[0]): dict(zip(schemas, row[1:], strict=True)) for row in rows}


def tables_of(connection: psycopg.Connection, role: str, schema: str, privilege: str) -> set[str]:
    """The tables of a schema with which a role may do something."""
    return {
        name
        for (name,) in connection.execute(
            "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = %s and c.relkind in ('r', 'p', 'v') and not c.relispartition"
            " and has_schema_privilege(%s, n.oid, 'usage')"
            " and has_table_privilege(%s, c.oid, %s)",
            [schema, role, role, privilege],
        )
    }


def as_the_guide_says(text: str, everything: set[str]) -> tuple[set[str], set[str]]:
    """Which tables a role reads and which it writes by a cell of the guide."""
    if text == NOTHING:
        return set(), set()
    if text in ("owns", "as the owner"):
        return everything, everything
    reading, _, writing = text.partition("; ")
    written = set(re.findall("`([a-z_]+)`", writing))
    named = set(re.findall("`([a-z_]+)`", reading))
    if reading.startswith("reads all but"):
        return everything - named, written
    assert reading.startswith("reads"), text
    return named or everything, written


def test_the_guide_tells_the_rights_of_each_role(server: Company, home: Home) -> None:
    told = guide()
    assert set(told) == {role.name for role in ROLES}
    for role, by_schema in told.items():
        for schema, text in by_schema.items():
            database = "grown_dagster" if schema == "dagster" else "grown"
            with server.admin(database) as connection:
                everything = tables_of(connection, "root", schema, "select")
                assert everything, schema
                expected = as_the_guide_says(text, everything)
                found = tuple(
                    tables_of(connection, role, schema, privilege)
                    for privilege in ("select", "insert")
                )
                assert found == expected, f"{role} in {schema}: {text}"
                [(owner,)] = connection.execute(
                    "select pg_get_userbyid(nspowner) from pg_namespace where nspname = %s",
                    [schema],
                ).fetchall()
                assert (owner == role) == (text == "owns"), f"{role} in {schema}"


def test_readers_get_their_names_and_nothing_else(server: Company, home: Home) -> None:
    for role, sees in ((ANALYST, False), (STEWARD, True)):
        reader = f"reader_of_{role}"
        with server.admin("grown") as connection, suppress(psycopg.errors.DuplicateObject):
            connection.execute(
                sql.SQL("create role {} login password {} in role {}").format(
                    sql.Identifier(reader), sql.Literal(PASSWORD), sql.Identifier(role)
                )
            )
        # The path of a new member is set by whoever may.
        path = {"options": "-csearch_path=marts,analytics,ops"}
        with psycopg.connect(server.url(reader, "grown", **path)) as connection:
            rows = connection.execute("select raw_data from quarantine").fetchall()
            assert rows
            assert any(row != (None,) for row in rows) == sees
            connection.execute("select * from pipeline_file_log, true_orphan limit 1")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select from ops.audit_log")
