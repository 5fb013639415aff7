"""Facts without a parent: how they wait, heal through all levels, and vanish."""

from __future__ import annotations

from typing import Any

import pytest

from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.discard import discard
from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, Row, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

ORPHANS = "select * from ops.quarantine where rejection_stage = 'orphan' order by quarantine_id"
COUNTS = "select source, orphan_count from ops.pipeline_file_log where orphan_count > 0 order by 1"


def facts(marts: Marts) -> tuple[int, int, int]:
    """Rows of orders, tickets and events."""
    rows = marts.rows()
    return len(rows["fact_order"]), len(rows["fact_ticket"]), len(rows["fact_ticket_event"])


def waiting(query: Query) -> list[dict[str, Any]]:
    """Open orphans."""
    return [row for row in query(ORPHANS) if row["status"] == "open"]


@pytest.fixture
def orphans(landing: LandingZone, load: Load, dbt: Dbt) -> None:
    """An order without customer and driver, its ticket, the ticket's event; all wait."""
    landing.all_batch()
    landing.stream("orders", order(1, customer_id=7, driver_id=8))
    landing.stream("tickets", ticket(1))
    landing.stream("ticket_events", event(1))
    load()
    dbt.run()


@pytest.mark.usefixtures("orphans")
def test_an_orphan_waits_with_its_reasons(dbt: Dbt, marts: Marts, query: Query) -> None:
    assert facts(marts) == (0, 0, 0)
    first, second, third = waiting(query)
    assert first["reasons"] == [
        {"column": "customer_id", "rule": "orphan", "value": "7"},
        {"column": "driver_id", "rule": "orphan", "value": "8"},
    ]
    assert first["rejection_reason"] == (
        "customer_id 7 not found in customers; driver_id 8 not found in drivers"
    )
    assert (first["source"], first["source_table"]) == ("orders", "fact_order")
    assert first["source_file"] == "stream/2026-11-19/08/orders.json"
    assert (first["row_number"], first["primary_key"]) == (1, order(1)["order_id"])
    assert first["raw_data"] == order(1, customer_id=7, driver_id=8)
    assert second["raw_data"] == ticket(1)
    assert third["raw_data"] == event(1)
    assert second["rejection_reason"] == f"order_id {order(1)['order_id']} not found in orders"
    assert first["first_seen_at"] == first["quarantined_at"]
    assert query(COUNTS) == [
        {"source": source, "orphan_count": 1} for source in ("orders", "ticket_events", "tickets")
    ]
    dbt.test()


