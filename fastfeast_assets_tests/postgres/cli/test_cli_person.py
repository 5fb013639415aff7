"""`fastfeast person`: a person is asked for without a trace, and found in files by any spelling."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from typer.testing import CliRunner, Result

from fastfeast_assets.cli import app
from fastfeast_assets.settings import Settings
from fastfeast_assets_tests.landing import (
    DAY,
    MEMBERS,
    LandingZone,
    ObjectZone,
    csv_text,
    event,
    order,
)
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast
from fastfeast_assets_tests.postgres.conftest import Load, Query

PHONE, EMAIL = "01012345678", "mona.adel@mail.com"
CUSTOMERS = f"batch/{DAY}/customers.csv"


def asked(*arguments: str, given: str) -> Result:
    """Call the command with something to read."""
    return CliRunner().invoke(app, ["person", *arguments], input=given)


@pytest.fixture
def loaded(landing: LandingZone, load: Load) -> None:
    """Mona in her own file, in a note, in an uncontracted column and as a driver."""
    landing.batch("customers")
    landing.batch("drivers", driver_phone=PHONE)
    landing.stream("ticket_events", event(1, notes="call +20 (10) 1234-5678"), event(2))
    landing.stream("orders", {**order(1), "caller": {"x": ["010 1234 5678"]}}, order(2))
    landing.put("batch/2026-11-20/customers.csv", b"\xff\xfe")
    landing.put("batch/2026-11-20/custmers.csv", csv_text([MEMBERS["customers"]]))
    load()


@pytest.mark.usefixtures("loaded")
def test_a_value_is_read_and_never_shown(fastfeast: FastFeast) -> None:
    fastfeast("status")
    result = asked("find", "--phone", "-", "--json", given=f"{PHONE}\n")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["members"] == [
        {"source": "customers", "key": "1"},
        {"source": "drivers", "key": "1"},
    ]
    files = {item["place"]: item for item in found["places"] if item["kind"] in ("file", "unread")}
    assert {name: item["rows"] for name, item in files.items()} == {
        CUSTOMERS: 1,
        f"batch/{DAY}/drivers.csv": 1,
        f"stream/{DAY}/08/ticket_events.json": 1,
        f"stream/{DAY}/08/orders.json": 1,
        "batch/2026-11-20/customers.csv": 0,
        "batch/2026-11-20/custmers.csv": 0,
    }
    assert "could not be read" in files["batch/2026-11-20/customers.csv"]["note"]
    assert "not looked into" in files["batch/2026-11-20/custmers.csv"]["note"]
    for secret in (PHONE, PHONE[1:], EMAIL, "Mona"):
        assert secret not in result.output
    for_people = fastfeast("person", "find", "--customer", "1")
    assert CUSTOMERS in for_people.output
    assert "landing files only" in for_people.output
    assert "Mona" not in for_people.output


@pytest.mark.usefixtures("loaded")
def test_events_that_name_a_person_are_counted(
    fastfeast: FastFeast,
    settings: Settings,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Version 0.1 previewed names in the console; a wildcard in a name is none."""
    assert settings.warehouse_url is not None
    monkeypatch.setenv("FASTFEAST_DAGSTER_URL", settings.warehouse_url.get_secret_value())
    connection.execute("update raw.customers set full_name = 'Mo_a %Adel'")

    def counted() -> list[int]:
        told = fastfeast("person", "find", "--customer", "1", "--no-landing", "--json")
        assert told.exit_code == 0, told.output
        places = json.loads(told.stdout)["places"]
        return [item["rows"] for item in places if item["place"] == "dagster.event_logs"]

    assert counted() == []
    connection.execute("create table dagster.event_logs (event text)")
    connection.execute(
        "insert into dagster.event_logs values (%s), (%s), (%s)",
        ['{"preview": "| 1 | Mo_a %Adel |"}', '{"preview": "| 1 | Mona Big Adel |"}', "{}"],
    )
    assert counted() == [1]


@pytest.mark.usefixtures("loaded")
def test_an_erasure_is_shown_first_and_needs_a_reason(fastfeast: FastFeast, query: Query) -> None:
    person = ("--customer", "1")
    assert fastfeast("person", "erase", *person).exit_code == 2
    assert fastfeast("person", "erase", *person, "--reason", " ").exit_code == 2
    shown = fastfeast("person", "erase", *person, "--reason", "request 114")
    assert "Nothing was changed; --yes does it." in shown.output
    assert "drivers 1 has or had one of the values" in shown.output
    assert query("select full_name from raw.customers") == [{"full_name": "Mona Adel"}]
    done = fastfeast("person", "erase", *person, "--reason", "request 114", "--yes", "--json")
    assert json.loads(done.stdout)["suppressed_hashes"] == 1
    assert query("select full_name from raw.customers") == [{"full_name": "[erased]"}]
    slip = fastfeast("person", "erase", "--customer", "71", "--reason", "request 114", "--yes")
    assert (slip.exit_code, "no file has listed" in slip.output) == (2, True)
    assert query("select count(*) from ops.suppressed_row") == [{"count": 1}]
    again = fastfeast("person", "erase", *person, "--reason", "request 114", "--yes")
    assert "Nothing of this person is stored any more" in again.output


def test_who_is_meant_must_be_clear(fastfeast: FastFeast, load: Load) -> None:
    load()
    for arguments in (
        (),
        ("--customer", "1", "--driver", "1"),
        ("--customer", "Mona"),
        ("--customer", "99999999999"),
        ("--phone", "12"),
        ("--email", "mona"),
    ):
        result = fastfeast("person", "find", *arguments)
        assert result.exit_code == 2, (arguments, result.output)
    assert asked("find", "--phone", "-", given="\n").exit_code == 2


@pytest.fixture
def objects(settings: Settings) -> Iterator[Settings]:
    """Settings with a landing zone in an object store."""
    address = "memory://person/landing"
    zone = ObjectZone(address)
    yield settings.model_copy(update={"landing": address, "landing_id": "objects"})
    zone.store.rm(zone.root, recursive=True)


def test_objects_are_looked_through_as_well(
    objects: Settings,
    bare: FastFeast,
    variables: object,
    monkeypatch: pytest.MonkeyPatch,
    load: Load,
) -> None:
    load()
    ObjectZone(objects.landing).batch("customers")
    assert callable(variables)
    variables(objects)
    monkeypatch.setenv("FASTFEAST_LANDING_ID", "objects")
    result = asked("find", "--email", "-", "--json", given=f" {EMAIL.upper()} ")
    assert result.exit_code == 0, result.output
    places = {item["place"]: item["rows"] for item in json.loads(result.stdout)["places"]}
    assert places == {CUSTOMERS: 1}
