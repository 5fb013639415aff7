"""A process that dies in the middle of a file: the file is absent or complete, nothing between."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import date

import psycopg
import pytest

from fastfeast_assets.simulate import SimulationPlan, simulate_days
from fastfeast_assets_tests.e2e.conftest import Home
from fastfeast_assets_tests.waiting import until

ORDERS = 60_000


COPYING = "select 1 from pg_stat_progress_copy where relid = to_regclass('raw.orders')"


def wait_for_copy(url: str) -> None:
    """Return while a row of orders is being copied."""
    with psycopg.connect(url, autocommit=True) as connection:
        until(lambda: connection.execute(COPYING).fetchone(), "a COPY into raw", 180, pause=0.02)


@pytest.mark.long
def test_a_killed_ingest_leaves_whole_files_only_and_is_made_good(
    new_home: Callable[..., Home],
) -> None:
    home = new_home()
    plan = SimulationPlan(
        out=home.landing,
        start=date(2026, 11, 18),
        hours=(8,),
        seed=1,
        orders_per_hour=ORDERS,
        is_flat=True,
    )
    simulate_days(plan)
    url = home.url()
    process = home.start("ingest")
    wait_for_copy(url)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    [torn] = home.query(
        "select (select count(*) from raw.orders) as raw, (select count(*) from ops.quarantine "
        "where source = 'orders') as quarantined, (select count(*) from pipeline_file_log "
        "where source = 'orders') as logged"
    )
    assert torn == {"raw": 0, "quarantined": 0, "logged": 0}
    home.run("ingest")
    [log] = home.query("select * from pipeline_file_log where source = 'orders'")
    [counts] = home.query(
        "select (select count(*) from raw.orders) as raw, "
        "(select count(*) from fact_order) as facts"
    )
    assert log["total_records"] >= ORDERS
    assert log["valid_records"] == counts["raw"] == counts["facts"] + log["orphan_count"]
