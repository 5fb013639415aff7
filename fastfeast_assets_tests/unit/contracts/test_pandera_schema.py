"""Each rule of a contract finds the rows that break it, and only those."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.contracts.odcs import parse_contract
from fastfeast_assets.contracts.pandera_schema import (
    earliest_of,
    latest_of,
    to_pandera,
    violations,
)
from fastfeast_assets_tests.unit.contracts.documents import document

at = datetime.fromisoformat
SHOPS = parse_contract(yaml.safe_dump(document()), "shops.odcs.yaml")
SCHEMA = to_pandera(SHOPS)
DTYPES = {
    "integer": "Int64",
    "number": "Float64",
    "boolean": "boolean",
    "date": "datetime64[us]",
    "timestamp": "datetime64[us]",
}
GOOD: dict[str, Any] = {
    "shop_id": "a",
    "staff": 3,
    "rent": 10.5,
    "rating": 4.5,
    "state": "open",
    "is_own": True,
    "phone": "01012345678",
    "opened_at": at("2026-01-01T08:00:00"),
    "closed_at": None,
    "inspected_on": date(2026, 1, 1),
}


def chunk(
    rows: Sequence[dict[str, Any]], contract: Contract = SHOPS, text: str = "str"
) -> pd.DataFrame:
    """A parsed chunk with these rows."""
    return pd.DataFrame(
        {
            column.name: pd.Series(
                [row[column.name] for row in rows], dtype=DTYPES.get(column.kind, text)
            )
            for column in contract.columns
        }
    )


def found(rows: Sequence[dict[str, Any]], text: str = "str") -> dict[tuple[str, str], list[int]]:
    """Rows that break a rule, by column and rule."""
    result = violations(SCHEMA, SHOPS, chunk(rows, text=text))
    return {(column, rule): np.flatnonzero(mask).tolist() for column, rule, mask in result}


def test_a_good_row_breaks_nothing() -> None:
    assert found([GOOD]) == {}


BAD: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"shop_id": None}, ("shop_id", "required")),
    ({"shop_id": "x" * 37}, ("shop_id", "format")),
    ({"staff": -1}, ("staff", "range")),
    ({"staff": 32_768}, ("staff", "range")),
    ({"staff": 2**62}, ("staff", "range")),
    ({"rent": -0.01}, ("rent", "range")),
    ({"rent": 999.995}, ("rent", "range")),
    ({"rent": float("inf")}, ("rent", "range")),
    ({"rating": 5.001}, ("rating", "range")),
    ({"rating": float("-inf")}, ("rating", "range")),
    ({"state": "Open"}, ("state", "allowed")),
    ({"state": ""}, ("state", "allowed")),
    ({"phone": "0101234567"}, ("phone", "format")),
    ({"phone": "01012345678\n"}, ("phone", "format")),
    ({"phone": "\u06600\u0661012345678"}, ("phone", "format")),
    ({"opened_at": at("1999-12-31T23:59:00")}, ("opened_at", "range")),
    ({"inspected_on": date(2100, 1, 1)}, ("inspected_on", "range")),
    ({"inspected_on": date(1, 1, 1)}, ("inspected_on", "range")),
    ({"inspected_on": date(9999, 12, 31)}, ("inspected_on", "range")),
    ({"state": "closed"}, ("closed_at", "closed_at_required")),
    (
        {"closed_at": at("2026-01-01T07:59:59")},
        ("closed_at", "closed_at_not_before_opened"),
    ),
]


@pytest.mark.parametrize("text", ["str", "object"])
@pytest.mark.parametrize(("change", "reason"), BAD, ids=[str(change) for change, _ in BAD])
def test_a_bad_value_is_found_in_its_row(
    change: dict[str, Any], reason: tuple[str, str], text: str
) -> None:
    rows = [GOOD, {**GOOD, **change}, GOOD]
    assert found(rows, text) == {reason: [1]}
    assert found([{**GOOD, **change}] * 3, text) == {reason: [0, 1, 2]}


ON_THE_EDGE: list[dict[str, Any]] = [
    {"shop_id": "x" * 36},
    {"shop_id": "\U0001f600" * 36},
    {"staff": 0},
    {"staff": 32_767},
    {"rent": 0.0},
    {"rent": 999.99},
    {"rent": 999.9949},
    {"rating": 5.0},
    {"rating": -1e300},
    {"opened_at": at("2000-01-01T00:00:00")},
    {"opened_at": at("2099-12-31T23:59:59.999999")},
    {"inspected_on": date(2099, 12, 31)},
    {"state": "closed", "closed_at": at("2026-01-01T08:00:00")},
    {"closed_at": at("2026-01-02T00:00:00"), "opened_at": None},
    {name: None for name in GOOD if name != "shop_id"},
]


@pytest.mark.parametrize("change", ON_THE_EDGE, ids=str)
def test_a_value_on_the_edge_passes(change: dict[str, Any]) -> None:
    assert found([{**GOOD, **change}]) == {}


def test_known_instants_decide_what_is_not_before() -> None:
    """Where a chunk has readings, a row is refused when none of them fits."""
    rows = [{**GOOD, "closed_at": at(f"2026-01-01T0{hour}:00:00")} for hour in (7, 7, 9)]
    opened, closed = [GOOD["opened_at"]] * 3, [row["closed_at"] for row in rows]
    swapped = chunk(rows).assign(
        **{
            earliest_of("opened_at"): pd.Series(opened, dtype="datetime64[us]"),
            latest_of("closed_at"): pd.Series(
                [at("2026-01-01T08:00:00"), *closed[1:2], at("2026-01-01T06:00:00")],
                dtype="datetime64[us]",
            ),
        }
    )
    ((column, rule, mask),) = violations(SCHEMA, SHOPS, swapped)
    assert (column, rule) == ("closed_at", "closed_at_not_before_opened")
    assert mask.tolist() == [False, True, True]


def test_all_reasons_of_a_row_are_found() -> None:
    rotten = {
        "shop_id": None,
        "staff": -1,
        "rent": -1.0,
        "rating": 6.0,
        "state": "closed",
        "is_own": None,
        "phone": "none of your business",
        "opened_at": at("1990-01-01T00:00:00"),
        "closed_at": None,
        "inspected_on": date(1990, 1, 1),
    }
    assert list(found([rotten])) == [
        ("shop_id", "required"),
        ("staff", "range"),
        ("rent", "range"),
        ("rating", "range"),
        ("phone", "format"),
        ("opened_at", "range"),
        ("inspected_on", "range"),
        ("closed_at", "closed_at_required"),
    ]


@pytest.mark.parametrize("text", ["str", "object"])
def test_nothing_but_nulls_and_nothing_at_all(text: str) -> None:
    empty = dict.fromkeys(GOOD)
    assert found([empty, empty], text) == {("shop_id", "required"): [0, 1]}
    assert found([], text) == {}


def test_masks_go_by_position_whatever_the_index() -> None:
    frame = chunk([GOOD, {**GOOD, "staff": -1}, GOOD]).set_index(pd.Index([7, 7, 0]))
    ((column, rule, mask),) = violations(SCHEMA, SHOPS, frame)
    assert (column, rule, mask.tolist()) == ("staff", "range", [False, True, False])
    assert mask.dtype == np.bool_


def test_a_chunk_of_the_wrong_shape_is_a_defect_and_shows_no_value() -> None:
    frame = chunk([{**GOOD, "phone": "01099999999"}])
    wrong = [
        frame.drop(columns="phone"),
        frame.drop(columns="opened_at"),
        frame.astype({"staff": "float64"}),
        frame.assign(staff=["01099999999"]),
    ]
    for spoilt in wrong:
        with pytest.raises(TypeError, match="does not have the shape") as caught:
            violations(SCHEMA, SHOPS, spoilt)
        assert "01099999999" not in str(caught.value)


def test_the_schema_is_pandera_and_declares_every_column(contracts: dict[str, Contract]) -> None:
    for contract in contracts.values():
        schema = to_pandera(contract)
        assert isinstance(schema, pa.DataFrameSchema)
        assert list(schema.columns) == [column.name for column in contract.columns]
        assert not schema.unique
        for column in contract.columns:
            assert schema.columns[column.name].nullable is not column.required
            assert not schema.columns[column.name].unique


@pytest.mark.parametrize(
    ("source", "column", "value", "is_good"),
    [
        ("customers", "email", "a.b@mail.com", True),
        ("customers", "email", "A.B@MAIL.COM", True),
        ("customers", "email", "a@mail.eg.com", True),
        ("customers", "email", "a@mail.net", False),
        ("customers", "email", "a@.com", False),
        ("customers", "email", "a@mailcom", False),
        ("customers", "email", "a b@mail.com", False),
        ("customers", "email", "a@b@mail.com", False),
        ("customers", "email", "@mail.com", False),
        ("customers", "email", "'a@mail.com", False),
        ("customers", "email", '"a"@mail.com', False),
        ("customers", "email", "<a@mail.com", False),
        ("customers", "email", "a,b@mail.com", False),
        ("customers", "email", "a;b@mail.com", False),
        ("customers", "email", "a\\b@mail.com", False),
        ("customers", "email", ".a@mail.com", False),
        ("customers", "email", "a.@mail.com", False),
        ("customers", "email", "a%40b@mail.com", False),
        ("customers", "email", "a'b+c_d-e@mail-2.com", True),
        ("agents", "agent_email", "a@fastfeast.com", True),
        ("customers", "phone", "01512345678", True),
        ("customers", "phone", "01312345678", False),
        ("customers", "phone", "1512345678", False),
        ("agents", "agent_phone", "201012345678", False),
        ("drivers", "driver_phone", "", False),
        ("drivers", "national_id", "359436842801130", True),
        ("drivers", "national_id", "35943684280113", False),
        ("drivers", "national_id", "3594368428011300", False),
    ],
)
def test_formats_of_the_domain(
    contracts: dict[str, Contract], source: str, column: str, value: str, is_good: bool
) -> None:
    contract = contracts[source]
    rows = [{**dict.fromkeys(c.name for c in contract.columns), column: value}]
    result = violations(to_pandera(contract), contract, chunk(rows, contract))
    assert ((column, "format") in {(name, rule) for name, rule, _ in result}) is not is_good


MOMENTS = st.datetimes(at("1990-01-01T00:00:00"), at("2110-01-01T00:00:00"))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "shop_id": st.text(max_size=40),
    "staff": st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5),
    "rent": st.floats(-10, 1100) | st.decimals(0, 999, places=2).map(float),
    "rating": st.floats(allow_nan=False),
    "state": st.sampled_from(["open", "closed", "shut", ""]),
    "is_own": st.booleans(),
    "phone": st.sampled_from(["01012345678", "01312345678", "1012345678", "01012345678 "]),
    "opened_at": MOMENTS,
    "closed_at": MOMENTS,
    "inspected_on": st.dates(date(1990, 1, 1), date(2110, 1, 1)),
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | value for name, value in VALUES.items()}),
    max_size=6,
)


def expected_rules(row: dict[str, Any]) -> set[tuple[str, str]]:
    """The rules a row breaks, judged one cell at a time."""
    broken = {(c.name, rule) for c in SHOPS.columns for rule in broken_by(c, row[c.name])}
    if row["state"] == "closed" and row["closed_at"] is None:
        broken.add(("closed_at", "closed_at_required"))
    if row["closed_at"] and row["opened_at"] and row["closed_at"] < row["opened_at"]:
        broken.add(("closed_at", "closed_at_not_before_opened"))
    return broken


def broken_by(column: Column, value: Any) -> set[str]:
    if value is None:
        return {"required"} if column.required else set()
    rules = set()
    if column.allowed is not None and value not in column.allowed:
        rules.add("allowed")
    if column.pattern is not None and not re.fullmatch(column.pattern, value):
        rules.add("format")
    if column.max_length is not None and len(value) > column.max_length:
        rules.add("format")
    if column.kind == "integer" and not 0 <= value < 2**15:
        rules.add("range")
    if column.name == "rent" and not 0 <= value < 999.995:
        rules.add("range")
    if column.name == "rating" and not (value <= 5 and value != float("-inf")):
        rules.add("range")
    if isinstance(value, date) and not 2000 <= value.year <= 2099:
        rules.add("range")
    return rules


@settings(deadline=None)
@given(rows=ROWS)
def test_the_chunk_is_judged_as_its_cells_are(rows: list[dict[str, Any]]) -> None:
    expected: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(rows):
        for reason in expected_rules(row):
            expected.setdefault(reason, []).append(number)
    assert found(rows) == expected


@settings(deadline=None)
@given(
    value=st.decimals(Decimal(0), Decimal("1100"), places=4, allow_nan=False),
)
def test_what_passes_the_range_fits_the_column_of_the_table(value: Decimal) -> None:
    fits = value.quantize(Decimal("0.01"), rounding="ROUND_HALF_UP") < 1000
    assert (found([{**GOOD, "rent": float(value)}]) == {}) is fits
