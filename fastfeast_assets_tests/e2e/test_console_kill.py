"""A console that is killed in the middle of a load, with the server or without, mends it.

`FASTFEAST_CONSOLE_KILLS` says how many kills come at random moments; `FASTFEAST_KILLS_SEED` repeats
what a failure names.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from datetime import date

import psycopg
import pytest

from fastfeast_assets.simulate import SimulationPlan
from fastfeast_assets_tests.e2e.conftest import Home
from fastfeast_assets_tests.e2e.killing import (
    Console,
    kept_small_days,
    kept_streams,
    kill_server,
    land,
    open_runs,
    status_of,
)
from fastfeast_assets_tests.e2e.test_kill import wait_for_copy
from fastfeast_assets_tests.waiting import until

DAY = date(2026, 11, 18)
ORDERS = 30_000
HOURS = {8: False, 9: True}
"""Hour whose load is killed, and whether the server dies as well."""
FAILED_SECONDS = 60
FACTS_SECONDS = 120
RANDOM_KILLS = int(os.environ.get("FASTFEAST_CONSOLE_KILLS", "2"))
SEED = int(os.environ.get("FASTFEAST_KILLS_SEED", random.SystemRandom().randrange(10**6)))
LOAD_SECONDS = 12.0
"""A file that has landed shows in the facts in about this time, on a slow machine."""


def has_facts(url: str, folder: str) -> bool:
    """Whether the marts show the orders of an hour's folder."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "select count(*) = 1 from ops.pipeline_file_log where is_latest and is_loaded"
            " and visible_at is not null and file_path = %s",
            [f"{folder}/orders.json"],
        ).fetchone()
    return row == (True,)


def folder_of(hour: int) -> str:
    """Where the files of an hour lie."""
    return f"stream/{DAY}/{hour:02d}"


def mend(home: Home, url: str, run_id: str, hour: int) -> Console:
    """Start the console again after a kill, and see that it takes up the file of the dead run."""
    console = Console(home)
    up = time.monotonic()
    until(lambda: status_of(home, run_id) == "FAILURE", "failed", FAILED_SECONDS, log=console.log)
    left = FACTS_SECONDS - (time.monotonic() - up)
    until(lambda: has_facts(url, folder_of(hour)), "facts", left, pause=0.5, log=console.log)
    return console


@pytest.mark.kill
@pytest.mark.timeout(1200)
def test_a_console_killed_in_the_middle_of_a_load_mends_it(new_home: Callable[..., Home]) -> None:
    home, undisturbed = new_home(), new_home()
    plan = SimulationPlan(
        out=undisturbed.landing,
        start=DAY,
        hours=tuple(HOURS),
        seed=1,
        orders_per_hour=ORDERS,
        is_flat=True,
    )
    stored = kept_streams(home, undisturbed, plan)
    url = home.url()
    console = Console(home)
    try:
        for hour, has_server_died in HOURS.items():
            land(stored, home.landing, folder_of(hour))
            wait_for_copy(url)
            [torn] = [run for run in open_runs(home) if run[2] == "ingest_streams"]
            console.kill()
            if has_server_died:
                kill_server(home)
            console = mend(home, url, torn[0], hour)
            until(lambda: not open_runs(home), "nothing is open", 240, pause=0.5, log=console.log)
    finally:
        console.kill()
    assert home.marts() == undisturbed.marts()


@pytest.mark.kill
@pytest.mark.timeout(600 + 2 * FACTS_SECONDS * RANDOM_KILLS)
def test_random_kills_of_the_console_leave_the_state_of_an_undisturbed_run(
    new_home: Callable[..., Home],
) -> None:
    chance = random.Random(SEED)  # noqa: S311
    home, undisturbed = new_home(), new_home()
    days = 1 + RANDOM_KILLS // 24
    stored, folders = kept_small_days(home, undisturbed, start=DAY, days=days, seed=SEED)
    url = home.url()
    console = Console(home)
    try:
        for number in range(RANDOM_KILLS):
            folder, wait = folders.pop(0), chance.uniform(0.0, LOAD_SECONDS)
            is_server_killed = chance.random() < 0.5
            moment = f"seed {SEED}, kill {number} after {wait:.2f} s, {is_server_killed=}"
            land(stored, home.landing, folder)
            time.sleep(wait)
            console.kill()
            if is_server_killed:
                kill_server(home)
            console = Console(home)
            shown = f"facts, {moment}"
            until(lambda: has_facts(url, folder), shown, FACTS_SECONDS, pause=0.5, log=console.log)  # noqa: B023
            until(lambda: not open_runs(home), moment, FACTS_SECONDS, pause=0.5, log=console.log)
    finally:
        console.kill()
    for folder in folders:
        land(stored, home.landing, folder)
    home.run("ingest")
    assert home.marts() == undisturbed.marts(), f"seed {SEED}"
    assert open_runs(home) == [], f"seed {SEED}"
