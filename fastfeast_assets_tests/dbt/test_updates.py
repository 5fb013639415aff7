"""Facts that come again, and facts whose raw rows are past their retention."""

from __future__ import annotations

import pytest

from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.dbt.test_orphans import facts, waiting
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

OLD = "2026-01-05"


@pytest.fixture
def day(landing: LandingZone, load: Load, dbt: Dbt) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2), order(3))
    landing.stream("tickets", ticket(1), ticket(2), ticket(3))
    landing.stream("ticket_events", event(1), event(2), event(3))
    load()
    dbt.run()


@pytest.mark.usefixtures("day")
def test_an_update_rewrites_the_keys_of_its_file_and_no_other(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    """A row that says the same again comes from another load now; it has not changed since."""
    before, then = marts.written(), marts.rows(ignore=frozenset())
    landing.stream("orders", order(1), order(2, order_status="Refunded"), hour=9)
    landing.stream("tickets", ticket(1), ticket(2, refund_amount=1), hour=9)
    landing.stream("ticket_events", event(1), event(2, notes="Changed"), hour=9)
    load()
    dbt.run()
    after, rows = marts.written(), marts.rows(ignore=frozenset())
    for table in ("fact_order", "fact_ticket", "fact_ticket_event"):
        assert len(before[table] - after[table]) == 2, table
        changed_at = {row["_loaded_at"] for row in then[table]}
        assert [row["_loaded_at"] in changed_at for row in rows[table]] == [True, False, True]
        assert [row["_partition_at"].hour for row in rows[table]] == [9, 9, 8]
    assert [row["order_status"] for row in rows["fact_order"]].count("Refunded") == 1
    assert sorted(row["refund_amount"] for row in rows["fact_ticket"])[0] == 1


@pytest.mark.usefixtures("day")
def test_a_corrected_file_of_an_old_hour_does_not_overwrite_what_a_later_hour_said(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    landing.stream("orders", order(1, order_amount=9), hour=9)
    landing.stream("tickets", ticket(1, refund_amount=9), hour=9)
    landing.stream("ticket_events", event(1, notes="nine"), hour=9)
    load()
    dbt.run()
    said = frozenset({"_loaded_at", "_load_id"})
    before = marts.rows(ignore=said)
    landing.stream("orders", order(1, order_amount=8), order(2), order(3))
    landing.stream("tickets", ticket(1, refund_amount=8), ticket(2), ticket(3))
    landing.stream("ticket_events", event(1, notes="eight"), event(2), event(3))
    load()
    dbt.run()
    assert marts.rows(ignore=said) == before
    # And a later hour still has the last word on a row that the correction took out.
    landing.stream("orders", order(2), order(3))
    load()
    dbt.run()
    assert facts(marts) == (3, 3, 3)


@pytest.fixture
def pruned(landing: LandingZone, load: Load, dbt: Dbt, query: Query) -> None:
    """Facts of an old day, reopened by an event, of which raw holds nothing any more."""
    landing.all_batch(day=OLD)
    landing.stream("orders", order(1), order(2), day=OLD)
    landing.stream("tickets", ticket(1), ticket(2), day=OLD)
    landing.stream("ticket_events", event(1, new_status="Reopened"), event(2), day=OLD)
    landing.stream("ticket_events", event(3, ticket_id=ticket(1)["ticket_id"]))
    load()
    dbt.run()
    for table in ("orders", "tickets", "ticket_events"):
        query(f"delete from raw.{table} where _partition_at < '2026-02-01' returning 1")  # noqa: S608


@pytest.mark.usefixtures("pruned")
def test_facts_outlive_their_raw_rows_however_often_they_are_looked_at(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    before = marts.written()
    landing.all_batch(day="2026-11-20")
    landing.stream("ticket_events", event(3, ticket_id=ticket(1)["ticket_id"]), hour=10)
    landing.stream("orders", order(4), hour=10)
    query(
        "insert into ops.quarantine (source_file, source, source_table, row_number, primary_key, "
        "rejection_stage, rejection_reason, reasons, raw_data, first_seen_at) values "
        "('f', 'orders', 'fact_order', 1, 'gone', 'orphan', 'r', "
        """'[{"column": "customer_id", "value": "1"}]', '{}', now()) returning 1"""
    )
    load()
    dbt.run()
    after = marts.written()
    # The event came again, from another load.
    written = {table for table in after if after[table] != before[table]}
    assert written == {"fact_order", "fact_ticket_event"}
    assert after["fact_order"] > before["fact_order"]
    assert len(after["fact_ticket_event"] - before["fact_ticket_event"]) == 1
    assert [row["primary_key"] for row in waiting(query)] == ["gone"]
    query("update ops.quarantine set status = 'discarded' returning 1")
    dbt.test()


@pytest.mark.usefixtures("pruned")
def test_a_ticket_stays_reopened_by_an_event_past_its_retention(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    landing.stream("tickets", ticket(1, refund_amount=1), hour=10)
    load()
    dbt.run()
    [changed] = [row for row in marts.rows()["fact_ticket"] if row["refund_amount"] == 1]
    assert changed["reopened"] is True
    assert facts(marts) == (2, 2, 3)


@pytest.mark.usefixtures("pruned")
def test_a_row_that_leaves_its_file_still_leaves_the_facts(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    landing.stream("orders", order(7), order(8))
    load()
    dbt.run()
    landing.stream("orders", order(8), order(9, customer_id=MEMBERS["customers"]["customer_id"]))
    load()
    dbt.run()
    kept = {row["order_id"][-1] for row in marts.rows()["fact_order"]}
    assert kept == {"1", "2", "8", "9"}
    dbt.test()
