"""Cells to typed values: the parser never raises and never changes a value in silence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.contracts.model import Column
from fastfeast_assets.ingest.judge.digits import FIRST_UNSURE_FLOAT
from fastfeast_assets.ingest.judge.parse import parse_column
from fastfeast_assets.ingest.judge.parsed import ParsedColumn
from fastfeast_assets.ingest.read.chunks import BareWord

CONTRACTS = load_contracts()
COLUMNS = [column for contract in CONTRACTS.values() for column in contract.columns]
KINDS = {
    "integer": CONTRACTS["orders"].column("customer_id"),
    "money": CONTRACTS["orders"].column("order_amount"),
    "number": CONTRACTS["drivers"].column("rating_avg"),
    "boolean": CONTRACTS["drivers"].column("is_active"),
    "date": CONTRACTS["drivers"].column("hire_date"),
    "timestamp": CONTRACTS["orders"].column("delivered_at"),
    "text": CONTRACTS["ticket_events"].column("notes"),
    "uuid": CONTRACTS["tickets"].column("order_id"),
}
ORDER_ID = "c45ac077-5c7e-4c71-8e2f-a0b638753f83"


def parse(cells: list[str | None], column: Column, zone: str = "UTC") -> ParsedColumn:
    contract = CONTRACTS["orders"]
    return parse_column(
        cells,
        column,
        null_tokens=contract.null_tokens,
        required_null_tokens=contract.required_null_tokens,
        zone=ZoneInfo(zone),
    )


def value_of(cell: str | None, kind: str, zone: str = "UTC") -> Any:
    parsed = parse([cell], KINDS[kind], zone)
    return sorted(parsed.faults) or parsed.stored.to_pylist()[0]


@pytest.mark.parametrize("word", ["true", "false", "Infinity"])
@pytest.mark.parametrize("source_column", [("ticket_events", "notes"), ("customers", "email")])
def test_a_bare_json_word_is_no_text(word: str, source_column: tuple[str, str]) -> None:
    source, name = source_column
    parsed = parse([word, BareWord(word), None], CONTRACTS[source].column(name))
    assert parsed.faults["type"].tolist() == [False, True, False]
    assert parsed.stored.to_pylist()[1] is None


def test_a_bare_json_word_is_a_boolean() -> None:
    assert value_of(BareWord("true"), "boolean") is True


@given(st.sampled_from(COLUMNS), st.lists(st.none() | st.text(), min_size=1, max_size=8))
def test_no_text_raises(column: Column, cells: list[str | None]) -> None:
    parsed = parse(cells, column)
    assert len(parsed.typed) == len(parsed.stored) == len(cells)
    for mask in parsed.faults.values():
        assert mask.any()
    faulty = np.zeros(len(cells), dtype=bool)
    for mask in parsed.faults.values():
        faulty |= mask
    for cell, stored, is_faulty in zip(cells, parsed.stored.to_pylist(), faulty, strict=True):
        if cell is None:
            assert stored is None
            assert not is_faulty


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=2, min_value=-(10**7), max_value=10**7
    )
)
def test_money_keeps_its_cents(amount: Decimal) -> None:
    assert Decimal(value_of(str(amount), "money")) == amount
    assert Decimal(value_of(repr(float(amount)), "money")) == amount


@given(st.text(st.sampled_from("0123456789.eE+-, "), max_size=10))
def test_a_number_is_what_decimal_says(text: str) -> None:
    result = value_of(text, "number")
    try:
        exact = Decimal(text.strip())
    except InvalidOperation:
        assert result in (["type"], None)
    else:
        assert result in (["range"], ["type"]) or Decimal(result) == exact


@given(st.integers(-(10**16), 10**16))
def test_integers_survive_the_exporters_float(number: int) -> None:
    assert value_of(str(number), "integer") == number
    is_sure = abs(number) < FIRST_UNSURE_FLOAT
    assert value_of(f"{number}.0", "integer") == (number if is_sure else ["type"])


@given(st.integers(0, 10**12), st.integers(0, 16), st.sampled_from("eE"))
def test_an_integer_in_exponent_form_is_the_number_or_none(
    number: int, digits: int, letter: str
) -> None:
    found = value_of(f"{number:.{digits}e}".replace("e", letter), "integer")
    assert found == (number if digits >= len(str(number)) - 1 else ["type"])


@given(st.decimals(min_value=0, max_value=10**7, places=2), st.integers(0, 12))
def test_money_in_exponent_form_is_the_amount_or_none(amount: Decimal, digits: int) -> None:
    found = value_of(f"{amount:.{digits}E}", "money")
    assert found == ["type"] or Decimal(found) == amount


@pytest.mark.parametrize(
    ("kind", "cell", "expected"),
    [
        ("integer", "35.0", 35),
        ("integer", "0035", 35),
        ("integer", "1e3", ["type"]),
        ("integer", "1.2E+05", ["type"]),
        ("integer", "1.01E+09", ["type"]),
        ("integer", "1.00E+02", 100),
        ("integer", "1.012345678E+09", 1_012_345_678),
        ("integer", "1.0123456789e9", ["type"]),
        ("integer", "10123456780E-1", ["type"]),
        ("integer", "12E+01", ["type"]),
        ("integer", "9007199254740991.0", 9_007_199_254_740_991),
        ("integer", "9007199254740992.0", ["type"]),
        ("integer", "9007199254740993.0", ["type"]),
        ("integer", "9007199254740993", 9_007_199_254_740_993),
        ("integer", "1.2345678901234568e16", ["type"]),
        ("integer", "+5", 5),
        ("integer", "5.", 5),
        ("integer", "-0", 0),
        ("integer", ".5", ["type"]),
        ("integer", "--5", ["type"]),
        ("integer", "1_000", ["type"]),
        ("integer", "'35", ["type"]),
        ("integer", "=35", ["type"]),
        ("integer", "\u0663\u0665", ["type"]),
        ("integer", "\uff13\uff15", ["type"]),
        ("integer", "3\u200b5", ["type"]),
        ("integer", "true", ["type"]),
        ("integer", "35.5", ["type"]),
        ("integer", "9" * 19, ["range"]),
        ("integer", "NaN", None),
        ("integer", "N/A", ["type"]),
        ("integer", "1,000", ["type"]),
        ("money", "0.30000000000000004", "0.30"),
        ("money", "12.345", ["format"]),
        ("money", "Infinity", ["type"]),
        ("money", "1e999", ["range"]),
        ("money", "1e2", "100.00"),
        ("money", "1.2E7", "12000000.00"),
        ("money", "1.23E+05", ["type"]),
        ("money", "1.2346E+04", ["type"]),
        ("money", "1.234567E+04", "12345.67"),
        ("money", "5E-01", ["type"]),
        ("money", "5.00E-01", "0.50"),
        ("money", "-0.00", "-0.00"),
        ("money", "5.", "5."),
        ("money", "1_000.00", ["type"]),
        ("money", "--5", ["type"]),
        ("money", "\u0663.50", ["type"]),
        ("money", "1." + "0" * 20_000, ["format"]),
        ("number", "4." + "1" * 20_000, ["format"]),
        ("number", "4.166666666666667", "4.166666666666667"),
        ("number", "8.5e-1", "8.5e-1"),
        ("number", "5e-05", "5e-05"),
        ("number", "1.2E+01", "1.2E+01"),
        ("number", "1E+01", ["type"]),
        ("boolean", "True", True),
        ("boolean", "0.0", False),
        ("boolean", "maybe", ["type"]),
        ("boolean", "TRUE ", True),
        ("boolean", "2", ["type"]),
        ("boolean", "Y", ["type"]),
        ("boolean", "1.00", ["type"]),
        ("boolean", "\uff11", ["type"]),
        ("date", "2026-02-29", ["type"]),
        ("date", "2026-11-20 00:00:00", date(2026, 11, 20)),
        ("date", "2026-11-20 10:00:00", ["type"]),
        ("date", "2026-11-20T00:00:00.000000001", ["type"]),
        ("date", "2026-11-20T00:00:00+02:00", ["type"]),
        ("date", "2026-W47-5", ["type"]),
        ("date", "2026-324", ["type"]),
        ("date", "20261120", ["type"]),
        ("timestamp", "2026-11-20", ["type"]),
        ("timestamp", "2026-11-20T08", ["type"]),
        ("timestamp", "2026-W47-5T08:00:00", ["type"]),
        ("timestamp", "20261120T080000", ["type"]),
        ("timestamp", "2026-11-20T24:00:00", ["type"]),
        ("timestamp", "2026-11-20T24:00:00Z", ["type"]),
        ("timestamp", "2026-11-20 23:59:60", ["type"]),
        ("timestamp", "2026-11-20T23:59:60Z", ["type"]),
        ("timestamp", "2026-11-20 23:60:00", ["type"]),
        ("timestamp", "2026-11-20T08:00:00+25:00", ["type"]),
        ("timestamp", "2026-11-20T08:00:00+02:75", ["type"]),
        ("timestamp", "2026-11-20T08:00:00+14:15", ["type"]),
        ("timestamp", "2026-11-20T08:00:00 +02:00", ["type"]),
        ("timestamp", "2026-11-20T08:00:00 EET", ["type"]),
        ("timestamp", "2026-02-30T08:00:00Z", ["type"]),
        ("timestamp", "2026-11-20T08:00:00,5", ["type"]),
        ("timestamp", "2026-11-20T08:00:00-00:00", datetime(2026, 11, 20, 8)),  # noqa: DTZ001
        ("timestamp", "2026-11-20T08:00:00-1130", datetime(2026, 11, 20, 19, 30)),  # noqa: DTZ001
        ("timestamp", "2026-11-20T08:00:00+14:00", datetime(2026, 11, 19, 18)),  # noqa: DTZ001
        ("timestamp", "2026-11-20 08:00:00.1234567", ["format"]),
        ("timestamp", "2026-11-20T08:00:00.123456789Z", ["format"]),
        ("timestamp", "2026-11-20T08:00:00.0000001Z", ["format"]),
        (
            "timestamp",
            "2026-11-20T08:00:00.123456000Z",
            datetime(2026, 11, 20, 8, 0, 0, 123456),  # noqa: DTZ001
        ),
        (
            "timestamp",
            "2026-11-20 08:00:00.123456000",
            datetime(2026, 11, 20, 8, 0, 0, 123456),  # noqa: DTZ001
        ),
        ("timestamp", "2026-11-20T08:24", datetime(2026, 11, 20, 8, 24)),  # noqa: DTZ001
        ("timestamp", "1763625600", ["type"]),
        ("timestamp", "2026-11-20 24:30:00", ["type"]),
        ("timestamp", "invalid", ["type"]),
        ("text", "None", None),
        ("text", "none", "none"),
        ("text", " x ", " x "),
        ("text", "a\x00b", ["type"]),
        ("uuid", ORDER_ID, ORDER_ID),
        ("uuid", ORDER_ID.upper(), ORDER_ID),
        ("uuid", f" {ORDER_ID}\t", ORDER_ID),
        ("uuid", "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"),
        ("uuid", "None", None),
        ("uuid", "=1+1", ["format"]),
        ("uuid", "x", ["format"]),
        ("uuid", f"{{{ORDER_ID}}}", ["format"]),
        ("uuid", f"urn:uuid:{ORDER_ID}", ["format"]),
        ("uuid", ORDER_ID.replace("-", ""), ["format"]),
        ("uuid", ORDER_ID[:-1], ["format"]),
        ("uuid", ORDER_ID + "0", ["format"]),
        ("uuid", ORDER_ID.replace("c", "g"), ["format"]),
        ("uuid", ORDER_ID.replace("c", "\uff43"), ["format"]),
        ("uuid", ORDER_ID.replace("7", "\u0667"), ["format"]),
        ("uuid", ORDER_ID.replace("-", "\u2010"), ["format"]),
        ("uuid", ORDER_ID + "\u200b", ["format"]),
        ("uuid", f"{ORDER_ID}\n{ORDER_ID}", ["format"]),
    ],
)
def test_examples(kind: str, cell: str, expected: Any) -> None:
    assert value_of(cell, kind) == expected


def test_a_timestamp_with_a_zone_is_moved_to_the_business_clock() -> None:
    moved = value_of("2026-11-20T08:00:00Z", "timestamp", "Africa/Cairo")
    assert moved == datetime(2026, 11, 20, 10)  # noqa: DTZ001
    assert value_of("0001-01-01T00:00:00+14:00", "timestamp") == ["type"]


def test_instants_are_known_of_cells_with_an_offset() -> None:
    cells = ["2026-10-29T23:50:00+03:00", "2026-10-29T23:10:00+02:00", "2026-10-29 23:10:00", None]
    parsed = parse(cells, KINDS["timestamp"], "Africa/Cairo")
    assert parsed.instants is not None
    assert [str(instant) for instant in parsed.instants] == [
        "2026-10-29 20:50:00",
        "2026-10-29 21:10:00",
        "NaT",
        "NaT",
    ]
    on_clock = ["2026-10-29 23:50:00", "2026-10-29 23:10:00", "2026-10-29 23:10:00"]
    assert [str(moment) for moment in parsed.stored.to_pylist()[:3]] == on_clock
    assert parse(cells[2:], KINDS["timestamp"], "Africa/Cairo").instants is None


def test_what_the_business_clock_leaves_out_is_stored_as_it_says() -> None:
    in_the_gap = value_of("2026-04-24 00:30:00", "timestamp", "Africa/Cairo")
    assert in_the_gap == datetime(2026, 4, 24, 0, 30)  # noqa: DTZ001


def test_placeholders_count_as_missing_only_in_required_text() -> None:
    optional = KINDS["text"]
    required = replace(optional, required=True)
    cells: list[str | None] = ["N/A", " NULL ", "na", "Nabil"]
    assert parse(cells, optional).stored.to_pylist() == cells
    assert parse(cells, required).stored.to_pylist() == [None, None, None, "Nabil"]
