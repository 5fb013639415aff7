"""Input from an enemy: a row or file is refused with a clear reason, its neighbours load."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing.local_root import LocalPath
from fastfeast_assets.settings import Settings
from fastfeast_assets_tests.landing import (
    DAY,
    MEMBERS,
    LandingZone,
    csv_text,
    event,
    json_text,
    order,
    ticket,
)
from fastfeast_assets_tests.postgres.conftest import Load, Query, look

ORDERS = f"stream/{DAY}/08/orders.json"
TICKETS = f"stream/{DAY}/08/tickets.csv"
EVENTS = f"stream/{DAY}/08/ticket_events.json"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"42", "neither a JSON array nor a JSON object"),
        (b'[{"order_id": "1"', "truncated"),
        (json_text([order(1), order(2)]).encode()[:-2], "truncated"),
        (json_text([order(1), order(2)]).encode()[:-40], "truncated"),
        (json_text([order(1)]).encode() + b"[]", "after the end"),
        (b'[{"order_id": 1}]', "contracted columns are missing: customer_id"),
        (json_text([order(1)]).encode("utf-16"), "UTF-16"),
        (b"\x1f\x8b\x08\x00rest", "gzip"),
        (
            json_text([order(n, payment_method="caf\xe9") for n in range(9)]).encode("latin-1"),
            "not UTF-8",
        ),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_a_json_file_that_cannot_be_read_fails_and_loses_nothing(
    landing: LandingZone, load: Load, query: Query, content: bytes, reason: str
) -> None:
    path = landing.put(ORDERS, content)
    landing.stream("ticket_events", event())
    reports = load()
    assert reports[ORDERS].status == "failed"
    assert reason in (reports[ORDERS].failure_reason or "")
    assert reports[EVENTS].status == "success"
    assert path.read_bytes() == content
    assert query("select count(*) from raw.orders") == [{"count": 0}]
    [log] = query("select * from ops.pipeline_file_log where status = 'failed'")
    assert reason in log["failure_reason"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        ("\n\n", "no header"),
        ("ticket_id,order_id\n1,2\n", "contracted columns are missing: customer_id"),
        (csv_text([ticket()]).replace(",", ";"), "is the separator a comma?"),
        (csv_text([ticket(1), ticket(2)])[:-60], "truncated"),
        (csv_text([ticket()]).splitlines()[0], "truncated"),
        (csv_text([ticket(1)]) + '7,"some\ntext\n', "never closed"),
        (csv_text([ticket()]).replace("order_id,", "ticket_id,order_id,", 1), "stand twice"),
    ],
)
def test_a_csv_file_that_cannot_be_read_fails_and_loses_nothing(
    landing: LandingZone, load: Load, query: Query, content: str, reason: str
) -> None:
    landing.put(TICKETS, content)
    report = load()[TICKETS]
    assert report.status == "failed"
    assert reason in (report.failure_reason or "")
    assert query("select count(*) from raw.tickets") == [{"count": 0}]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (ORDERS, "[]"),
        (ORDERS, "\ufeff [ ] \n"),
        (TICKETS, csv_text([ticket()]).splitlines()[0] + "\n"),
    ],
)
def test_a_file_without_rows_succeeds(
    landing: LandingZone, load: Load, path: str, content: str
) -> None:
    landing.put(path, content)
    report = load()[path]
    assert (report.status, report.total) == ("success", 0)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(order()),
        "\ufeff" + json_text([order()]),
        "\n".join(json.dumps(order(number)) for number in range(3)),
        json_text([order()]).replace("\n", "\r\n"),
    ],
)
def test_every_shape_of_json_loads(landing: LandingZone, load: Load, content: str) -> None:
    landing.put(ORDERS, content)
    report = load()[ORDERS]
    assert (report.status, report.quarantined) == ("success", 0)
    assert report.valid >= 1


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"order_status": "Deli\x00vered"}, "type"),
        ({"order_status": "Deli\ud83dvered"}, "type"),
        ({"order_id": "x" * 4_000_000}, "format"),
        ({"order_id": "=1+1"}, "format"),
        ({"order_id": "{00000000-0000-4000-8000-000000000002}"}, "format"),
        ({"payment_method": "x" * 4_000_000}, "allowed"),
        ({"customer_id": 2**31}, "range"),
        ({"customer_id": 10**40}, "range"),
        ({"customer_id": 1.5}, "type"),
        ({"customer_id": "1.2E+05"}, "type"),
        ({"customer_id": "1; drop table raw.orders"}, "type"),
        ({"customer_id": "\u0661"}, "type"),
        ({"customer_id": True}, "type"),
        ({"customer_id": [1]}, "type"),
        ({"customer_id": {"id": 1}}, "type"),
        ({"customer_id": float("nan")}, "required"),
        ({"order_created_at": "0000-01-01 00:00:00"}, "range"),
        ({"order_created_at": "9999-12-31 23:59:59"}, "range"),
        ({"order_created_at": "2026-02-30 00:00:00"}, "type"),
        ({"order_created_at": 1_763_625_600}, "type"),
        ({"order_created_at": 20261120}, "type"),
        ({"order_created_at": DAY}, "type"),
        ({"order_created_at": f"{DAY} 08:10:00.1234567"}, "format"),
        ({"order_created_at": "N/A"}, "type"),
        ({"delivered_at": f"{DAY} 08:09:59"}, "delivered_at_not_before_created"),
        ({"delivered_at": None}, "delivered_at_required"),
        ({"order_amount": "1,234.50"}, "type"),
        ({"order_amount": float("inf")}, "type"),
        ({"order_amount": "-0.01"}, "range"),
        ({"order_amount": 1e12}, "range"),
        ({"order_amount": "12.345"}, "format"),
        ({"order_amount": "1.23E+05"}, "type"),
        ({"order_amount": "1." + "0" * 20_000}, "format"),
        ({"order_amount": "0x10"}, "type"),
        ({"order_status": ""}, "required"),
        ({"order_status": " n/A "}, "required"),
        ({"order_status": "delivered"}, "allowed"),
    ],
)
def test_a_bad_value_costs_its_row_and_no_other(
    landing: LandingZone, load: Load, query: Query, changes: dict[str, Any], rule: str
) -> None:
    rows = [order(1), order(2, **changes), order(3)]
    landing.put(ORDERS, json.dumps(rows))
    report = load()[ORDERS]
    assert (report.status, report.valid, report.quarantined) == ("success", 2, 1)
    [row] = query("select * from ops.quarantine")
    [column] = changes
    assert {"column": column, "rule": rule} in [
        {key: reason[key] for key in ("column", "rule")} for reason in row["reasons"]
    ]
    assert row["row_number"] == 2
    assert len(row["rejection_reason"]) < 2_000


@pytest.mark.parametrize(
    "changes",
    [
        {"customer_id": "1.000"},
        {"customer_id": "+1"},
        {"customer_id": " 1 "},
        {"order_amount": 371.66000000000003},
        {"order_amount": "1e2"},
        {"order_created_at": f"{DAY}T08:10:00"},
        {"order_created_at": f"{DAY}T08:10:00Z"},
        {"order_id": "C45AC077-5C7E-4C71-8E2F-A0B638753F83"},
        {"order_created_at": f"{DAY} 08:10:00.123456"},
        {"order_status": "Cancelled", "delivered_at": None},
        {"order_status": "Pending", "delivered_at": "NaT"},
        {"note": "a column\x00that nobody contracted"},
    ],
)
def test_what_only_looks_odd_is_loaded(
    landing: LandingZone, load: Load, query: Query, changes: dict[str, Any]
) -> None:
    landing.put(ORDERS, json.dumps([order(1, **changes)]))
    report = load()[ORDERS]
    assert (report.valid, report.quarantined) == (1, 0), query("select * from ops.quarantine")


def test_one_bad_byte_costs_its_row(landing: LandingZone, load: Load, query: Query) -> None:
    rows = [ticket(number) for number in range(40)]
    text = csv_text(rows).encode().replace(b"Resolved", b"Resol\xffed", 1)
    landing.put(TICKETS, text)
    report = load()[TICKETS]
    assert (report.status, report.valid, report.quarantined) == ("success", 39, 1)
    [row] = query("select * from ops.quarantine")
    assert row["reasons"][0]["rule"] == "type"
    assert row["raw_data"]["status"] == "Resol\\udcffed"


def test_objects_that_are_none_or_ambiguous_are_refused_alone(
    landing: LandingZone, load: Load, query: Query
) -> None:
    twice = json.dumps(order(2))[:-1] + ', "customer_id": 2}'
    landing.put(ORDERS, f"[{json.dumps(order(1))}, {twice}, 7, null, [1], {json.dumps(order(3))}]")
    report = load()[ORDERS]
    assert (report.valid, report.quarantined) == (2, 4)
    rows = query("select * from ops.quarantine order by row_number")
    assert [row["row_number"] for row in rows] == [2, 3, 4, 5]
    assert {row["reasons"][0]["rule"] for row in rows} == {"row"}
    assert rows[0]["reasons"][0]["column"] == "customer_id"


def test_ragged_csv_rows_are_refused_alone(landing: LandingZone, load: Load, query: Query) -> None:
    header, first, second, third, fourth = csv_text([ticket(n) for n in range(4)]).splitlines()
    short = ",".join(second.split(",")[:5])
    landing.put(TICKETS, "\n".join([header, first, short, third + ",9,9", fourth]) + "\n")
    report = load()[TICKETS]
    assert (report.valid, report.quarantined) == (2, 2)
    too_few, too_many = query("select * from ops.quarantine order by row_number")
    assert too_few["reasons"] == [{"column": "agent_id", "rule": "row", "value": "5 of 16 fields"}]
    assert too_many["raw_data"]["_surplus"] == [9, 9]


def test_quotes_and_newlines_in_fields_are_text(
    landing: LandingZone, load: Load, query: Query
) -> None:
    name = 'He said "hi",\nthen left\r\n\\N'
    landing.batch("cities", city_name=name)
    landing.batch("reasons", reason_name=name)
    load()
    assert query("select reason_name from raw.reasons") == [{"reason_name": name}]
    assert query("select city_name from raw.cities") == [{"city_name": name}]


def test_column_names_with_sql_are_only_text(
    landing: LandingZone, load: Load, query: Query
) -> None:
    evil = '"; drop table raw.teams; --'
    landing.batch("teams", {"team_id": 1, "team_name": "A", evil: "'x'", "a'b\x00": 1})
    report = load()[f"batch/{DAY}/teams.csv"]
    assert report.status == "success"
    [row] = query("select _extra from raw.teams")
    assert row["_extra"][evil]["type"] == "string"


def test_a_file_of_nothing_but_bad_rows_is_a_success(
    landing: LandingZone, load: Load, query: Query
) -> None:
    landing.stream("orders", *[order(number, order_amount=-1) for number in range(300)])
    report = load()[ORDERS]
    assert (report.status, report.valid, report.quarantined) == ("success", 0, 300)
    assert query("select count(*) from ops.quarantine where status = 'open'") == [{"count": 300}]


def test_a_shifted_row_shows_nobody(landing: LandingZone, load: Load, query: Query) -> None:
    member = MEMBERS["customers"]
    header, row = csv_text([member]).splitlines()
    landing.put(f"batch/{DAY}/customers.csv", f"{header}\n{row.replace('Mona ', 'Mona,')}\n")
    load()
    [quarantined] = query("select raw_data::text, reasons::text from ops.quarantine")
    assert member["phone"][1:] not in quarantined["raw_data"]
    assert "mona.adel" not in quarantined["raw_data"].lower()
    assert "Adel" not in quarantined["raw_data"]


def test_unknown_names_and_links_are_reported_and_never_touched(
    landing: LandingZone,
    settings: Settings,
    contracts: Mapping[str, Contract],
    tmp_path: Path,
) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text(json_text([order()]))
    good = landing.stream("orders", order())
    landing.put(f"stream/{DAY}/08/refunds.json", "[]")
    landing.put(f"stream/{DAY}/25/orders.json", "[]")
    landing.put(f"stream/{DAY}/orders.json", "[]")
    landing.put("batch/2026-13-01/cities.json", "[]")
    landing.put(f"batch/{DAY}/orders.csv", "")
    landing.put("README.txt", "")
    landing.put(f"stream/{DAY}/08/.orders.json.tmp", "[")
    (landing.root / f"stream/{DAY}/09").mkdir()
    (landing.root / f"stream/{DAY}/09/orders.json").symlink_to(outside)
    (landing.root / f"stream/{DAY}/10").symlink_to(tmp_path)
    os.mkfifo(landing.root / f"stream/{DAY}/08/tickets.csv")
    found = look(settings, contracts)
    assert [file.path for file in found.files] == [LocalPath(str(good))]
    assert {finding.relative_path for finding in found.unknown} == {
        f"stream/{DAY}/08/refunds.json",
        f"stream/{DAY}/25/orders.json",
        f"stream/{DAY}/orders.json",
        "batch/2026-13-01/cities.json",
        f"batch/{DAY}/orders.csv",
        "README.txt",
    }
    assert {finding.relative_path: finding.reason for finding in found.refused} == {
        f"stream/{DAY}/09/orders.json": "a link out of the landing zone; put the file itself here",
        f"stream/{DAY}/10": "a link out of the landing zone; put the file itself here",
        f"stream/{DAY}/08/tickets.csv": "not a regular file",
    }