@pytest.mark.usefixtures("orphans")
def test_late_parents_heal_order_ticket_and_event_in_one_run(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    landing.batch("customers", {**MEMBERS["customers"], "customer_id": 7}, day="2026-11-20")
    load()
    dbt.run()
    assert facts(marts) == (0, 0, 0)
    [first, *_] = waiting(query)
    assert first["reasons"] == [{"column": "driver_id", "rule": "orphan", "value": "8"}]
    assert first["rejection_reason"] == "driver_id 8 not found in drivers"

    landing.batch("drivers", {**MEMBERS["drivers"], "driver_id": 8}, day="2026-11-20")
    load()
    dbt.run()
    assert facts(marts) == (1, 1, 1)
    assert {row["status"] for row in query(ORPHANS)} == {"resolved"}
    assert all(row["resolved_at"] for row in query(ORPHANS))
    assert query(COUNTS) == []
    dbt.test()


@pytest.mark.usefixtures("orphans")
def test_a_retry_is_a_load_that_could_have_brought_the_parent(
    landing: LandingZone, load: Load, dbt: Dbt, query: Query
) -> None:
    landing.batch("customers", day="2026-11-20")
    load()
    dbt.run()
    assert [row["retry_count"] for row in waiting(query)] == [1, 0, 0]
    landing.stream("orders", order(2), hour=9)
    load()
    dbt.run()
    assert [row["retry_count"] for row in waiting(query)] == [1, 1, 0]
    assert [bool(row["last_retry_at"]) for row in waiting(query)] == [True, True, False]


@pytest.mark.usefixtures("orphans")
def test_a_later_version_takes_over_the_waiting_of_an_earlier_one(
    landing: LandingZone, load: Load, dbt: Dbt, query: Query
) -> None:
    landing.batch("customers", day="2026-11-20")
    landing.stream("orders", order(1, customer_id=9), hour=9)
    load()
    dbt.run()
    old, new = (row for row in query(ORPHANS) if row["source"] == "orders")
    assert (old["status"], new["status"]) == ("resolved", "open")
    assert new["first_seen_at"] == old["first_seen_at"]
    assert new["source_file"] == "stream/2026-11-19/09/orders.json"
    assert query(COUNTS.replace("source,", "file_path,")) == [
        {"file_path": f"stream/2026-11-19/{file}", "orphan_count": 1}
        for file in ("08/ticket_events.json", "08/tickets.csv", "09/orders.json")
    ]


@pytest.mark.usefixtures("orphans")
def test_a_later_version_that_has_its_parents_heals(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    landing.stream("orders", order(1), hour=9)
    load()
    dbt.run()
    assert facts(marts) == (1, 1, 1)
    assert waiting(query) == []


@pytest.mark.usefixtures("orphans")
def test_an_orphan_that_no_file_holds_any_more_waits_no_longer(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    landing.stream("orders", order(2))
    load()
    dbt.run()
    assert facts(marts) == (1, 0, 0)
    assert [row["source"] for row in waiting(query)] == ["tickets", "ticket_events"]
    dbt.test()


def give_up(query: Query, warehouse: Warehouse, dbt: Dbt, *sources: str) -> int:
    """Discard what waits of these sources, and give how many there were."""
    ids = [row["quarantine_id"] for row in waiting(query) if row["source"] in sources]
    assert len(discard(warehouse, ids, reason="x", is_dry_run=False)) == len(ids)
    dbt.run()
    dbt.test()
    return len(ids)


@pytest.mark.usefixtures("orphans")
def test_a_discard_holds_for_that_row_until_its_file_is_loaded_again(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query, warehouse: Warehouse
) -> None:
    def land(hour: int, row: Row) -> int:
        landing.stream("orders", row, hour=hour)
        load()
        dbt.run()
        return [row["source"] for row in waiting(query)].count("orders")

    assert land(9, order(1, customer_id=9)) == 1
    # The row of the hour before counts again: nobody has discarded that one yet.
    assert give_up(query, warehouse, dbt, "orders") == 1
    assert [row["source_file"][-14:] for row in waiting(query)][-1] == "08/orders.json"
    assert give_up(query, warehouse, dbt, "orders") == 1
    # What a release of another row does for the load of its file.
    query("update ops.pipeline_file_log set generation = generation + 1 returning 1")
    dbt.run()
    assert [row["source"] for row in waiting(query)] == ["tickets", "ticket_events"]
    assert {row["source"] for row in query(COUNTS)} == {"tickets", "ticket_events"}
    assert land(9, order(2)) == 0
    assert land(8, order(1, driver_id=9)) == 1
    assert land(8, order(1)) == 0
    assert facts(marts) == (2, 1, 1)
    dbt.test()


@pytest.mark.usefixtures("orphans")
def test_what_is_discarded_stays_out_of_the_facts_when_its_parents_come(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query, warehouse: Warehouse
) -> None:
    assert give_up(query, warehouse, dbt, "tickets", "ticket_events") == 2
    landing.stream("orders", order(1), hour=9)
    load()
    dbt.run()
    assert facts(marts) == (1, 0, 0)
    dbt.test()
    landing.stream("tickets", ticket(1, refund_amount=3))
    load()
    dbt.run()
    assert facts(marts) == (1, 1, 0)
    landing.stream("ticket_events", event(1, notes="again"))
    load()
    dbt.run()
    assert facts(marts) == (1, 1, 1)
    dbt.test()


def test_what_waited_for_an_agent_and_was_discarded_stays_out_whatever_is_touched(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query, warehouse: Warehouse
) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2))
    landing.stream("tickets", ticket(1, agent_id=9), ticket(2))
    landing.stream("ticket_events", event(1), event(2, agent_id=9, new_status="Reopened"))
    load()
    dbt.run()
    assert give_up(query, warehouse, dbt, "tickets", "ticket_events") == 3
    landing.batch("agents", agent_id=9, day="2026-11-20")
    landing.stream("orders", order(1, order_amount=2), order(2, order_amount=2), hour=9)
    load()
    dbt.run()
    assert facts(marts) == (2, 1, 0)
    assert [row["reopened"] for row in marts.rows()["fact_ticket"]] == [False]
    assert waiting(query) == []
    dbt.test()


def test_a_discarded_update_gives_the_row_before_it_back(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query, warehouse: Warehouse
) -> None:
    landing.all_batch()
    landing.stream("orders", order(1, order_amount=1))
    load()
    landing.stream("orders", order(1, order_amount=2, customer_id=7), hour=9)
    load()
    dbt.run()
    assert facts(marts)[0] == 0
    assert give_up(query, warehouse, dbt, "orders") == 1
    assert [row["order_amount"] for row in marts.rows()["fact_order"]] == [1]
    landing.batch("customers", customer_id=7, day="2026-11-20")
    load()
    dbt.run()
    assert [row["order_amount"] for row in marts.rows()["fact_order"]] == [1]
    dbt.test()


def test_a_fact_whose_later_version_lost_a_parent_leaves_with_its_children(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2))
    landing.stream("tickets", ticket(1), ticket(2))
    landing.stream("ticket_events", event(1), event(2))
    load()
    dbt.run()
    assert facts(marts) == (2, 2, 2)
    landing.stream("orders", order(1, customer_id=7), hour=9)
    load()
    dbt.run()
    assert facts(marts) == (1, 1, 1)
    assert [row["source"] for row in waiting(query)] == ["orders", "tickets", "ticket_events"]
    dbt.test()
