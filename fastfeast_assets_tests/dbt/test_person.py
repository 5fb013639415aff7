"""One person is found and erased, and comes back by no file and by no rebuild."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import sql

from fastfeast_assets.checks.reconciliation import balances
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing.discover import LandingFile
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets.warehouse.person.erase import Erasure, SeveralPersonsError, erase
from fastfeast_assets.warehouse.person.find import find
from fastfeast_assets.warehouse.person.subject import (
    Member,
    Person,
    UnknownPersonError,
    Value,
    person_of,
)
from fastfeast_assets.warehouse.pii_key import masker_of
from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.landing import DAY, MEMBERS, LandingZone, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query, look
from fastfeast_assets_tests.pruning import prune_raw

MONA = Member("customers", "1")
PHONE, NEW_PHONE, EMAIL = "01012345678", "01087654321", "mona.adel@mail.com"
DAYS = (DAY, "2026-11-20", "2026-11-21", "2026-11-22")
SAID = frozenset({"_loaded_at", "_load_id"})


def customers(**changes: Any) -> list[dict[str, Any]]:
    """Mona, somebody else, and what the exporter adds of them."""
    other = {"customer_id": 2, "full_name": "Omar Zaki", "email": "omar@mail.com"}
    mona = {**MEMBERS["customers"], "birthday": "1990-01-31", **changes}
    return [mona, {**MEMBERS["customers"], **other, "phone": "01112223334", "birthday": None}]


@pytest.fixture
def world(landing: LandingZone, load: Load, dbt: Dbt) -> None:
    """Three days of Mona: a new phone on the second, a row that is refused on the third."""
    landing.all_batch()
    landing.batch("customers", *customers())
    landing.stream("orders", order(1), order(2, customer_id=2))
    landing.stream("tickets", ticket(1), ticket(2, customer_id=2))
    landing.stream(
        "ticket_events",
        event(1, notes="Mona was rude"),
        event(2, notes="Omar was kind"),
        event(9, ticket_id=ticket(1)["ticket_id"], agent_id=99, notes="Mona waits"),
    )
    landing.batch("customers", *customers(phone=NEW_PHONE), day=DAYS[1])
    landing.batch("customers", *customers(phone=NEW_PHONE, gender="x"), day=DAYS[2])
    landing.batch("customers", *customers(phone=NEW_PHONE, segment_id=2), day=DAYS[3])
    load()
    dbt.run()


@pytest.fixture
def taken(warehouse: Warehouse, contracts: Mapping[str, Contract]) -> Any:
    """Erase somebody."""

    def run(asked: Member | Value = MONA, **options: Any) -> Erasure:
        given = {"reason": "request 114", "has_notes": False, "is_dry_run": False, **options}
        return erase(warehouse, contracts, asked, **given)

    return run


def everything(connection: psycopg.Connection) -> str:
    """All rows of raw, ops and marts as text, but for the list of who was erased."""
    tables = connection.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname in ('raw', 'ops', 'marts') and c.relkind = 'r'"
        " and c.relname <> 'suppressed_hash'"
    ).fetchall()
    texts = []
    for name in tables:
        query = sql.SQL("select string_agg(t::text, chr(10)) from {} t")
        row = connection.execute(query.format(sql.Identifier(*name))).fetchone()
        texts.append(row[0] or "" if row else "")
    return "\n".join(texts)


def secrets_of(connection: psycopg.Connection, settings: Settings) -> list[str]:
    """Whatever says Mona."""
    masker = masker_of(connection, settings)
    hashes = [masker.hash(value) for value in (PHONE, NEW_PHONE, EMAIL)]
    return ["Mona Adel", "1990-01-31", *hashes]


def ensure_even(connection: psycopg.Connection, contracts: Mapping[str, Contract]) -> None:
    ids = [row[0] for row in connection.execute("select log_id from ops.pipeline_file_log")]
    for contract in contracts.values():
        found = balances(connection, contract, ids)
        assert all(balance.is_even for balance in found), [str(balance) for balance in found]


@pytest.mark.usefixtures("world")
def test_a_person_is_erased_and_no_rebuild_brings_her_back(
    landing: LandingZone,
    dbt: Dbt,
    marts: Marts,
    query: Query,
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    settings: Settings,
    taken: Any,
) -> None:
    secrets = secrets_of(connection, settings)
    before = everything(connection)
    assert all(secret in before for secret in secrets)
    money = query("select order_id, total_amount, customer_id from marts.fact_order order by 1")
    done = taken()
    assert {found.place: found.rows for found in done.places} == {
        "raw.customers": 3,
        "marts.dim_customer": 1,
        "marts.dim_customer_history": 3,
        "ops.quarantine of customers": 1,
    }
    after = everything(connection)
    assert [secret for secret in secrets if secret in after] == []
    assert "Omar Zaki" in after
    assert money == query(
        "select order_id, total_amount, customer_id from marts.fact_order order by 1"
    )
    assert query(
        "select valid_from::date::text as day, is_current, full_name, segment_id"
        " from marts.dim_customer_history where customer_id = 1 order by 1"
    ) == [
        {"day": DAYS[0], "is_current": False, "full_name": "[erased]", "segment_id": 1},
        {"day": DAYS[3], "is_current": True, "full_name": "[erased]", "segment_id": 2},
    ]
    ensure_even(connection, contracts)
    assert query("select sum(erased_records)::int as n from ops.pipeline_file_log") == [{"n": 4}]
    [entry] = query("select target, new from ops.audit_log where action = 'erase'")
    assert entry["target"] == "person/customers/1"
    assert entry["new"]["reason"] == "request 114"
    dbt.run()
    dbt.test()
    incremental = marts.rows(ignore=SAID)
    dbt.operation("drop_marts")
    dbt.run()
    dbt.test()
    assert marts.rows(ignore=SAID) == incremental
    rebuilt = everything(connection)
    assert [secret for secret in secrets if secret in rebuilt] == []


@pytest.mark.usefixtures("world")
def test_no_later_file_brings_an_erased_person_back(
    landing: LandingZone,
    load: Load,
    dbt: Dbt,
    query: Query,
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    settings: Settings,
    warehouse: Warehouse,
    taken: Any,
) -> None:
    """By her number, by a phone under another number, refused, delivered again, reprocessed."""
    secrets = secrets_of(connection, settings)
    taken()
    later = {"customer_id": 77, "full_name": "Mona Adel", "birthday": "1990-01-31"}
    bad = {**later, "customer_id": 78, "gender": "Mona Adel"}
    landing.batch(
        "customers",
        *customers(phone="01055555555", email="new@mail.com"),
        {**MEMBERS["customers"], **later, "email": None, "phone": PHONE.lstrip("0")},
        {**MEMBERS["customers"], **bad, "phone": NEW_PHONE},
        day="2026-11-23",
    )
    landing.batch("drivers", driver_phone=PHONE, driver_name="Mona Adel", day="2026-11-23")
    reports = load()
    for file in _customers(settings, contracts):
        report = load_file(
            warehouse, contracts["customers"], file, run_id="t", settings=settings, is_forced=True
        )
        assert report.status == "success"
    dbt.run()
    dbt.test()
    masker = masker_of(connection, settings)
    secrets += [masker.hash("01055555555"), masker.hash("new@mail.com")]
    after = everything(connection)
    assert [secret for secret in secrets if secret in after] == []
    assert query("select driver_name, driver_phone_hash, national_id_hash from dim_driver") == [
        {"driver_name": "[erased]", "driver_phone_hash": None, "national_id_hash": None}
    ]
    refused = query(
        "select primary_key, raw_data, reasons from ops.quarantine"
        " where status = 'open' and primary_key = '78'"
    )
    assert refused == [
        {
            "primary_key": "78",
            "raw_data": {"customer_id": "78", "_erased": True},
            "reasons": [{"column": "gender", "rule": "allowed"}],
        }
    ]
    assert reports["batch/2026-11-23/customers.csv"].total == 4
    ensure_even(connection, contracts)
    erased = query(
        "select sum(erased_records)::int as n from ops.pipeline_file_log"
        " where is_loaded and source = 'customers' group by file_path order by file_path"
    )
    assert [row["n"] for row in erased] == [1, 1, 1, 1, 3]


@pytest.mark.usefixtures("world")
def test_every_place_is_listed_without_a_value(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], settings: Settings
) -> None:
    for asked in (MONA, Value("phone", "+20"), Value("phone", PHONE), Value("email", EMAIL)):
        if asked == Value("phone", "+20"):
            with pytest.raises(UnknownPersonError):
                person_of(connection, contracts, masker_of(connection, settings).hashers(), asked)
            continue
        someone: Person = person_of(
            connection, contracts, masker_of(connection, settings).hashers(), asked
        )
        found = find(connection, contracts, someone)
        assert {item.place: item.rows for item in found} == {
            "raw.customers": 3,
            "raw.customers._extra": 3,
            "marts.dim_customer": 1,
            "marts.dim_customer_history": 3,
            "ops.quarantine of customers": 1,
            "raw.ticket_events.notes": 2,
            "raw.orders.customer_id": 1,
            "raw.tickets.customer_id": 1,
        }
        told = str(found)
        assert not any(secret in told for secret in secrets_of(connection, settings))


@pytest.mark.usefixtures("world")
def test_notes_leave_only_where_that_is_asked_for(
    landing: LandingZone, load: Load, dbt: Dbt, query: Query, taken: Any
) -> None:
    taken()
    notes = "select notes from raw.ticket_events order by event_id"
    assert [row["notes"] for row in query(notes)] == [
        "Mona was rude",
        "Omar was kind",
        "Mona waits",
    ]
    taken(has_notes=True)
    assert [row["notes"] for row in query(notes)] == [None, "Omar was kind", None]
    assert "Mona" not in str(query("select * from ops.quarantine"))
    landing.stream("ticket_events", event(1, notes="Mona again"), event(2), hour=9)
    load()
    dbt.run()
    dbt.test()
    facts = query("select notes from fact_ticket_event order by event_id")
    assert [row["notes"] for row in facts] == [None, "Ticket created"]


@pytest.mark.usefixtures("world")
def test_a_dry_run_changes_nothing(connection: psycopg.Connection, taken: Any) -> None:
    before = everything(connection)
    assert taken(is_dry_run=True).places == taken(is_dry_run=True).places != []
    assert everything(connection) == before


def test_who_shares_a_value_is_not_erased_along(
    landing: LandingZone, load: Load, query: Query, taken: Any
) -> None:
    """A phone goes from one customer to the next, and a customer may share one with a driver."""
    other = {**MEMBERS["customers"], "customer_id": 2, "full_name": "Omar", "email": None}
    landing.batch("customers", MEMBERS["customers"], other)
    landing.batch("drivers")
    load()
    with pytest.raises(SeveralPersonsError, match="customers 1, customers 2") as caught:
        taken(Value("phone", PHONE))
    assert PHONE not in str(caught.value)
    done = taken(MONA)
    assert done.person.others == [Member("customers", "2")]
    landing.batch("customers", MEMBERS["customers"], other, day="2026-11-20")
    load()
    rows = query(
        "select distinct customer_id as id, full_name as name, phone_hash is null as is_gone"
        " from raw.customers order by 1"
    )
    assert rows == [
        {"id": 1, "name": "[erased]", "is_gone": True},
        {"id": 2, "name": "Omar", "is_gone": False},
    ]


def test_what_retention_remembers_is_without_the_person_too(
    landing: LandingZone,
    load: Load,
    dbt: Dbt,
    query: Query,
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    settings: Settings,
    taken: Any,
) -> None:
    """A sighting becomes a row again when the row that spoke for it leaves."""
    for number in range(10, 15):
        landing.batch("customers", *customers(), day=f"2026-11-{number}")
    load()
    dbt.run()
    assert prune_raw(connection, contracts.values(), date(2026, 11, 14)) > 0
    secrets = secrets_of(connection, settings)
    taken()
    landing.batch("customers", customers()[1], day="2026-11-10")
    load()
    dbt.run()
    dbt.test()
    after = everything(connection)
    assert [secret for secret in secrets if secret in after] == []
    ensure_even(connection, contracts)


def _customers(settings: Settings, contracts: Mapping[str, Contract]) -> list[LandingFile]:
    return [file for file in look(settings, contracts).files if file.source == "customers"]
