"""Facts know where they come from: what leaves raw never changes them in silence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import psycopg
import pytest

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.dbt.test_orphans import facts, waiting
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, event, on, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query, look
from fastfeast_assets_tests.pruning import prune_raw

AUGUST, SEPTEMBER, OCTOBER = "2026-08-10", "2026-09-10", "2026-10-10"
STREAMS = ("orders", "tickets", "ticket_events")

Prune = Callable[..., None]
Reprocess = Callable[..., None]


@pytest.fixture
def build(load: Load, dbt: Dbt) -> Callable[[], None]:
    """Load what is pending and bring the marts up to date."""

    def run() -> None:
        load()
        dbt.run()

    return run


@pytest.fixture
def prune(connection: psycopg.Connection, contracts: Mapping[str, Contract]) -> Prune:
    """Take the months before a day out of raw, those of some sources or all, a transform after."""

    def take(before: str, *sources: str, newest_first: bool = False) -> None:
        chosen = [contracts[source] for source in sources or STREAMS]
        prune_raw(connection, chosen, date.fromisoformat(before), newest_first=newest_first)

    return take


@pytest.fixture
def reprocess(
    settings: Settings, warehouse: Warehouse, contracts: Mapping[str, Contract]
) -> Reprocess:
    """Load every file of some streams, or all, again, whatever the ledger says."""

    def again(*sources: str) -> None:
        for file in look(settings, contracts).files:
            if file.source in (sources or STREAMS):
                load_file(
                    warehouse,
                    contracts[file.source],
                    file,
                    run_id="again",
                    settings=settings,
                    is_forced=True,
                )

    return again


def only(marts: Marts, fact: str) -> dict[str, Any]:
    [row] = marts.rows()[fact]
    return row


def test_a_ticket_of_pruned_months_is_what_its_newest_file_said(
    landing: LandingZone, build: Any, prune: Prune, dbt: Dbt, marts: Marts
) -> None:
    landing.all_batch()
    landing.stream("orders", on(AUGUST, order), day=AUGUST)
    opened = on(AUGUST, ticket, status="Open", refund_amount=0, resolved_at=None)
    landing.stream("tickets", opened, day=AUGUST)
    build()
    landing.stream("tickets", on(AUGUST, ticket, refund_amount=7), day=SEPTEMBER)
    build()
    before = only(marts, "fact_ticket")
    prune("2026-10-01")
    landing.stream("ticket_events", on(OCTOBER, event), day=OCTOBER)
    build()
    dbt.test()
    assert only(marts, "fact_ticket") == before
    assert (before["status"], before["refund_amount"]) == ("Resolved", 7)
    assert facts(marts) == (1, 1, 1)


def test_a_reprocessed_month_sets_nothing_back_when_a_later_one_is_gone(
    landing: LandingZone, build: Any, prune: Prune, reprocess: Reprocess, dbt: Dbt, marts: Marts
) -> None:
    landing.all_batch()
    pending = on(AUGUST, order, order_status="Pending", delivered_at=None)
    old = landing.stream("orders", pending, on(AUGUST, order, 2), day=AUGUST)
    build()
    new = landing.stream("orders", on(AUGUST, order), day=SEPTEMBER)
    build()
    prune("2026-10-01", newest_first=True)
    new.unlink()
    reprocess()
    dbt.run()
    dbt.test()
    by_key = {row["order_id"][-1]: row for row in marts.rows()["fact_order"]}
    assert by_key["1"]["order_status"] == "Delivered"
    assert str(by_key["1"]["_partition_at"])[:10] == SEPTEMBER
    assert old.exists()


def test_a_late_file_of_a_month_before_a_pruned_one_sets_nothing_back(
    landing: LandingZone, build: Any, prune: Prune, dbt: Dbt, marts: Marts
) -> None:
    landing.all_batch()
    landing.stream("orders", on(AUGUST, order), day=SEPTEMBER)
    build()
    before = marts.rows()["fact_order"]
    prune("2026-10-01")
    late = on(AUGUST, order, order_status="Pending", delivered_at=None)
    landing.stream("orders", late, day=AUGUST)
    build()
    dbt.test()
    assert marts.rows()["fact_order"] == before


def test_an_event_reopens_a_ticket_that_raw_no_longer_holds(
    landing: LandingZone, build: Any, prune: Prune, dbt: Dbt, marts: Marts
) -> None:
    landing.all_batch()
    landing.stream("orders", on(AUGUST, order), day=AUGUST)
    landing.stream("tickets", on(AUGUST, ticket), day=AUGUST)
    build()
    prune("2026-09-01")
    landing.stream("ticket_events", on(OCTOBER, event, new_status="Reopened"), day=OCTOBER)
    build()
    dbt.test()
    assert only(marts, "fact_ticket")["reopened"] is True
    landing.stream("ticket_events", on(OCTOBER, event, 2), day=OCTOBER)
    build()
    dbt.test()
    assert only(marts, "fact_ticket")["reopened"] is False


def test_each_reopening_event_counts_also_those_of_pruned_months(
    landing: LandingZone, build: Any, prune: Prune, dbt: Dbt, marts: Marts
) -> None:
    landing.all_batch()
    mine = {"ticket_id": ticket(1)["ticket_id"], "new_status": "Reopened"}
    landing.stream("orders", on(AUGUST, order), day=AUGUST)
    landing.stream("tickets", on(AUGUST, ticket), day=AUGUST)
    landing.stream("ticket_events", on(AUGUST, event, 2, **mine), day=AUGUST)
    landing.stream("ticket_events", on(OCTOBER, event, 1, **mine), day=OCTOBER)
    build()
    prune("2026-09-01")
    landing.stream("ticket_events", on(OCTOBER, event, 9, ticket_id="0" * 8), day=OCTOBER)
    build()
    assert only(marts, "fact_ticket")["reopened"] is True
    dbt.test()


def test_the_region_of_a_ticket_is_that_of_its_order(
    landing: LandingZone, build: Any, prune: Prune, dbt: Dbt, marts: Marts
) -> None:
    landing.all_batch()
    landing.batch("regions", MEMBERS["regions"], {**MEMBERS["regions"], "region_id": 2})
    landing.stream("orders", on(AUGUST, order), day=AUGUST)
    landing.stream("tickets", on(AUGUST, ticket), day=AUGUST)
    build()
    prune("2026-09-01")
    landing.stream("orders", on(AUGUST, order, region_id=2, customer_id=7), day=OCTOBER)
    build()
    assert only(marts, "fact_ticket")["region_id"] == 1
    landing.batch("customers", customer_id=7, day=OCTOBER)
    build()
    dbt.test()
    assert only(marts, "fact_order")["region_id"] == 2
    assert only(marts, "fact_ticket")["region_id"] == 2


def test_a_service_level_falls_due_also_where_raw_holds_the_ticket_no_more(
    landing: LandingZone, build: Any, prune: Prune, dbt: Dbt, marts: Marts, query: Query
) -> None:
    landing.all_batch()
    unanswered: dict[str, Any] = {"status": "Open", "first_response_at": None, "resolved_at": None}
    due: dict[str, Any] = {
        "sla_first_due_at": "2090-01-01 00:00:00",
        "sla_resolve_due_at": "2090-01-01 00:00:00",
    }
    landing.stream("orders", on(AUGUST, order), day=AUGUST)
    landing.stream("tickets", on(AUGUST, ticket, **unanswered, **due), day=AUGUST)
    build()
    prune("2026-09-01")
    assert only(marts, "fact_ticket")["sla_resolution_status"] == "pending"
    query(
        "update marts.fact_ticket set sla_first_due_at = '2026-09-01',"
        " sla_resolve_due_at = '2026-09-02' returning 1"
    )
    dbt.run()
    row = only(marts, "fact_ticket")
    assert (row["sla_response_status"], row["sla_resolution_status"]) == ("breached", "breached")
    dbt.test()


def test_what_could_not_be_loaded_again_stays_with_its_parent(
    landing: LandingZone, build: Any, prune: Prune, dbt: Dbt, marts: Marts, query: Query
) -> None:
    """The order's update waits, and raw holds the order but neither ticket nor event."""
    landing.all_batch()
    landing.stream("orders", on(AUGUST, order), day=AUGUST)
    landing.stream("tickets", on(AUGUST, ticket), day=AUGUST)
    landing.stream("ticket_events", on(AUGUST, event), day=AUGUST)
    build()
    prune("2026-09-01", "ticket_events")
    before = marts.rows()
    dirty = on(
        AUGUST,
        order,
        customer_id=777,
        order_created_at="2030-01-01 00:00:00",
        delivered_at="2030-01-01 01:00:00",
    )
    landing.stream("orders", dirty, day=OCTOBER)
    build()
    dbt.test()
    after = marts.rows()
    for fact in ("fact_order", "fact_ticket", "fact_ticket_event"):
        assert after[fact] == before[fact], fact
    assert [row["source"] for row in waiting(query)] == ["orders"]
    landing.stream("orders", on(AUGUST, order, order_amount=3), day=OCTOBER)
    build()
    dbt.test()
    assert waiting(query) == []
    assert only(marts, "fact_order")["order_amount"] == 3


