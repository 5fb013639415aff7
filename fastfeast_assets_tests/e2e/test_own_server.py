"""A server of the operator's own: Debian's PostgreSQL 15, TCP, TLS and password, no superuser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import pytest

from fastfeast_assets.simulate import SimulationPlan, simulate_days
from fastfeast_assets_tests.e2e.company import Company, company
from fastfeast_assets_tests.e2e.conftest import Home

ROLE = "loader"

pytestmark = pytest.mark.debian15


@pytest.fixture(scope="module")
def server() -> Iterator[Company]:
    """The server."""
    with company() as server:
        yield server


@pytest.fixture(scope="module")
def warehouse_url(server: Company) -> str:
    """URL of an empty database for a role that may create schemas in it and nothing else."""
    server.new_role(ROLE)
    server.new_database("fastfeast", ROLE)
    return server.url(ROLE, "fastfeast")


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
