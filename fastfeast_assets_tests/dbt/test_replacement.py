"""Files that are replaced, and versions that arrive in any order: marts follow the files."""

from __future__ import annotations

import random
from datetime import datetime

import pytest

from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.dbt.test_orphans import facts, waiting
from fastfeast_assets_tests.landing import DAY, MEMBERS, LandingZone, Row, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query


@pytest.fixture
def day(landing: LandingZone, load: Load, dbt: Dbt) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2))
    landing.stream("tickets", ticket(1), ticket(2))
    landing.stream("ticket_events", event(1), event(2))
    load()
    dbt.run()


@pytest.mark.usefixtures("day")
def test_a_row_that_left_its_file_leaves_the_facts_and_comes_back(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    said = frozenset({"_loaded_at", "_load_id"})
    before = marts.rows(ignore=said)
    landing.stream("orders", order(2))
    load()
    dbt.run()
    assert facts(marts) == (1, 1, 1)
    assert [row["source"] for row in waiting(query)] == ["tickets", "ticket_events"]
    dbt.test()
    landing.stream("orders", order(1), order(2))
    load()
    dbt.run()
    assert marts.rows(ignore=said) == before
    assert waiting(query) == []
    dbt.test()


@pytest.mark.usefixtures("day")
def test_an_earlier_partition_that_arrives_later_changes_nothing_but_history(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    before = marts.written()
    landing.stream("orders", order(1, order_amount=1), hour=7)
    landing.batch("customers", full_name="Old Name", day="2026-11-18")
    load()
    dbt.run()
    after = marts.written()
    assert {table for table in after if after[table] != before[table]} == {"dim_customer_history"}


@pytest.mark.usefixtures("day")
def test_the_same_content_elsewhere_changes_nothing(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    said = frozenset({"_load_id", "_partition_at"})
    before = marts.rows(ignore=said)
    landing.stream("orders", order(1), order(2), hour=9)
    load()
    dbt.run()
    assert marts.rows(ignore=said) == before


@pytest.mark.usefixtures("day")
def test_when_the_newest_version_goes_the_one_before_counts(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    before = marts.rows()
    landing.stream("orders", order(1, order_status="Refunded", region_id=2), hour=9)
    landing.batch("regions", {**MEMBERS["regions"], "region_id": 2}, day="2026-11-20")
    landing.batch("customers", full_name="New Name", day="2026-11-20")
    load()
    dbt.run()
    changed = marts.rows()
    assert [row["order_status"] for row in changed["fact_order"]] == ["Refunded", "Delivered"]
    assert [row["region_id"] for row in changed["fact_ticket"]] == [2, 1]
    assert changed["dim_customer"][0]["full_name"] == "New Name"
    landing.stream("orders", order(3), hour=9)
    landing.batch("customers", {**MEMBERS["customers"], "customer_id": 9}, day="2026-11-20")
    load()
    dbt.run()
    after = marts.rows()
    assert after["fact_order"][:2] == before["fact_order"]
    assert after["fact_ticket"] == before["fact_ticket"]
    # The corrected snapshot is the newest one and does not list the customer.
    absent = {"is_absent": True, "absent_since": datetime(2026, 11, 20)}  # noqa: DTZ001
    assert after["dim_customer"][0] == {**before["dim_customer"][0], **absent}


def versions() -> list[tuple[str, list[Row]]]:
    """Files of three hours in which everything changes more than once."""
    return [
        ("stream/08/orders", [order(1), order(2, customer_id=7), order(3, driver_id=404)]),
        ("stream/09/orders", [order(1, region_id=2), order(4, customer_id=9)]),
        ("stream/10/orders", [order(2, customer_id=404), order(5)]),
        ("stream/08/tickets", [ticket(1, status="Open", resolved_at=None), ticket(2), ticket(3)]),
        ("stream/09/tickets", [ticket(1), ticket(4), ticket(5, agent_id=404)]),
        ("stream/10/tickets", [ticket(5), ticket(4, order_id=order(5)["order_id"])]),
        ("stream/08/ticket_events", [event(1), event(2), event(3, new_status="Reopened")]),
        ("stream/09/ticket_events", [event(1, new_status="Reopened"), event(4), event(5)]),
        ("stream/10/ticket_events", [event(1), event(6, ticket_id=ticket(5)["ticket_id"])]),
        ("batch/2026-11-20/customers", [{**MEMBERS["customers"], "customer_id": 7}]),
        ("batch/2026-11-21/customers", [{**MEMBERS["customers"], "full_name": "Mona A."}]),
        ("batch/2026-11-21/drivers", [{**MEMBERS["drivers"], "driver_id": 9, "region_id": 77}]),
        ("batch/2026-11-20/regions", [{**MEMBERS["regions"], "region_id": 2, "city_id": 2}]),
        ("batch/2026-11-21/cities", [{**MEMBERS["cities"], "city_name": "Al-Qahira"}]),
        ("batch/2026-11-21/agents", [{**MEMBERS["agents"], "agent_phone": "bad"}]),
        ("batch/2026-11-22/customers", [{**MEMBERS["customers"], "customer_id": 9, "phone": "1"}]),
    ]


def write(landing: LandingZone, name: str, rows: list[Row]) -> None:
    """Write one of the `versions`."""
    kind, part, source = name.split("/")
    if kind == "stream":
        landing.stream(source, *rows, hour=int(part), day=DAY)
    else:
        landing.batch(source, *rows, day=part)


def withdrawn(name: str, rows: list[Row]) -> list[Row]:
    """An earlier version of a file, all of which is taken back: other keys, other values."""
    make = {"orders": order, "tickets": ticket, "ticket_events": event}[name.split("/")[2]]
    changes = {
        "orders": {"customer_id": 405},
        "tickets": {"order_id": order(9)["order_id"]},
        "ticket_events": {"new_status": "Reopened"},
    }[name.split("/")[2]]
    return [{**rows[0], **changes}, {**rows[-1], **make(9)}]


@pytest.mark.parametrize("seed", range(3))
def test_order_and_grouping_of_the_files_do_not_matter(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    files = versions()
    chance.shuffle(files)
    landing.all_batch()
    load()
    for name, rows in files:
        if name.startswith("stream") and chance.random() < 0.4:
            write(landing, name, withdrawn(name, rows))
            load()
            if chance.random() < 0.5:
                dbt.run()
        write(landing, name, rows)
        load()
        if chance.random() < 0.2:
            dbt.run()
    dbt.run()
    in_steps = marts.rows()
    open_orphans = sorted((row["source_file"], row["row_number"]) for row in waiting(query))
    dbt.test()

    dbt.operation("drop_marts")
    query("delete from ops.quarantine where rejection_stage = 'orphan' returning 1")
    dbt.run()
    assert marts.rows() == in_steps
    assert open_orphans == sorted((row["source_file"], row["row_number"]) for row in waiting(query))
