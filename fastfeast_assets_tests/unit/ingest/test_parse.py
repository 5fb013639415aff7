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
from fastfeast_assets.ingest.parse import ParsedColumn, parse_column

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
}


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
    assert value_of(f"{number}.0", "integer") == number


@pytest.mark.parametrize(
    ("kind", "cell", "expected"),
    [
        ("integer", "35.0", 35),
        ("integer", "0035", 35),
        ("integer", "1e3", 1000),
        ("integer", "35.5", ["type"]),
        ("integer", "9" * 19, ["range"]),
        ("integer", "NaN", None),
        ("integer", "N/A", ["type"]),
        ("integer", "1,000", ["type"]),
        ("money", "0.30000000000000004", "0.30"),
        ("money", "12.345", ["format"]),
        ("money", "Infinity", ["type"]),
        ("money", "1e999", ["range"]),
        ("boolean", "True", True),
        ("boolean", "0.0", False),
        ("boolean", "maybe", ["type"]),
        ("date", "2026-02-29", ["type"]),
        ("date", "2026-11-20 00:00:00", date(2026, 11, 20)),
        ("date", "2026-11-20 10:00:00", ["type"]),
        ("date", "20261120", ["type"]),
        ("timestamp", "2026-11-20", datetime(2026, 11, 20)),  # noqa: DTZ001
        ("timestamp", "2026-11-20T08:24", datetime(2026, 11, 20, 8, 24)),  # noqa: DTZ001
        ("timestamp", "1763625600", ["type"]),
        ("timestamp", "2026-11-20 24:30:00", ["type"]),
        ("timestamp", "invalid", ["type"]),
        ("text", "None", None),
        ("text", "none", "none"),
        ("text", " x ", " x "),
        ("text", "a\x00b", ["type"]),
    ],
)
def test_examples(kind: str, cell: str, expected: Any) -> None:
    assert value_of(cell, kind) == expected


def test_a_timestamp_with_a_zone_is_moved_to_the_business_clock() -> None:
    moved = value_of("2026-11-20T08:00:00Z", "timestamp", "Africa/Cairo")
    assert moved == datetime(2026, 11, 20, 10)  # noqa: DTZ001
    assert value_of("0001-01-01T00:00:00+14:00", "timestamp") == ["type"]


def test_placeholders_count_as_missing_only_in_required_text() -> None:
    optional = KINDS["text"]
    required = replace(optional, required=True)
    cells: list[str | None] = ["N/A", " NULL ", "na", "Nabil"]
    assert parse(cells, optional).stored.to_pylist() == cells
    assert parse(cells, required).stored.to_pylist() == [None, None, None, "Nabil"]