def test_what_was_kept_leaves_when_what_kept_it_goes(
    landing: LandingZone, build: Any, prune: Prune, reprocess: Reprocess, dbt: Dbt, marts: Marts
) -> None:
    """An order that no file holds stays for a pruned event, until that is taken back."""
    landing.all_batch()
    landing.stream("orders", on(OCTOBER, order), day=OCTOBER)
    landing.stream("tickets", on(OCTOBER, ticket), day=OCTOBER)
    landing.stream("ticket_events", on(OCTOBER, event), day=AUGUST)
    build()
    prune("2026-09-01", "ticket_events")
    landing.stream("orders", on(OCTOBER, order, 2), day=OCTOBER)
    build()
    orders = {row["order_id"][-1] for row in marts.rows()["fact_order"]}
    assert orders == {"1", "2"}
    landing.stream(
        "ticket_events", on(OCTOBER, event, 2, ticket_id=ticket(2)["ticket_id"]), day=AUGUST
    )
    reprocess("ticket_events")
    dbt.run()
    dbt.test()
    rows = marts.rows()
    assert [row["order_id"][-1] for row in rows["fact_order"]] == ["2"]
    assert rows["fact_ticket"] == rows["fact_ticket_event"] == []


def test_a_correction_of_a_pruned_file_is_followed_by_the_facts_that_carry_its_load(
    landing: LandingZone, build: Any, prune: Prune, reprocess: Reprocess, dbt: Dbt, marts: Marts
) -> None:
    landing.all_batch()
    landing.stream("orders", *(on(AUGUST, order, number) for number in (1, 2, 3)), day=AUGUST)
    landing.stream("orders", on(AUGUST, order, 3, order_amount=5), day=SEPTEMBER)
    build()
    prune("2026-09-01")
    landing.stream("orders", on(AUGUST, order, 1, order_amount=4), on(AUGUST, order, 3), day=AUGUST)
    reprocess()
    dbt.run()
    dbt.test()
    amounts = {row["order_id"][-1]: row["order_amount"] for row in marts.rows()["fact_order"]}
    assert amounts == {"1": 4, "3": 5}


