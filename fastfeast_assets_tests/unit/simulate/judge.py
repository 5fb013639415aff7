"""A second opinion on the files: the contracts' rules, a row at a time, in plain Python."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets_tests.unit.simulate.helpers import Row, Rows

_INTEGER = re.compile(r"-?\d+(\.0)?")


def rejected_rows(contract: Contract, rows: Rows) -> list[bool]:
    """Says for each row whether it breaks a rule or repeats a key of the file."""
    seen: set[str] = set()
    verdicts: list[bool] = []
    for row in rows:
        key = key_of(contract, row)
        verdicts.append(_is_broken(contract, row) or key in seen)
        seen |= {key} if key else set()
    return verdicts


def key_of(contract: Contract, row: Row, column: str | None = None) -> str | None:
    """The text of a key, `35` for `35.0`; None for a null."""
    value = row[column or contract.key.name]
    if is_null(contract, value):
        return None
    return str(value).removesuffix(".0")


def is_null(contract: Contract, value: Any) -> bool:
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or value in contract.null_tokens
    )


def _is_broken(contract: Contract, row: Row) -> bool:
    if set(row) != {column.name for column in contract.columns}:
        raise AssertionError(f"{contract.source} has other columns: {sorted(row)}")
    if any(_is_bad_cell(contract, column, row[column.name]) for column in contract.columns):
        return True
    return any(
        rule.kind == "required_when"
        and row[rule.when_column or ""] in rule.when_values
        and is_null(contract, row[rule.column])
        for rule in contract.row_rules
    )


def _is_bad_cell(contract: Contract, column: Column, value: Any) -> bool:
    if is_null(contract, value):
        return column.required
    try:
        parsed = _parsed(column, str(value))
    except (ValueError, ArithmeticError):
        return True
    if isinstance(parsed, str):
        token = parsed.strip().lower()
        return (
            (column.required and token in contract.required_null_tokens)
            or (column.allowed is not None and parsed not in column.allowed)
            or (column.pattern is not None and not re.fullmatch(column.pattern, parsed))
        )
    return _is_out_of_range(column, parsed)


def _is_out_of_range(column: Column, value: Any) -> bool:
    below = column.minimum is not None and value < column.minimum
    return below or (column.maximum is not None and value > column.maximum)


def _parsed(column: Column, text: str) -> str | Decimal | date:
    if column.kind == "integer":
        if not _INTEGER.fullmatch(text):
            raise ValueError(text)
        return Decimal(text)
    if column.kind == "number":
        return Decimal(text)
    if column.kind == "date":
        return date.fromisoformat(text)
    if column.kind == "timestamp":
        return datetime.fromisoformat(text).date()
    if column.kind == "boolean" and text not in ("True", "False"):
        raise ValueError(text)
    if column.canonical in ("phone", "digits"):
        text = text.removesuffix(".0")
        return f"0{text}" if column.canonical == "phone" and text.startswith("1") else text
    return text
