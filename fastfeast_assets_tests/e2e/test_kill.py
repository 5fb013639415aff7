"""A process that dies in the middle of a file: the file is absent or complete, nothing between."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import date

import psycopg

from fastfeast_assets.simulate import SimulationPlan, simulate_days
from fastfeast_assets_tests.e2e.conftest import Home

ORDERS = 60_000


def wait_for_copy(url: str) -> None:
    """Return while a row of orders is being copied; fails after a minute."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(3_000):
            row = connection.execute(
                "select tuples_processed from pg_stat_progress_copy p "
                "where relid = to_regclass('raw.orders')"
            ).fetchone()
            if row is not None:
                return
            connection.execute("select pg_sleep(0.02)")
    raise AssertionError("no COPY into raw.orders was seen")


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