def test_a_version_that_nobody_knows_the_one_before_of_stays_and_the_audit_says_so(
    landing: LandingZone, build: Any, prune: Prune, dbt: Dbt, marts: Marts, query: Query
) -> None:
    landing.all_batch()
    landing.stream("orders", on(AUGUST, order, 1), day=AUGUST)
    build()
    prune("2026-09-01")
    landing.stream("orders", on(AUGUST, order, 1, order_amount=2), day=SEPTEMBER)
    landing.stream("orders", on(AUGUST, order, 1, order_amount=3), day=OCTOBER)
    build()
    landing.stream("orders", on(OCTOBER, order, 9), day=OCTOBER)
    build()
    # September's version is newer than any that retention has taken: it counts again.
    assert {row["order_amount"] for row in marts.rows()["fact_order"]} == {2, 100.5}
    landing.stream("orders", on(OCTOBER, order, 8), day=SEPTEMBER)
    build()
    dbt.test()
    kept = marts.rows()["fact_order"][0]
    assert (kept["order_amount"], str(kept["_pruned_at"])[:10]) == (2, AUGUST)
    assert query("select action, target from ops.audit_log where action = 'keep'") == [
        {"action": "keep", "target": f"fact_order/{order(1)['order_id']}"}
    ]
    settled = marts.written()
    dbt.run()
    assert marts.written() == settled
