"""A server of the operator's own: Debian's PostgreSQL 15, TCP and password, no superuser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from fastfeast_assets.simulate import SimulationPlan, simulate_days
from fastfeast_assets_tests.e2e.conftest import Home

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "correct horse battery & staple"
ROLE = "loader"

pytestmark = pytest.mark.debian15


def as_server_user(*command: str) -> None:
    """Run a program of the server; it refuses to run as root."""
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/tmp",  # noqa: S108
        user="postgres" if os.geteuid() == 0 else None,
        group="postgres" if os.geteuid() == 0 else None,
        extra_groups=[] if os.geteuid() == 0 else None,
    )


@pytest.fixture(scope="module")
def superuser_url() -> Iterator[str]:
    """URL of a PostgreSQL 15 on the loopback interface."""
    directory = Path(tempfile.mkdtemp(prefix="ff15-"))
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres")
    data = str(directory / "data")
    as_server_user(str(PROGRAMS / "initdb"), "--auth=trust", "--username=root", "-D", data)
    hba = "local all all trust\nhost all root 127.0.0.1/32 trust\n"
    (directory / "data" / "pg_hba.conf").write_text(
        hba + "host all all 127.0.0.1/32 scram-sha-256\n"
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-p {port} -k {directory} -c listen_addresses=127.0.0.1 -c fsync=off"
    log = str(directory / "log")
    control = str(PROGRAMS / "pg_ctl")
    as_server_user(control, "-w", "-D", data, "-l", log, "-o", options, "start")
    yield f"postgresql://root@127.0.0.1:{port}/postgres"
    as_server_user(control, "-w", "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def warehouse_url(superuser_url: str) -> str:
    """URL of an empty database for a role that may create schemas in it and nothing else."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create role {} login password {}").format(
                sql.Identifier(ROLE), sql.Literal(PASSWORD)
            )
        )
        connection.execute("create database fastfeast")
        connection.execute(
            sql.SQL("grant create on database fastfeast to {}").format(sql.Identifier(ROLE))
        )
    place = superuser_url.removeprefix("postgresql://root@").removesuffix("/postgres")
    password = PASSWORD.replace(" ", "%20").replace("&", "%26")
    return f"postgresql://{ROLE}:{password}@{place}/fastfeast"


@pytest.fixture(scope="module")
def home(new_home: Callable[..., Home], warehouse_url: str) -> Home:
    """A home whose warehouse is that database, with a day ingested."""
    home = new_home(warehouse_url=warehouse_url)
    simulate_days(
        SimulationPlan(out=home.landing, start=date(2026, 11, 18), hours=(8,), orders_per_hour=60)
    )
    home.run("ingest")
    return home


def test_a_day_reaches_the_marts(home: Home) -> None:
    [counts] = home.query(
        "select current_setting('server_version_num')::int / 10000 as version, "
        "(select count(*) from fact_order) as orders, (select count(*) from fact_ticket) as tickets"
    )
    assert counts["version"] == 15
    assert counts["orders"] > 0
    assert counts["tickets"] > 0


def test_ingesting_again_changes_no_row(home: Home) -> None:
    before = home.written()
    home.run("ingest")
    assert home.written() == before


def test_dagster_keeps_its_tables_in_a_schema_where_no_database_may_be_created(home: Home) -> None:
    [counts] = home.query("select count(*) from dagster.runs")
    assert counts["count"] > 0


def test_the_password_is_nowhere_in_the_home(home: Home) -> None:
    for path in home.directory.rglob("*"):
        if path.is_file():
            assert "staple" not in path.read_text(errors="replace"), path


def test_a_wrong_password_is_one_clear_line(home: Home, warehouse_url: str) -> None:
    wrong = Home(home.directory, warehouse_url=warehouse_url.replace("staple", "stable"))
    process = wrong.start("ingest")
    out, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "password authentication failed" in err + out
    assert "stable" not in err + out
    assert "Traceback" not in err + out
