"""Dimensions: stub members, changed parents, keys that are none."""

from __future__ import annotations

from typing import Any

from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.dbt.test_orphans import facts, waiting
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

CUSTOMER = MEMBERS["customers"]
WHEN_LOADED = frozenset({"_loaded_at", "_load_id"})


def members(marts: Marts, table: str) -> dict[int, tuple[bool, str | None]]:
    """Key -> is_stub and stub_reason."""
    rows: list[dict[str, Any]] = marts.rows()[table]
    key = f"{table.removeprefix('dim_')}_id"
    return {row[key]: (row["is_stub"], row["stub_reason"]) for row in rows}


def test_a_rejected_member_is_a_stub_that_facts_can_refer_to(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    landing.all_batch()
    landing.batch("customers", CUSTOMER, {**CUSTOMER, "customer_id": 2, "phone": "bad"})
    landing.stream("orders", order(1, customer_id=2))
    load()
    dbt.run()
    assert members(marts, "dim_customer") == {1: (False, None), 2: (True, "rejected")}
    [stub] = [row for row in marts.rows()["dim_customer"] if row["is_stub"]]
    attributes = set(stub) - {"customer_id", "is_stub", "stub_reason", "is_absent"}
    assert {stub[name] for name in attributes} == {None}
    assert facts(marts) == (1, 0, 0)
    assert waiting(query) == []
    dbt.test()

    landing.batch("customers", {**CUSTOMER, "customer_id": 2}, day="2026-11-20")
    load()
    dbt.run()
    assert members(marts, "dim_customer") == {1: (False, None), 2: (False, None)}
    dbt.test()


def test_a_stub_takes_no_valid_rows_place_while_one_stands(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    landing.all_batch()
    landing.batch("customers", phone="bad", day="2026-11-20")
    load()
    dbt.run()
    assert members(marts, "dim_customer") == {1: (False, None)}
    # No file says any more what it was.
    landing.batch("customers", {**CUSTOMER, "phone": "bad"}, {**CUSTOMER, "customer_id": 3})
    load()
    dbt.run()
    assert members(marts, "dim_customer") == {1: (True, "rejected"), 3: (False, None)}
    dbt.test()


def test_members_that_no_file_lists_any_more_are_as_if_they_had_never_been(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    """All that refers to them waits, and comes back with them, as after a fresh load."""

    def build() -> None:
        load()
        dbt.run()

    landing.all_batch()
    other = {**CUSTOMER, "customer_id": 2}
    landing.batch("customers", {**CUSTOMER, "region_id": 7}, other)
    landing.stream("orders", order(1), order(2, customer_id=2))
    landing.stream("tickets", ticket(1), ticket(2))
    landing.stream("ticket_events", event(1), event(2))
    build()
    whole = marts.rows(ignore=WHEN_LOADED)
    assert facts(marts) == (2, 2, 2)
    assert members(marts, "dim_region") == {1: (False, None), 7: (True, "referenced")}

    # Customer 2 and with it an order, its ticket (of another customer) and its event.
    landing.batch("customers", CUSTOMER)
    build()
    assert members(marts, "dim_customer") == {1: (False, None)}
    assert members(marts, "dim_region") == {1: (False, None)}
    assert facts(marts) == (1, 1, 1)
    assert [row["source_table"] for row in waiting(query)] == [
        "fact_order",
        "fact_ticket",
        "fact_ticket_event",
    ]
    assert query("select from ops.withdrawn_member union all select from ops.pending_key") == []
    dbt.test()

    # Parents of dimensions become stubs of those who refer to them.
    landing.batch("segments", {**MEMBERS["segments"], "segment_id": 9})
    landing.batch("cities", {**MEMBERS["cities"], "city_id": 9})
    landing.batch("agents", {**MEMBERS["agents"], "agent_id": 9})
    build()
    assert members(marts, "dim_segment") == {1: (True, "referenced"), 9: (False, None)}
    assert members(marts, "dim_city") == {1: (True, "referenced"), 9: (False, None)}
    assert members(marts, "dim_agent") == {9: (False, None)}
    assert [row["city_name"] for row in marts.rows()["dim_region"]] == [None]
    assert facts(marts) == (1, 0, 0)
    corrected = marts.rows()
    dbt.test()
    dbt.operation("drop_marts")
    dbt.run()
    assert marts.rows() == corrected

    landing.all_batch()
    landing.batch("customers", {**CUSTOMER, "region_id": 7}, other)
    build()
    assert marts.rows(ignore=WHEN_LOADED) == whole
    dbt.test()


def test_a_parent_that_nobody_listed_is_a_stub_until_it_is_listed(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    landing.all_batch()
    landing.batch("customers", region_id=50)
    landing.batch("regions", city_id=60)
    landing.batch("reasons", reason_category_id=70)
    landing.stream("orders", order(1, region_id=50))
    load()
    dbt.run()
    stub = (True, "referenced")
    assert members(marts, "dim_region") == {1: (False, None), 50: stub}
    assert members(marts, "dim_city") == {1: (False, None), 60: stub}
    assert members(marts, "dim_reason_category") == {1: (False, None), 70: stub}
    assert facts(marts) == (1, 0, 0)
    assert "parents_that_nobody_listed" in dbt.warnings()

    landing.batch("reason_categories", {**MEMBERS["reason_categories"], "reason_category_id": 70})
    landing.batch("regions", {**MEMBERS["regions"], "region_id": 50}, day="2026-11-20")
    landing.batch("cities", {**MEMBERS["cities"], "city_id": 60}, day="2026-11-20")
    load()
    dbt.run()
    assert members(marts, "dim_region") == {1: (False, None), 50: (False, None)}
    assert members(marts, "dim_city") == {1: (False, None), 60: (False, None)}
    assert [row["city_name"] for row in marts.rows()["dim_region"]] == ["Cairo", "Cairo"]
    assert "parents_that_nobody_listed" not in dbt.warnings()
    dbt.test()


def test_a_rejection_is_the_better_reason_whatever_comes_first(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    landing.batch("regions", {**MEMBERS["regions"], "region_id": 2, "delivery_base_fee": -1})
    landing.batch("customers", region_id=3)
    load()
    dbt.run()
    expected = {2: (True, "rejected"), 3: (True, "referenced")}
    assert members(marts, "dim_region") == expected
    landing.batch("customers", region_id=2, day="2026-11-20")
    landing.batch(
        "regions",
        {**MEMBERS["regions"], "region_id": 3, "delivery_base_fee": -1},
        day="2026-11-20",
    )
    load()
    dbt.run()
    assert members(marts, "dim_region") == {2: (True, "rejected"), 3: (True, "rejected")}


def test_names_from_parents_follow_the_parents(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    landing.all_batch()
    load()
    dbt.run()
    before = marts.written()
    landing.batch("cities", city_name="Al-Qahira", day="2026-11-20")
    landing.batch("reason_categories", category_name="Payment", day="2026-11-20")
    load()
    dbt.run()
    rows, after = marts.rows(), marts.written()
    assert rows["dim_region"][0]["city_name"] == "Al-Qahira"
    assert rows["dim_reason"][0]["reason_category"] == "Payment"
    assert {table for table in after if after[table] != before[table]} == {
        "dim_city",
        "dim_region",
        "dim_reason",
        "dim_reason_category",
    }


def test_rejected_keys_that_no_integer_column_holds_are_no_members(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    keys = ["9999999999", "99999999999999999999", "x", "", "1.5", "-3"]
    landing.batch("teams", *({"team_id": key, "team_name": "T"} for key in keys))
    load()
    query("update ops.quarantine set primary_key = raw_data ->> 'team_id' returning 1")
    dbt.run()
    assert set(members(marts, "dim_team")) <= {-3}


def test_events_reopen_their_ticket_until_they_are_withdrawn(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2))
    landing.stream("tickets", ticket(1), ticket(2, status="Reopened"))
    load()
    dbt.run()

    def reopened() -> list[bool]:
        return [row["reopened"] for row in marts.rows()["fact_ticket"]]

    assert reopened() == [False, True]
    landing.stream("ticket_events", event(1, new_status="Reopened"), hour=9)
    load()
    dbt.run()
    assert reopened() == [True, True]
    landing.stream("ticket_events", event(1, new_status="Closed"), hour=10)
    load()
    dbt.run()
    assert reopened() == [False, True]
    landing.stream("ticket_events", event(7), hour=10)
    load()
    dbt.run()
    assert reopened() == [True, True]
    landing.stream("ticket_events", event(7), hour=9)
    load()
    dbt.run()
    assert reopened() == [False, True]
    dbt.test()
