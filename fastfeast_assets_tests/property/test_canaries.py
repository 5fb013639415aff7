"""Persons in every spelling and in every place a file has: none of them is found afterwards.

Searched are all tables of raw and ops, the reports of the files and the log, as they stand and with
everything but letters and digits left out.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from fastfeast_assets_tests.landing import (
    DAY,
    MEMBERS,
    LandingZone,
    Row,
    csv_text,
    event,
    order,
    ticket,
)
from fastfeast_assets_tests.persons import Spelled, spelled_persons
from fastfeast_assets_tests.postgres.conftest import Load

HOUR = f"stream/{DAY}/08"
HASH = re.compile("[0-9a-f]{64}")

Persons = Iterator[str]


@settings(
    max_examples=5,
    derandomize=True,
    phases=(Phase.generate,),  # To shrink an example costs minutes of loading.
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(spelled_persons(), min_size=12, max_size=12, unique_by=str))
def test_nobody_is_found_in_what_was_stored(
    landing: LandingZone,
    load: Load,
    connection: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
    spelled: list[Spelled],
) -> None:
    caplog.set_level("DEBUG")
    persons = cycle(map(str, spelled))
    members(landing, persons)
    streams(landing, persons)
    reports = load()
    files = connection.execute(
        "select status, min(valid_records), min(quarantined), count(distinct source)"
        " from ops.pipeline_file_log group by 1 order by 1"
    ).fetchall()
    assert [(status, sources) for status, _, _, sources in files] == [("failed", 1), ("success", 5)]
    assert min(files[1][1:3]) > 0, "a file of which nothing is loaded, or nothing refused"
    stored = dict(tables(connection))
    stored |= {"reports": "\n".join(map(str, reports.values())), "log": caplog.text}
    for place, text in stored.items():
        plain = normalised(text)
        for person in spelled:
            assert person.text not in text, f"{person} stands in {place}"
            assert person.secrets[0] not in plain, f"{person} can be read in {place}"


def members(landing: LandingZone, persons: Persons) -> None:
    """Snapshots of persons: clean rows, refused ones, malformed ones, and a file cut short."""
    customer, driver, agent = (MEMBERS[name] for name in ("customers", "drivers", "agents"))
    customers = [
        with_extras({**customer, "full_name": f"Mona {next(persons)}"}, persons),
        {**customer, "customer_id": 2, "phone": next(persons), "email": next(persons)},
        {**customer, "customer_id": 3, "gender": next(persons), "created_at": next(persons)},
    ]
    text = csv_of(customers)
    malformed = ",".join(["9", "Mona", *(f'"{next(persons)}"' for _ in range(30))])
    torn = text.splitlines()[1].replace("2024-05-01", f'"{next(persons)}"x', 1)
    landing.put(f"batch/{DAY}/customers.csv", f"{text}{malformed}\n{torn}\n")
    drivers = [
        {**driver, "driver_name": next(persons), "vehicle_type": f"bike of {next(persons)}"},
        {**driver, "driver_id": 2, "national_id": next(persons), "rating_avg": next(persons)},
        {**driver, "driver_id": 3, "is_active": next(persons), "hire_date": next(persons)},
    ]
    landing.put(f"batch/{DAY}/drivers.csv", csv_of(drivers))
    agents = csv_of([with_extras({**agent, "agent_name": next(persons)}, persons)])
    landing.put(f"batch/{DAY}/agents.csv", f"{agents}2,{next(persons)},{next(persons)}")


def streams(landing: LandingZone, persons: Persons) -> None:
    """Tickets as CSV, orders as an array, events as lines, damaged ones among them."""
    tickets = [
        with_extras(ticket(1), persons),
        ticket(2, status=next(persons)),
        ticket(3, refund_amount=next(persons)),
        {**ticket(4), "ticket_id": next(persons)},
    ]
    landing.put(f"{HOUR}/tickets.csv", csv_of(tickets))
    nested = {next(persons): [next(persons), {next(persons): [[next(persons)]]}]}
    orders: list[object] = [
        with_extras(order(1, nested=nested, **{next(persons): 1}), persons),
        order(2, order_status=next(persons), order_amount=next(persons), nested=nested),
        order(3, payment_method={next(persons): next(persons)}),
        next(persons),
        [next(persons)],
    ]
    repeated = json.dumps(order(4))[:-1] + f', "order_id": {json.dumps(next(persons))}}}'
    text = json.dumps(orders, ensure_ascii=False)
    landing.put(f"{HOUR}/orders.json", f"{text[:-1]}, {repeated}]")
    events = [event(n, notes=f"call {next(persons)} now") for n in range(3)]
    lines = [json.dumps(line) for line in (*events, event(4, new_status=next(persons)))]
    broken = json.dumps(event(5, notes=next(persons)))[:-2]
    landing.put(f"{HOUR}/ticket_events.json", "\n".join([*lines, broken, *lines[:1], ""]))


def with_extras(row: Row, persons: Persons) -> Row:
    """The row with columns that nobody contracted: named after a person, or holding one."""
    return {**row, next(persons)[:60]: 1, "caller": next(persons), "note": f"from {next(persons)}"}


def csv_of(rows: list[Row]) -> str:
    """The rows under the columns of all of them."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return csv_text(rows, columns)


def tables(connection: psycopg.Connection) -> Iterator[tuple[str, str]]:
    """Name and content of every table of raw and ops."""
    found = connection.execute(
        "select relnamespace::regnamespace::text, relname from pg_class"
        " where relnamespace::regnamespace::text in ('raw', 'ops') and relkind = 'r'"
    ).fetchall()
    for schema, table in found:
        statement = sql.SQL("copy {} to stdout").format(sql.Identifier(schema, table))
        with connection.cursor().copy(statement) as copy:
            yield f"{schema}.{table}", b"".join(bytes(block) for block in copy).decode()


def normalised(text: str) -> str:
    """The text in one spelling, without hashes and without anything but letters and digits."""
    folded = unicodedata.normalize("NFKC", HASH.sub(" ", text)).casefold()
    fields: list[Any] = re.split(r"[\t\n]", folded)
    return "\n".join(
        "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in field if c.isalnum())
        for field in fields
    )
