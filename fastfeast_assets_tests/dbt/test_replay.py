"""Releasing, reprocessing and pruning: the marts follow the first two and outlive the third."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import psycopg
import pytest

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.discard import discard
from fastfeast_assets.warehouse.release import release
from fastfeast_assets.warehouse.retention_months import old_months, prune_month
from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.dbt.test_orphans import facts, waiting
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

OLD = "2026-09-30"
OLD_ORDER = {"order_created_at": f"{OLD} 08:10:00"}
OLD_TICKET = {"created_at": f"{OLD} 09:00:00"}
OLD_EVENT = {"event_ts": f"{OLD} 09:00:00"}
STREAMS = ("orders", "tickets", "ticket_events")


def lenient(contracts: Mapping[str, Contract]) -> dict[str, Contract]:
    """Contracts by which amounts may be negative and any gender will do."""
    changes = {
        "orders": ("order_amount", {"minimum": None}),
        "customers": ("gender", {"allowed": None}),
    }
    result = dict(contracts)
    for source, (name, change) in changes.items():
        columns = tuple(
            replace(column, **change) if column.name == name else column  # type: ignore[arg-type]
            for column in contracts[source].columns
        )
        result[source] = replace(contracts[source], columns=columns)
    return result


def test_released_rows_reach_facts_and_dimensions(
    landing: LandingZone,
    load: Load,
    dbt: Dbt,
    marts: Marts,
    query: Query,
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
    settings: Settings,
) -> None:
    """Their loads were digested before the release."""
    landing.all_batch()
    landing.batch(
        "customers", MEMBERS["customers"], {**MEMBERS["customers"], "customer_id": 2, "gender": "x"}
    )
    landing.stream("orders", order(1), order(2, order_amount=-5, customer_id=2))
    landing.stream("tickets", ticket(1), ticket(2))
    landing.stream("ticket_events", event(1), event(2))
    load()
    dbt.run()
    assert facts(marts) == (1, 1, 1)
    assert [row["is_stub"] for row in marts.rows()["dim_customer"]] == [False, True]
    untouched = marts.written()["dim_driver"]

    ids = [row["quarantine_id"] for row in query("select quarantine_id from ops.quarantine")]
    outcomes = release(
        warehouse, lenient(contracts), ids, settings=settings, run_id="r", is_dry_run=False
    )
    results = {(outcome.source, outcome.result) for outcome in outcomes}
    assert results >= {("orders", "released"), ("customers", "released")}
    dbt.run()
    assert facts(marts) == (2, 2, 2)
    assert waiting(query) == []
    assert [row["is_stub"] for row in marts.rows()["dim_customer"]] == [False, False]
    assert marts.written()["dim_driver"] == untouched
    dbt.test()
    settled = marts.written()
    dbt.run()
    assert marts.written() == settled


def test_what_is_released_while_a_transform_is_at_work_is_not_lost(
    landing: LandingZone,
    load: Load,
    dbt: Dbt,
    marts: Marts,
    query: Query,
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
    settings: Settings,
) -> None:
    """The transform has read the load when rows join it, and marks it digested afterwards."""
    landing.all_batch()
    landing.stream("orders", order(1), order(2, order_amount=-5))
    load()
    dbt.run("--exclude", "fact_order+")
    ids = [row["quarantine_id"] for row in query("select quarantine_id from ops.quarantine")]
    with warehouse.transform_lock():
        outcomes = release(
            warehouse, lenient(contracts), ids, settings=settings, run_id="r", is_dry_run=False
        )
    assert [outcome.result for outcome in outcomes] == ["released"]
    dbt.run("--select", "fact_order+")
    assert facts(marts)[0] == 1
    dbt.run()
    assert facts(marts)[0] == 2
    dbt.test()


def test_a_discarded_dimension_row_leaves_its_stub(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query, warehouse: Warehouse
) -> None:
    landing.all_batch()
    landing.batch("customers", gender="x")
    landing.stream("orders", order(1))
    load()
    dbt.run()
    ids = [row["quarantine_id"] for row in query("select quarantine_id from ops.quarantine")]
    discard(warehouse, ids, reason="x", is_dry_run=False)
    dbt.operation("drop_marts")
    dbt.run()
    assert [row["is_stub"] for row in marts.rows()["dim_customer"]] == [True]
    assert facts(marts)[0] == 1


@pytest.fixture
def pruned(
    landing: LandingZone,
    load: Load,
    dbt: Dbt,
    query: Query,
    contracts: Mapping[str, Contract],
    connection: psycopg.Connection,
) -> None:
    """Facts of September, of which raw holds but one: an order that waits for its customer."""
    landing.all_batch()
    orders = [order(n, **OLD_ORDER) for n in (1, 2)]
    landing.stream("orders", *orders, order(3, customer_id=9, **OLD_ORDER), day=OLD)
    landing.stream("tickets", *(ticket(n, **OLD_TICKET) for n in (1, 2)), day=OLD)
    events = [event(1, **OLD_EVENT), event(2, new_status="Reopened", **OLD_EVENT)]
    landing.stream("ticket_events", *events, day=OLD)
    landing.stream("orders", order(2, order_amount=7))
    landing.stream("ticket_events", event(4, ticket_id=ticket(1)["ticket_id"]))
    load()
    dbt.run()
    query(
        "insert into ops.consumed_load (consumer, load_id) "
        "select 'transform', log_id from ops.pipeline_file_log returning 1"
    )
    for source in STREAMS:
        for found in old_months(connection, contracts[source], date(2026, 10, 31)):
            prune_month(connection, contracts[source], found.month)


@pytest.mark.usefixtures("pruned")
def test_facts_outlive_their_raw_rows(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    assert query("select order_id as k from raw.orders order by 1") == [
        {"k": order(2)["order_id"]},
        {"k": order(2)["order_id"]},
        {"k": order(3)["order_id"]},
    ]
    before = marts.rows()
    dbt.run()
    assert marts.rows() == before
    landing.all_batch(day="2026-11-20")
    landing.batch("customers", {**MEMBERS["customers"], "customer_id": 9}, day="2026-11-20")
    landing.stream("orders", order(2, order_status="Refunded"), order(5), hour=9)
    landing.stream("tickets", ticket(5), hour=9)
    landing.stream(
        "ticket_events",
        event(5),
        event(6, ticket_id=ticket(1)["ticket_id"], new_status="Reopened"),
        hour=9,
    )
    load()
    dbt.run()
    after = marts.rows()
    assert facts(marts) == (4, 3, 5)
    assert waiting(query) == []
    assert after["fact_order"][0] == before["fact_order"][0]
    assert [row["order_status"] for row in after["fact_order"]][1] == "Refunded"
    assert [row["reopened"] for row in after["fact_ticket"]][1] is True


@pytest.mark.usefixtures("pruned")
def test_a_ticket_past_retention_survives_events_that_come_and_go(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    """The ticket is in no file of raw any more; its events are looked at all the same."""
    mine = ticket(1)["ticket_id"]
    landing.stream("ticket_events", event(6, ticket_id=mine, new_status="Reopened"), hour=9)
    load()
    dbt.run()
    landing.stream("ticket_events", event(7, ticket_id=mine), hour=9)
    load()
    dbt.run()
    assert facts(marts)[:2] == (2, 2)


@pytest.mark.usefixtures("pruned")
def test_a_key_that_leaves_a_later_file_falls_back_to_its_earlier_version(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    """Retention keeps that version although its month is gone."""
    landing.stream("orders", order(4))
    load()
    dbt.run()
    rows = {row["order_id"]: row for row in marts.rows()["fact_order"]}
    assert rows[order(2)["order_id"]]["order_amount"] == 100.5


@pytest.mark.usefixtures("pruned")
def test_an_update_of_a_pruned_row_that_waits_for_its_parent_leaves_the_row(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    """Deleted, the row could not be loaded again if the update were withdrawn."""
    before, waiting_before = marts.rows()["fact_order"], waiting(query)
    landing.stream("orders", order(1, customer_id=777, **OLD_ORDER), hour=9)
    load()
    dbt.run()
    assert marts.rows()["fact_order"] == before
    assert len(waiting(query)) == len(waiting_before) + 1
    dbt.test()
    landing.stream("orders", order(7), hour=9)
    load()
    dbt.run()
    assert marts.rows()["fact_order"][:2] == before
    assert len(waiting(query)) == len(waiting_before)
    dbt.test()


@pytest.mark.usefixtures("pruned")
def test_an_update_of_a_pruned_row_that_is_withdrawn_leaves_the_row(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    """The update came after its month was pruned, so that raw has no earlier version.

    What is of a later time than that month leaves with the file that held it.
    """
    landing.stream("orders", order(1, order_status="Refunded", **OLD_ORDER), order(8), hour=9)
    landing.stream("tickets", ticket(1, refund_amount=1, **OLD_TICKET), ticket(8), hour=9)
    landing.stream("ticket_events", event(1, notes="x", **OLD_EVENT), event(8), hour=9)
    load()
    dbt.run()
    assert facts(marts) == (3, 3, 4)
    landing.stream("orders", order(7), hour=9)
    landing.stream("tickets", ticket(7), hour=9)
    landing.stream("ticket_events", event(7), hour=9)
    load()
    dbt.run()
    rows = marts.rows()
    stored = {
        source: {row[key][-1] for row in rows[f"fact_{source}"]}
        for source, key in (
            ("order", "order_id"),
            ("ticket", "ticket_id"),
            ("ticket_event", "event_id"),
        )
    }
    assert stored == {
        "order": {"1", "2", "7"},
        "ticket": {"1", "2", "7"},
        "ticket_event": {"1", "2", "4", "7"},
    }
    dbt.test()
