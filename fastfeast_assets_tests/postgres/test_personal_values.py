"""Persons outside the columns of persons: what raw, quarantine and ledger hold of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fastfeast_assets.ingest.judge import mask
from fastfeast_assets.settings import Settings
from fastfeast_assets_tests.landing import DAY, MEMBERS, LandingZone, csv_text, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

ORDERS = f"stream/{DAY}/08/orders.json"
TICKETS = f"stream/{DAY}/08/tickets.csv"
CUSTOMERS = f"batch/{DAY}/customers.csv"

Hidden = Callable[..., dict[str, object]]


@pytest.fixture
def masker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> mask.Masker:
    """What every load hashes with here: the key of a load is no random one."""
    monkeypatch.setattr("secrets.token_bytes", lambda size: b"k" * size)
    return mask.Masker(settings.pii_key_bytes, "hkdf")


@pytest.fixture
def hidden(masker: mask.Masker) -> Hidden:
    """What is stored of a hidden text."""

    def of(text: str, value: str | None = None, kind: str = "string") -> dict[str, object]:
        return {"type": kind, "length": len(text), "hmac": masker.digest(value or text)}

    return of


def test_uncontracted_values_of_json_are_hidden_leaf_by_leaf(
    landing: LandingZone,
    load: Load,
    query: Query,
    hidden: Hidden,
    masker: mask.Masker,
) -> None:
    extra: dict[str, Any] = {
        "tip": 2.50,
        "vip": True,
        "due": "2026-11-20 08:00:00",
        "caller": {"mona@mail.com": ["+20 101 234 5678", 1012345678, None], "name": "Mona"},
        "mona@mail.com": 4.166666666666667,
    }
    text = json.dumps([order(1, **extra), order(2, order_amount=-1, **extra)])
    landing.put(ORDERS, text.replace("2.5,", "2.50,"))
    report = load()[ORDERS]
    mona = masker.scrub_name("mona@mail.com")
    stored = {
        "tip": 2.5,
        "vip": True,
        "due": "2026-11-20 08:00:00",
        "caller": {
            masker.hide("mona@mail.com"): [
                hidden("+20 101 234 5678", "01012345678"),
                hidden("1012345678", "01012345678", "number"),
                None,
            ],
            "name": hidden("Mona"),
        },
        mona: 4.166666666666667,
    }
    assert query("select _extra, _extra->>'tip' as tip from raw.orders") == [
        {"_extra": stored, "tip": "2.50"}
    ]
    [row] = query("select raw_data from ops.quarantine")
    assert row["raw_data"]["_extra"] == stored
    assert report.extra_columns == ["tip", "vip", "due", "caller", mona]
    assert query("select extra_columns from ops.pipeline_file_log") == [
        {"extra_columns": report.extra_columns}
    ]


def test_a_huge_exponent_is_no_number_that_the_database_could_hold(
    landing: LandingZone, load: Load, query: Query, hidden: Hidden
) -> None:
    text = json.dumps([order(1, far=1, near=2), order(2, order_amount=-1, far=1, near=2)])
    landing.put(ORDERS, text.replace('"far": 1', '"far": 1e400000').replace(": 2}", ": 1e-99999}"))
    report = load()[ORDERS]
    assert (report.valid, report.quarantined) == (1, 1)
    [row] = query("select _extra from raw.orders")
    assert row["_extra"] == {
        "far": hidden("1e400000", kind="number"),
        "near": hidden("1e-99999", kind="number"),
    }


def test_uncontracted_cells_of_csv_are_numbers_dates_or_hidden(
    landing: LandingZone, load: Load, query: Query, hidden: Hidden
) -> None:
    extra = {"a": "12.50", "b": "007", "c": "TRUE", "d": "2026-11-20", "e": "", "f": "Mona",
             "g": "01012345678", "h": "010 1234 5678"}  # fmt: skip
    landing.put(TICKETS, csv_text([ticket(1, **extra)]))
    load()
    [row] = query("select _extra, _extra->>'a' as a from raw.tickets")
    assert row["a"] == "12.50"
    assert row["_extra"] == {
        "a": 12.5,
        "b": "007",
        "c": "TRUE",
        "d": "2026-11-20",
        "e": "",
        "f": hidden("Mona"),
        "g": hidden("01012345678", kind="number"),
        "h": hidden("010 1234 5678", "01012345678"),
    }


def test_free_text_is_scrubbed_wherever_it_is_kept(
    landing: LandingZone, load: Load, query: Query, masker: mask.Masker
) -> None:
    """A note and even a name may hold somebody's phone."""
    mona, phone = masker.hide("mona@mail.com"), masker.hide("01012345678")
    note = "call +20 (10) 1234-5678 or Mona@mail.com"
    landing.stream("ticket_events", event(1, notes=note), event(2, notes=note, new_status=note))
    landing.batch("customers", full_name="Mona mona@mail.com", phone="1012345678")
    load()
    scrubbed = f"call {phone} or {mona}"
    assert query("select notes from raw.ticket_events") == [{"notes": scrubbed}]
    assert query("select full_name, phone_hash from raw.customers") == [
        {"full_name": "Mona [personal]", "phone_hash": masker.hash("01012345678")}
    ]
    [row] = query("select * from ops.quarantine")
    assert (row["raw_data"]["notes"], row["raw_data"]["new_status"]) == (scrubbed, scrubbed)
    assert row["reasons"] == [{"column": "new_status", "rule": "allowed", "value": scrubbed}]
    assert row["rejection_reason"] == f"new_status: allowed ({scrubbed})"


