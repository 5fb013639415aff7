"""Decisions and what retention takes after them: no check is red while the facts are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from fastfeast_assets.checks.reconciliation import balances
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.discard import discard
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets.warehouse.release import release
from fastfeast_assets.warehouse.retention_ops import prune_settled
from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.dbt.test_orphans import waiting
from fastfeast_assets_tests.dbt.test_provenance import AUGUST, OCTOBER, SEPTEMBER
from fastfeast_assets_tests.dbt.test_provenance import build as build
from fastfeast_assets_tests.dbt.test_provenance import prune as prune
from fastfeast_assets_tests.landing import LandingZone, event, on, order, ticket
from fastfeast_assets_tests.postgres.conftest import Query, look

NOVEMBER = "2026-11-10"


def stricter(contract: Contract) -> Contract:
    """By which an order must cost 100."""
    columns = [
        replace(column, minimum=Decimal(100)) if column.name == "order_amount" else column
        for column in contract.columns
    ]
    return replace(contract, columns=tuple(columns))


def test_no_check_is_red_after_decisions_and_retention(
    landing: LandingZone,
    build: Any,
    prune: Any,
    dbt: Dbt,
    marts: Marts,
    query: Query,
    connection: psycopg.Connection,
    warehouse: Warehouse,
    settings: Settings,
    contracts: Mapping[str, Contract],
) -> None:
    """Discarded, released and corrected rows, then months of raw and the settled quarantine."""

    def settle() -> None:
        prune_settled(connection, contracts, datetime.now(UTC) + timedelta(days=1))

    def give_up(*sources: str) -> None:
        found = [row for row in waiting(query) if row["source"] in sources]
        assert [row["source"] for row in found] == [*sources]
        ids = [row["quarantine_id"] for row in found]
        discard(warehouse, ids, reason="test", is_dry_run=False)

    def everything_is_well() -> None:
        log_ids = [row["log_id"] for row in query("select log_id from ops.pipeline_file_log")]
        for contract in contracts.values():
            assert all(balance.is_even for balance in balances(connection, contract, log_ids))
        dbt.test("--vars", "{recent_rows: 'true'}")
        shown = {row["order_id"][-1]: row["order_status"] for row in marts.rows()["fact_order"]}
        assert shown == expected

    landing.all_batch()
    august = [on(AUGUST, order, number) for number in (1, 2, 3)]
    landing.stream("orders", *august, on(AUGUST, order, 4, order_amount=1), day=AUGUST)
    [file] = [file for file in look(settings, contracts).files if file.source == "orders"]
    load_file(warehouse, stricter(contracts["orders"]), file, run_id="test", settings=settings)
    landing.stream("tickets", on(AUGUST, ticket), day=AUGUST)
    landing.stream("ticket_events", on(AUGUST, event), day=AUGUST)
    update = {"order_status": "Refunded"}
    waits = on(AUGUST, order, 1, **update, customer_id=99)
    landing.stream(
        "orders", waits, *(on(AUGUST, order, n, **update) for n in (2, 3)), day=SEPTEMBER
    )
    landing.stream("tickets", on(AUGUST, ticket, agent_id=99), day=SEPTEMBER)
    build()
    give_up("orders", "tickets")
    # A correction that gives a key up, and a released row.
    landing.stream("orders", waits, on(AUGUST, order, 2, **update), day=SEPTEMBER)
    refused = [row["quarantine_id"] for row in query("select * from ops.quarantine")]
    release(warehouse, contracts, refused, settings=settings, run_id="test", is_dry_run=False)
    build()
    give_up("orders")
    build()
    assert waiting(query) == []
    expected = {"1": "Delivered", "2": "Refunded", "3": "Delivered", "4": "Delivered"}
    for before in ("2026-09-01", "2026-10-01"):
        prune(before)
        settle()
        everything_is_well()
    # The parents of what was discarded, and what retention has taken, change nothing.
    landing.stream("orders", on(OCTOBER, order, 5), day=OCTOBER)
    landing.batch("customers", customer_id=99, day=NOVEMBER)
    landing.batch("agents", agent_id=99, day=NOVEMBER)
    build()
    expected["5"] = "Delivered"
    everything_is_well()


def test_a_kept_ticket_whose_update_waits_comes_due_all_the_same(
    landing: LandingZone, build: Any, prune: Any, dbt: Dbt, marts: Marts, query: Query
) -> None:
    """Otherwise it would be pending for ever, and each `ingest` would look at it again."""
    due = str(datetime.now(UTC).replace(tzinfo=None, microsecond=0) + timedelta(minutes=30))
    opened: dict[str, Any] = {
        "status": "Open",
        "first_response_at": None,
        "resolved_at": None,
        "sla_first_due_at": due,
        "sla_resolve_due_at": due,
    }
    landing.all_batch()
    landing.stream("orders", on(AUGUST, order), day=AUGUST)
    landing.stream("tickets", on(AUGUST, ticket, **opened), day=AUGUST)
    build()
    prune("2026-09-01")
    landing.stream("tickets", on(AUGUST, ticket, **opened, agent_id=99), day=SEPTEMBER)
    build()
    levels = (
        "select sla_response_status as response, sla_resolution_status as resolution"
        " from marts.fact_ticket"
    )
    assert query(levels) == [{"response": "pending", "resolution": "pending"}]
    query(
        "update marts.fact_ticket set sla_first_due_at = sla_first_due_at - interval '1 hour',"
        " sla_resolve_due_at = sla_resolve_due_at - interval '1 hour' returning 1"
    )
    dbt.run()
    dbt.test()
    assert query(levels) == [{"response": "breached", "resolution": "breached"}]
    settled = marts.written()
    dbt.run()
    assert marts.written() == settled
