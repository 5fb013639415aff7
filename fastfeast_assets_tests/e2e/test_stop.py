"""Ctrl-C and SIGTERM on a real `fastfeast ingest`: it ends soon, says so, nothing has failed."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from datetime import date

import psycopg
import pytest

from fastfeast_assets.simulate import SimulationPlan, simulate_days
from fastfeast_assets_tests.e2e.conftest import Home
from fastfeast_assets_tests.waiting import until

pytestmark = pytest.mark.long

LOADED = "select count(*) from ops.pipeline_file_log where is_loaded"
DBT_AT_WORK = "select count(*) from pg_stat_activity where application_name = 'dbt'"
# Measured on a quiet machine: 1 to 5 s; here beside other tests.
ENDS_WITHIN_SECONDS = 90
RUNS = "select status from runs order by id"


@pytest.fixture(scope="module")
def home(new_home: Callable[..., Home]) -> Home:
    """A home whose tables exist, with many files that are pending."""
    home = new_home()
    home.run("ingest")
    simulate_days(
        SimulationPlan(
            out=home.landing,
            start=date(2026, 11, 18),
            hours=tuple(range(8, 22)),
            orders_per_hour=60,
        )
    )
    return home


@pytest.fixture(scope="module")
def server(home: Home) -> str:
    """The URL of its warehouse, whose server goes on."""
    return home.url()


def count(server: str, statement: str) -> int:
    """What a query counts now."""
    with psycopg.connect(server) as connection:
        [(counted,)] = connection.execute(statement.encode()).fetchall()
    return int(counted)


def stopped(home: Home, server: str, when: str, *signals: int) -> tuple[int, str, float]:
    """Start an ingestion and send signals once a query counts something.

    Gives exit code, what was said, and the seconds from the last signal to the end.
    """
    before = count(server, when)
    process = home.start("ingest")
    until(lambda: count(server, when) > before, "the moment to stop", seconds=120)
    for number in signals:
        process.send_signal(number)
        time.sleep(0.2)
    began = time.monotonic()
    try:
        _, said = process.communicate(timeout=ENDS_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, said, time.monotonic() - began


def statuses(home: Home) -> list[str]:
    """Of all runs, the oldest first."""
    with psycopg.connect(home.url("dagster"), options="-csearch_path=dagster") as connection:
        return [status for (status,) in connection.execute(RUNS)]


def test_the_present_file_is_the_last_one(home: Home, server: str) -> None:
    code, said, _ = stopped(home, server, LOADED, signal.SIGINT)
    assert code == 130
    assert "Stopping after this file" in said
    assert 0 < count(server, LOADED) < len(list(home.landing.rglob("*.*")))
    assert set(statuses(home)) <= {"SUCCESS"}


def test_sigterm_is_the_same(home: Home, server: str) -> None:
    code, _, _ = stopped(home, server, LOADED, signal.SIGTERM)
    assert code == 143
    assert set(statuses(home)) <= {"SUCCESS"}


def test_it_stops_although_nobody_reads_what_it_says(home: Home, server: str) -> None:
    """As after `fastfeast ingest 2>&1 | tee log`, where Ctrl-C ends the reader first."""
    before = count(server, LOADED)
    process = home.start("ingest")
    until(lambda: count(server, LOADED) > before, "the moment to stop", seconds=120)
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()
    process.send_signal(signal.SIGINT)
    process.wait(ENDS_WITHIN_SECONDS)
    assert set(statuses(home)) <= {"SUCCESS"}
    assert count(server, LOADED) < len(list(home.landing.rglob("*.*")))


def test_a_second_one_ends_at_once(home: Home, server: str) -> None:
    code, _, seconds = stopped(home, server, LOADED, signal.SIGINT, signal.SIGINT)
    assert code == 130
    assert seconds < 15


def test_a_transform_is_canceled(home: Home, server: str) -> None:
    code, said, _ = stopped(home, server, DBT_AT_WORK, signal.SIGINT)
    assert code == 130
    assert "Traceback" not in said
    assert statuses(home)[-1] == "CANCELED"
    assert count(server, DBT_AT_WORK) == 0


def test_the_next_one_goes_on(home: Home, server: str) -> None:
    home.run("ingest")
    assert count(server, "select count(*) from fact_order") > 0
    assert "All is well" in home.run("status")
