"""Loads that are taken back: the marts are what the other files make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import pytest
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.discard import discard
from fastfeast_assets.warehouse.withdraw import Withdrawal, look, withdraw
from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.dbt.test_orphans import facts, waiting
from fastfeast_assets_tests.dbt.test_provenance import AUGUST, SEPTEMBER
from fastfeast_assets_tests.dbt.test_provenance import build as build
from fastfeast_assets_tests.dbt.test_provenance import prune as prune
from fastfeast_assets_tests.landing import DAY, MEMBERS, LandingZone, event, on, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

# Which load a row came by, and when, is another in a warehouse of another past.
SAID = frozenset({"_loaded_at", "_load_id"})

TakeBack = Callable[[str], Withdrawal]


@pytest.fixture
def take_back(warehouse: Warehouse, contracts: Mapping[str, Contract]) -> TakeBack:
    """Withdraw a path whose rows are loaded."""

    def run(path: str) -> Withdrawal:
        with warehouse.connect(autocommit=True) as connection:
            found = look(connection, contracts, path)
        assert isinstance(found, Withdrawal), found
        done = withdraw(warehouse, contracts, found, reason="test")
        assert done == found
        return found

    return run


def test_a_file_moved_from_the_wrong_hour_leaves_the_state_of_a_fresh_load(
    landing: LandingZone,
    load: Load,
    dbt: Dbt,
    marts: Marts,
    connection: psycopg.Connection,
    take_back: TakeBack,
) -> None:
    landing.all_batch()
    right = landing.root / f"stream/{DAY}/08/orders.json"
    landing.stream("orders", order(1, order_status="Pending", delivered_at=None), order(3), hour=12)
    landing.stream("tickets", ticket(1), ticket(3), hour=12)
    landing.stream("ticket_events", event(3), hour=12)
    landing.batch("customers", MEMBERS["customers"], {**MEMBERS["customers"], "customer_id": 9})
    landing.batch("customers", full_name="Old Name", day="2026-11-20")
    load()
    dbt.run()
    # What the wrong hour held was of hour 8, where a later export says more; a snapshot was none.
    wrong = [f"stream/{DAY}/12/{name}" for name in ("orders.json", "tickets.csv")]
    right.parent.mkdir()
    for path in wrong:
        (landing.root / path).rename(right.parent / path.rpartition("/")[2])
    snapshot = "batch/2026-11-20/customers.csv"
    (landing.root / snapshot).unlink()
    landing.stream("orders", order(1), order(2), order(3), hour=10)
    load()
    dbt.run()
    assert {row["order_status"] for row in marts.rows()["fact_order"]} == {"Pending", "Delivered"}

    assert take_back(wrong[0]).rows == 2
    take_back(wrong[1])
    take_back(snapshot)
    dbt.run()
    dbt.test()
    [by_name] = [row for row in marts.rows()["dim_customer"] if row["customer_id"] == 1]
    assert by_name["full_name"] == MEMBERS["customers"]["full_name"]
    after = marts.rows(ignore=SAID)
    assert load() == {}
    dbt.operation("drop_marts")
    connection.execute("truncate ops.quarantine, ops.consumed_load, ops.pipeline_file_log cascade")
    for source in ("orders", "tickets", "ticket_events", *MEMBERS):
        connection.execute(sql.SQL("truncate {}").format(sql.Identifier("raw", source)))
    load()
    dbt.run()
    assert marts.rows(ignore=SAID) == after


def test_what_only_the_withdrawn_file_held_leaves_with_what_hangs_on_it(
    landing: LandingZone,
    load: Load,
    dbt: Dbt,
    marts: Marts,
    query: Query,
    take_back: TakeBack,
    warehouse: Warehouse,
) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2), order(4, customer_id=99), order(5, customer_id=98))
    landing.stream("tickets", ticket(1), ticket(2))
    landing.stream("ticket_events", event(1), event(2))
    # Waits for its agent; before that it did not.
    landing.stream("tickets", ticket(2, agent_id=77), hour=9)
    load()
    dbt.run()
    dropped, kept = waiting(query)[:2]
    discard(warehouse, [dropped["quarantine_id"]], reason="test", is_dry_run=False)

    found = take_back(f"stream/{DAY}/08/orders.json")
    assert (found.rows, found.refused, found.waiting, found.pruned) == (4, 0, 1, 0)
    take_back(f"stream/{DAY}/09/tickets.csv")
    dbt.run()
    dbt.test()
    assert facts(marts) == (0, 0, 0)
    # The tickets of hour 8 wait for their orders by now, and their events for them.
    sources = sorted(row["source"] for row in waiting(query))
    assert sources == [*["ticket_events"] * 2, *["tickets"] * 2]
    [again] = query(
        "select status from ops.quarantine where quarantine_id = %s", kept["quarantine_id"]
    )
    assert again == {"status": "resolved"}
    assert query("select sum(orphan_count) from ops.pipeline_file_log where source = 'orders'") == [
        {"sum": 0}
    ]
    # The same content is done, new content is loaded and heals them.
    assert load() == {}
    landing.stream("orders", order(1), order(2), order(3))
    load()
    dbt.run()
    dbt.test()
    assert facts(marts) == (3, 2, 2)


def test_a_withdrawn_file_of_a_pruned_month(
    landing: LandingZone,
    build: Any,
    prune: Any,
    dbt: Dbt,
    marts: Marts,
    query: Query,
    take_back: TakeBack,
) -> None:
    """What retention took of it is followed; where nobody knows what was before, the row stays."""
    landing.all_batch()
    landing.stream("orders", *(on(AUGUST, order, number) for number in (1, 2)), day=AUGUST)
    build()
    prune("2026-09-01", "orders")
    landing.stream("orders", *(on(SEPTEMBER, order, number) for number in (1, 3)), day=SEPTEMBER)
    build()
    prune("2026-10-01", "orders")
    found = take_back(f"stream/{SEPTEMBER}/08/orders.json")
    assert (found.rows, found.pruned) == (0, 2)
    dbt.run()
    dbt.test()
    known = {row["order_id"][-1]: str(row["created_at"])[:10] for row in marts.rows()["fact_order"]}
    assert known == {"1": SEPTEMBER, "2": AUGUST}
    kept = query("select target from ops.audit_log where action = 'keep'")
    assert kept == [{"target": f"fact_order/{order(1)['order_id']}"}]