def test_values_of_their_type_are_shown_as_they_came(
    landing: LandingZone, load: Load, query: Query
) -> None:
    """A rating of 4.166666666666667 was taken for an id, which hid what was wrong."""
    rating, wrong = 4.166666666666667, 6.166666666666667
    landing.batch(
        "restaurants",
        {**MEMBERS["restaurants"], "rating_avg": rating, "price_tier": "x"},
        {**MEMBERS["restaurants"], "restaurant_id": 1012345678, "rating_avg": wrong},
        {**MEMBERS["restaurants"], "restaurant_id": 3, "rating_avg": 1012345678},
        {**MEMBERS["restaurants"], "restaurant_id": 4, "rating_avg": "01012345678"},
        {**MEMBERS["restaurants"], "restaurant_id": "01012345678", "rating_avg": 6},
    )
    load()
    rows = query(
        "select raw_data, reasons, raw_data::text as text from ops.quarantine order by row_number"
    )
    assert rows[0]["raw_data"]["rating_avg"] == rating
    assert rows[1]["reasons"] == [{"column": "rating_avg", "rule": "range", "value": str(wrong)}]
    assert rows[1]["raw_data"]["restaurant_id"] == 1012345678
    for row in rows[2:]:
        assert "1012345678" not in row["text"] + json.dumps(row["reasons"])


def test_names_of_columns_are_data_too(
    landing: LandingZone, load: Load, query: Query, masker: mask.Masker
) -> None:
    """An e-mail as a name stood in the ledger, and from there in reports and checks."""
    mona = masker.scrub_name("mona@mail.com")
    header, row = csv_text([{**ticket(1), "mona@mail.com": 1}]).splitlines()
    landing.put(TICKETS, f"{header}\n{row}\n{row.rpartition(',')[0]}\n")
    report = load()[TICKETS]
    assert report.extra_columns == [mona]
    assert "mona@" not in str(report)
    for table in ("raw.tickets", "ops.quarantine", "ops.pipeline_file_log"):
        assert "mona@" not in str(query(f"select t::text from {table} t"))  # noqa: S608


def test_a_malformed_row_of_a_source_of_persons_shows_nothing(
    landing: LandingZone, load: Load, query: Query, hidden: Hidden, masker: mask.Masker
) -> None:
    header, row = csv_text([MEMBERS["customers"]]).splitlines()
    landing.put(CUSTOMERS, f"{header}\n{row},Mona Adel,01012345678,7\n")
    load()
    [refused] = query("select * from ops.quarantine")
    assert refused["primary_key"] is None
    assert refused["raw_data"]["_surplus"] == [
        hidden("Mona Adel"),
        hidden("01012345678", kind="number"),
        7,
    ]
    assert refused["raw_data"]["customer_id"] == masker.hide("1")
    values = [v for name, v in refused["raw_data"].items() if name != "_surplus"]
    assert all(v is None or len(v) == 64 for v in values)


def test_a_name_stands_in_no_reason(landing: LandingZone, load: Load, query: Query) -> None:
    """Names are confidential: the row as it came, which is for stewards, is all that shows one."""
    landing.batch("customers", full_name="Mona\x00Adel")
    landing.stream("ticket_events", event(1, notes=["Mona", "Adel"]))
    load()
    rows = query("select rejection_reason, reasons from ops.quarantine")
    assert sorted(reason["column"] for row in rows for reason in row["reasons"]) == [
        "full_name",
        "notes",
    ]
    assert "Mona" not in str(rows)
    assert all("value" not in reason for row in rows for reason in row["reasons"])
