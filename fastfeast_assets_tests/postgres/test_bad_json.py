"""Damaged and hostile JSON on its way into the warehouse: what it costs, and what is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fastfeast_assets_tests.landing import DAY, LandingZone, csv_text, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

ORDERS = f"stream/{DAY}/08/orders.json"
TICKETS = f"stream/{DAY}/08/tickets.csv"


def nested(levels: int) -> str:
    return "[" * levels + "1" + "]" * levels


def with_member(row: dict[str, Any], member: str) -> str:
    return f"{json.dumps(row)[:-1]}, {member}}}"


@pytest.mark.parametrize(
    "member",
    [
        f'"x": {nested(65)}',
        f'"x": {nested(600)}',
        f'"x": {nested(5000)}',
        f'"delivery_fee": {nested(600)}',
        ", ".join(f'"n{number}": 0' for number in range(60_000)),
        '"x": 1, ' * 60_000 + '"y": 1',
        f'"{"n" * 64}": 1',
        '"x": {"mona@mail.com": 1, "mona@mail.com": 2}',
        '"mona@mail.com": 1, "mona@mail.com": 2',
    ],
)
@pytest.mark.parametrize("form", ["[{}, {}, {}]", "{}\n{}\n{}\n"])
def test_a_hostile_row_costs_itself(
    landing: LandingZone, load: Load, query: Query, member: str, form: str
) -> None:
    rows = [json.dumps(order(1)), with_member(order(2), member), json.dumps(order(3))]
    landing.put(ORDERS, form.format(*rows))
    landing.put(TICKETS, csv_text([ticket()]))
    reports = load()
    report = reports[ORDERS]
    assert (report.status, report.valid, report.quarantined) == ("success", 2, 1)
    assert reports[TICKETS].status == "success"
    [row] = query("select * from ops.quarantine where source = 'orders'")
    assert row["row_number"] == 2
    assert row["primary_key"] is None
    assert {reason["rule"] for reason in row["reasons"]} == {"row"}
    assert "mona@mail.com" not in f"{row['reasons']}{row['rejection_reason']}"


def test_a_bad_line_costs_that_line(landing: LandingZone, load: Load, query: Query) -> None:
    lines = [json.dumps(order(number)) for number in range(1, 6)]
    lines[0] = lines[0][9:]
    lines[2] = lines[2][:-20]
    landing.put(ORDERS, "\n".join(lines) + "\n")
    report = load()[ORDERS]
    assert (report.status, report.total, report.valid, report.quarantined) == ("success", 5, 3, 2)
    rows = query("select row_number, reasons, raw_data from ops.quarantine order by row_number")
    assert [row["row_number"] for row in rows] == [1, 3]
    assert {reason["rule"] for row in rows for reason in row["reasons"]} == {"row"}
    assert all(row["raw_data"]["_surplus"] for row in rows)
    numbers = query("select _row_number from raw.orders order by 1")
    assert [row["_row_number"] for row in numbers] == [2, 4, 5]


def test_true_is_no_text(landing: LandingZone, load: Load, query: Query) -> None:
    landing.put(ORDERS, json.dumps([order(1, payment_method=True), order(2)]))
    assert load()[ORDERS].quarantined == 1
    [row] = query("select reasons from ops.quarantine")
    assert row["reasons"] == [{"column": "payment_method", "rule": "type", "value": "true"}]


def test_a_uncontracted_number_of_any_size_is_stored(
    landing: LandingZone, load: Load, query: Query
) -> None:
    numbers = ["1.50", "1e400", "-1e-30000", "1e999999", "9" * 40, "0." + "1" * 40]
    member = ", ".join(f'"n{place}": {number}' for place, number in enumerate(numbers))
    landing.put(ORDERS, f"[{with_member(order(1), member)}]")
    report = load()[ORDERS]
    assert (report.status, report.valid) == ("success", 1), report.failure_reason
    [row] = query("select _extra->'n0' as extra from raw.orders")
    assert str(row["extra"]) in {"1.5", "1.50"}


def test_an_escape_is_no_bad_byte(landing: LandingZone, load: Load, query: Query) -> None:
    rows = [order(number, payment_method="\udce9") for number in range(9)]
    landing.put(ORDERS, json.dumps([*rows, order(9)]))
    report = load()[ORDERS]
    assert (report.status, report.valid, report.quarantined) == ("success", 1, 9)
