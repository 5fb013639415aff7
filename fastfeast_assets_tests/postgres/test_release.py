"""Releasing and discarding quarantined rows: what today's contract accepts joins its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from fastfeast_assets.checks.reconciliation import balances
from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse, ledger
from fastfeast_assets.warehouse.discard import discard
from fastfeast_assets.warehouse.release import release
from fastfeast_assets.warehouse.release_file import RowOutcome
from fastfeast_assets_tests.landing import DAY, MEMBERS, LandingZone, event, order
from fastfeast_assets_tests.postgres.conftest import Load, Query

Release = Callable[..., dict[str, list[RowOutcome]]]
ORDERS = f"stream/{DAY}/08/orders.json"


def changed(contracts: Mapping[str, Contract], source: str, column: str, **changes: Any) -> Any:
    """The contracts with one column of one source changed."""
    contract = contracts[source]
    columns = tuple(replace(c, **changes) if c.name == column else c for c in contract.columns)
    return {**contracts, source: replace(contract, columns=columns)}


@pytest.fixture
def released(
    warehouse: Warehouse, contracts: Mapping[str, Contract], settings: Settings, query: Query
) -> Release:
    """Release all rows of the quarantine; gives the outcomes by result."""

    def run(
        today: Mapping[str, Contract] | None = None, *, is_dry_run: bool = False, chunk: int = 9
    ) -> dict[str, list[RowOutcome]]:
        ids = [row["quarantine_id"] for row in query("select quarantine_id from ops.quarantine")]
        outcomes = release(
            warehouse,
            today or contracts,
            ids,
            settings=settings.model_copy(update={"chunk_rows": chunk}),
            run_id="release",
            is_dry_run=is_dry_run,
        )
        found: dict[str, list[RowOutcome]] = {"released": [], "refused": [], "unreadable": []}
        for outcome in outcomes:
            found[outcome.result].append(outcome)
        return found

    return run


def ensure_even(connection: psycopg.Connection, *sources: str) -> None:
    """The law: in = loaded + quarantined, in the ledger and in the tables."""
    contracts = load_contracts()
    for source in sources:
        ids = [
            row[0]
            for row in connection.execute("select log_id from ops.pipeline_file_log").fetchall()
        ]
        found = balances(connection, contracts[source], ids)
        assert found
        assert all(balance.is_even for balance in found), [str(balance) for balance in found]


def test_what_the_contract_now_accepts_is_loaded(
    landing: LandingZone,
    load: Load,
    released: Release,
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    landing.stream(
        "orders",
        order(1),
        order(2, order_status="Lost", order_amount=12.30, vip=True),
        order(3, order_status="Lost", order_amount=-1),
        order(4, order_status="Stolen"),
    )
    log_id = load()[ORDERS].log_id
    known = contracts["orders"].column("order_status").allowed or ()
    today = changed(contracts, "orders", "order_status", allowed=(*known, "Lost"))

    before = query("select * from ops.quarantine order by 1"), query("select * from raw.orders")
    dry = released(today, is_dry_run=True)
    assert (len(dry["released"]), len(dry["refused"])) == (1, 2)
    assert before == (
        query("select * from ops.quarantine order by 1"),
        query("select * from raw.orders"),
    )
    assert query("select * from ops.audit_log") == []

    found = released(today)
    assert [outcome.row_number for outcome in found["released"]] == [2]
    rows = query("select * from raw.orders order by _row_number")
    assert [row["_row_number"] for row in rows] == [1, 2]
    good, freed = rows
    assert freed["_load_id"] == log_id == good["_load_id"]
    assert (freed["_run_id"], freed["_source_file"]) == ("release", ORDERS)
    assert str(freed["order_amount"]) == "12.30"
    assert freed["_extra"] == {"vip": True}
    assert freed["delivered_at"] == good["delivered_at"]

    quarantine = query(
        "select status, reasons, rejection_stage from ops.quarantine order by row_number"
    )
    assert [row["status"] for row in quarantine] == ["released", "open", "open"]
    assert quarantine[1]["reasons"] == [{"column": "order_amount", "rule": "range", "value": "-1"}]
    assert quarantine[1]["rejection_stage"] == "records"
    [log] = query("select * from ops.pipeline_file_log")
    assert (log["total_records"], log["valid_records"], log["quarantined"]) == (4, 2, 2)
    ensure_even(connection, "orders")
    assert log["generation"] == 1

    audit = query("select action, target, old, new, os_user, database_user from ops.audit_log")
    assert [row["action"] for row in audit] == ["release", "refresh", "release"]
    assert audit[0]["new"] == {"status": "released", "log_id": log_id}
    assert audit[2]["target"] == ORDERS
    assert (audit[2]["old"]["valid_records"], audit[2]["new"]["valid_records"]) == (1, 2)
    assert all(row["os_user"] and row["database_user"] for row in audit)
    assert released(today)["released"] == []


def test_a_key_that_the_file_has_loaded_is_not_loaded_twice(
    landing: LandingZone,
    load: Load,
    released: Release,
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    bad = {"order_amount": -1}
    landing.stream("orders", order(1, **bad), order(1), order(2, **bad), order(2, **bad), order(1))
    load()
    today = changed(contracts, "orders", "order_amount", minimum=None)
    found = released(today, chunk=1)
    assert [outcome.row_number for outcome in found["released"]] == [3]
    assert {outcome.row_number: outcome.text for outcome in found["refused"]} == {
        number: f"order_id: duplicate ({order(which)['order_id']})"
        for number, which in ((1, 1), (4, 2), (5, 1))
    }
    assert query("select _row_number as n from raw.orders order by 1") == [{"n": 2}, {"n": 3}]
    [log] = query("select valid_records, duplicate_count from ops.pipeline_file_log")
    assert log == {"valid_records": 2, "duplicate_count": 3}
    ensure_even(connection, "orders")


def test_personal_columns_are_taken_over_as_hashes_or_bar_the_release(
    landing: LandingZone,
    load: Load,
    released: Release,
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    customer = MEMBERS["customers"]
    landing.batch("customers", day="2026-11-18")
    landing.batch(
        "customers",
        {**customer, "gender": "other"},
        {**customer, "customer_id": 2, "gender": "other", "phone": "12"},
        {**customer, "customer_id": 3, "gender": "other", "email": ""},
    )
    load()
    found = released(changed(contracts, "customers", "gender", allowed=None))
    assert [outcome.row_number for outcome in found["released"]] == [1, 3]
    [barred] = found["unreadable"]
    assert barred.text.startswith("phone is personal and its value was not kept; load its file")
    assert len(query("select distinct email_hash from raw.customers where customer_id = 1")) == 1
    assert query("select email_hash from raw.customers where customer_id = 3") == [
        {"email_hash": None}
    ]
    ensure_even(connection, "customers")


def test_what_the_quarantine_cannot_give_back_is_named(
    landing: LandingZone, load: Load, released: Release, query: Query
) -> None:
    landing.stream(
        "ticket_events",
        event(1, new_status="x", notes="call 01012345678"),
        event(2, notes={"a": 1}),
        event(3, notes="a\x00b"),
    )
    head = ",".join(MEMBERS["regions"])
    landing.put(f"batch/{DAY}/regions.csv", f"{head}\n1,Maadi,1,2,3\n2,Nasr\n3,Giza,1,2\n")
    load()
    found = released()
    assert not found["released"]
    assert sorted(outcome.text.partition(";")[0] for outcome in found["unreadable"]) == [
        "its values do not stand in their columns",
        "its values do not stand in their columns",
        "notes was altered to be stored",
        "notes was altered to be stored",
        "what looked personal in notes was hashed",
    ]
    assert {row["status"] for row in query("select status from ops.quarantine")} == {"open"}


def test_a_column_that_the_contract_has_gained_is_found_among_the_extras(
    landing: LandingZone,
    load: Load,
    released: Release,
    contracts: Mapping[str, Contract],
    settings: Settings,
    query: Query,
) -> None:
    caller = {"name": "Mona", "tries": 3}
    landing.stream(
        "orders",
        order(1, order_amount=-1, vip=5, tip=2.50, caller=caller),
        order(2, order_amount=-1, vip="five"),
        order(3, order_amount=-1, vip=[5]),
    )
    load()
    [held] = query("select raw_data->'_extra' as extra from ops.quarantine where row_number = 1")
    orders = changed(contracts, "orders", "order_amount", minimum=None)["orders"]
    vip = replace(orders.column("region_id"), name="vip", stored_as="vip", required=False)
    today = {**contracts, "orders": replace(orders, columns=(*orders.columns, vip))}
    Warehouse(settings).prepare(today)
    found = released(today)
    assert [outcome.row_number for outcome in found["released"]] == [1]
    assert {outcome.text.partition(";")[0] for outcome in found["unreadable"]} == {
        "vip was not in the contract and its value was not kept"
    }
    [row] = query("select vip, _extra, _extra->>'tip' as tip from raw.orders")
    assert (row["vip"], row["tip"]) == (5, "2.5")
    del held["extra"]["vip"]
    assert row["_extra"] == held["extra"], "what was hidden is hidden no second time"


def test_what_was_hidden_is_no_person_when_its_column_becomes_personal(
    landing: LandingZone,
    load: Load,
    released: Release,
    contracts: Mapping[str, Contract],
    query: Query,
) -> None:
    """The hash of a load in a column of persons would be somebody who is nobody."""
    landing.batch("customers", full_name="01012345678", gender="x")
    load()
    [held] = query("select raw_data from ops.quarantine")
    assert len(held["raw_data"]["full_name"]) == 64
    today = changed(contracts, "customers", "gender", allowed=None)
    assert released(today, is_dry_run=True)["unreadable"][0].text.startswith(
        "what looked personal in full_name"
    )
    today = changed(today, "customers", "full_name", is_personal=True, canonical="phone")
    assert released(today)["unreadable"][0].text.startswith("full_name is personal")


def test_a_kill_in_the_middle_of_a_release_leaves_everything_as_it_was(
    landing: LandingZone,
    load: Load,
    released: Release,
    contracts: Mapping[str, Contract],
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landing.stream("orders", order(1), order(2, order_amount=-1))
    load()
    today = changed(contracts, "orders", "order_amount", minimum=None)
    tables = ("raw.orders", "ops.quarantine", "ops.pipeline_file_log", "ops.audit_log")

    def state() -> list[Any]:
        return [query(f"select xmin::text, * from {table}") for table in tables]  # noqa: S608

    before = state()

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "move_released", killed)
        with pytest.raises(KeyboardInterrupt):
            released(today)
    assert state() == before
    assert len(released(today)["released"]) == 1


def test_a_replaced_file_takes_released_rows_along(
    landing: LandingZone,
    load: Load,
    released: Release,
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    landing.stream("orders", order(1), order(2, order_amount=-1))
    load()
    released(changed(contracts, "orders", "order_amount", minimum=None))
    landing.stream("orders", order(1))
    load()
    assert len(query("select * from raw.orders")) == 1
    assert query("select status from ops.quarantine") == [{"status": "released"}]
    assert len(query("select * from ops.removed_key")) == 2
    ensure_even(connection, "orders")


def test_discarded_rows_stay_on_record_and_in_the_account(
    landing: LandingZone,
    load: Load,
    warehouse: Warehouse,
    query: Query,
    connection: psycopg.Connection,
    released: Release,
) -> None:
    landing.stream("orders", order(1), order(2, order_amount=-1))
    load()
    ids = [row["quarantine_id"] for row in query("select quarantine_id from ops.quarantine")]
    assert len(discard(warehouse, ids, reason="twice", is_dry_run=True)) == 1
    assert query("select status from ops.quarantine") == [{"status": "open"}]
    [row] = discard(warehouse, ids, reason="twice", is_dry_run=False)
    assert (row.source_file, row.row_number) == (ORDERS, 2)
    assert discard(warehouse, ids, reason="twice", is_dry_run=False) == []
    [kept] = query("select status, resolved_at from ops.quarantine")
    assert kept["status"] == "discarded"
    assert kept["resolved_at"] is not None
    ensure_even(connection, "orders")
    [audit] = query("select * from ops.audit_log")
    assert (audit["action"], audit["old"]) == ("discard", {"status": "open"})
    assert audit["new"] == {"status": "discarded", "reason": "twice"}
    assert all(not outcomes for outcomes in released().values())
