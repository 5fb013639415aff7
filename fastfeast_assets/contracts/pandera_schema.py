"""A contract as a Pandera schema for one parsed chunk, and the rows that break it.

Belongs here: the rules of a contract as vectorised checks. Parsing text to types comes before
(a cell that does not parse is a `type` violation there) and duplicates after; both are the
loader's business. Error texts of Pandera hold values of the chunk and are never used.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaError, SchemaErrorReason, SchemaErrors

from fastfeast_assets.contracts.model import Column, Contract, Kind, RowRule

Mask = npt.NDArray[np.bool_]
SeriesCheck = Callable[["pd.Series[Any]"], "pd.Series[bool]"]

# Text has no fixed dtype: it may come as `object` or as pandas' own `str`.
_DTYPES: Mapping[Kind, str | None] = {
    "integer": "Int64",
    "number": "Float64",
    "text": None,
    "boolean": "boolean",
    "date": "datetime64[us]",
    "timestamp": "datetime64[us]",
}
INTEGER_BITS = {"smallint": 16, "integer": 32, "bigint": 64}


def to_pandera(contract: Contract) -> pa.DataFrameSchema:
    """The schema of a parsed chunk of a source.

    The chunk has the contract's columns by their names in the files: `Int64`, `Float64`,
    `boolean`, `datetime64[us]` (dates too) and text as `object` or `str`; missing values are
    null. Checks carry the name of the rule they stand for: `allowed`, `format`, `range`, or the
    name of a row rule; `required` is the column's own `nullable=False`. Nothing is coerced and
    uniqueness is not judged.

    A chunk may have further columns, named by `earliest_of` and `latest_of`, with the instants
    that its timestamps may mean. `not_before` goes by them where they are there: a row breaks it
    when no reading of the two fulfils it.
    """
    return pa.DataFrameSchema(
        columns={
            column.name: pa.Column(
                _DTYPES[column.kind],
                checks=_column_checks(column),
                nullable=not column.required,
                coerce=False,
                description=column.description,
            )
            for column in contract.columns
        },
        checks=[_row_check(rule) for rule in contract.row_rules],
        strict=False,
        coerce=False,
        name=contract.source,
        description=contract.description,
    )


def earliest_of(column: str) -> str:
    """Where a chunk has the earliest instant that a timestamp may mean."""
    return f"{column} at the earliest"


def latest_of(column: str) -> str:
    """Where a chunk has the latest instant that a timestamp may mean."""
    return f"{column} at the latest"


def violations(
    schema: pa.DataFrameSchema, contract: Contract, frame: pd.DataFrame
) -> list[tuple[str, str, Mask]]:
    """What breaks the contract in a parsed chunk.

    Args:
        schema: What `to_pandera` made of the contract.
        contract: The contract.
        frame: The chunk; its index may be anything.

    Returns:
        Column, rule and a mask of the offending rows (by position, at least one is true), in
        the order of the contract's columns and then of its row rules.

    Raises:
        TypeError: The chunk lacks a column or a column has another dtype than the schema says:
            a defect of the caller, never of the data.
    """
    positioned = frame.reset_index(drop=True)
    try:
        schema.validate(positioned, lazy=True)
    except SchemaErrors as errors:
        row_rules = {rule.name: rule.column for rule in contract.row_rules}
        found = [_violation(error, row_rules, positioned) for error in errors.schema_errors]
    else:
        return []
    names = [column.name for column in contract.columns]
    rules = ["required", "allowed", "format", "range", *row_rules]
    return sorted(
        found, key=lambda item: (item[1] in row_rules, names.index(item[0]), rules.index(item[1]))
    )


def _violation(
    error: SchemaError, row_rules: Mapping[str, str], frame: pd.DataFrame
) -> tuple[str, str, Mask]:
    if error.reason_code is SchemaErrorReason.SERIES_CONTAINS_NULLS:
        column = str(error.schema.name)
        return column, "required", frame[column].isna().to_numpy(dtype=bool)
    if error.reason_code is not SchemaErrorReason.DATAFRAME_CHECK:
        # The text of the error is left out, and out of the traceback: it may hold values.
        raise TypeError(
            f"the chunk does not have the shape of its schema at {error.schema.name}"
            f" ({error.reason_code.name if error.reason_code else 'unknown reason'})"
        ) from None
    rule = str(error.check.name)
    column = row_rules[rule] if rule in row_rules else str(error.schema.name)
    return column, rule, ~error.check_output.to_numpy(dtype=bool)


def _column_checks(column: Column) -> list[pa.Check]:
    checks: list[pa.Check] = []
    if column.allowed is not None:
        checks.append(_check("allowed", _is_allowed(column.allowed)))
    if column.pattern is not None or column.max_length is not None:
        checks.append(_check("format", _has_format(column.pattern, column.max_length)))
    if column.kind == "integer":
        checks.append(_check("range", _is_within(*_integer_bounds(column))))
    elif column.kind == "number":
        checks.append(_check("range", _is_within(*_number_bounds(column))))
    elif column.minimum is not None or column.maximum is not None:
        checks.append(_check("range", _is_within(*_time_bounds(column))))
    return checks


def _check(rule: str, judge: Callable[[Any], pd.Series[bool]]) -> pa.Check:
    # Null passes in every column rule. The checks see to it themselves, so that their output
    # always has one value a row. The failure cases that Pandera collects are never read: they
    # hold values, and collecting all of them takes most of the time of a bad chunk.
    return pa.Check(judge, name=rule, ignore_na=False, n_failure_cases=1)


def _is_allowed(values: tuple[str, ...]) -> SeriesCheck:
    def judge(series: pd.Series[Any]) -> pd.Series[bool]:
        return series.isin(values) | series.isna()

    return judge


def _has_format(pattern: str | None, max_length: int | None) -> SeriesCheck:
    matches = re.compile(pattern).fullmatch if pattern is not None else None

    def is_good(value: str) -> bool:
        if max_length is not None and len(value) > max_length:
            return False
        return matches is None or matches(value) is not None

    def judge(series: pd.Series[Any]) -> pd.Series[bool]:
        # Python's own expressions: what pandas uses for a pattern depends on the dtype.
        present = series.notna().to_numpy(dtype=bool)
        good: Mask = np.ones(len(series), dtype=bool)
        texts = series.to_numpy(dtype=object)[present]
        good[present] = np.fromiter(map(is_good, texts), dtype=bool, count=len(texts))
        return pd.Series(good, index=series.index)

    return judge


def _is_within(low: Any, high: Any) -> SeriesCheck:
    def judge(series: pd.Series[Any]) -> pd.Series[bool]:
        within: Mask = series.between(low, high).to_numpy(dtype=bool, na_value=False)
        missing: Mask = series.isna().to_numpy(dtype=bool)
        return pd.Series(within | missing, index=series.index)

    return judge


def _integer_bounds(column: Column) -> tuple[int, int]:
    """The contract's bounds within those of the physical type, both inclusive."""
    limit = 2 ** (INTEGER_BITS[column.physical_type] - 1)
    low = math.ceil(column.minimum) if isinstance(column.minimum, Decimal) else -limit
    high = math.floor(column.maximum) if isinstance(column.maximum, Decimal) else limit - 1
    return max(low, -limit), min(high, limit - 1)


def _number_bounds(column: Column) -> tuple[float, float]:
    """The contract's bounds within what `numeric(p,s)` holds; infinity is never within."""
    limit = sys.float_info.max
    if column.scale is not None and column.precision is not None:
        # A value that rounds up to the first number with one digit too many overflows.
        digits = column.precision - column.scale
        first_too_large = Decimal(10) ** digits - Decimal(5).scaleb(-column.scale - 1)
        limit = math.nextafter(float(first_too_large), 0)
    low = float(column.minimum) if isinstance(column.minimum, Decimal) else -limit
    high = float(column.maximum) if isinstance(column.maximum, Decimal) else limit
    return max(low, -limit), min(high, limit)


def _time_bounds(column: Column) -> tuple[datetime, datetime]:
    """The first and the last moment of the days allowed."""
    low = column.minimum if isinstance(column.minimum, date) else date.min
    high = column.maximum if isinstance(column.maximum, date) else date.max
    return datetime.combine(low, time.min), datetime.combine(high, time.max)


def _row_check(rule: RowRule) -> pa.Check:
    if rule.kind == "required_when":

        def judge(frame: pd.DataFrame) -> pd.Series[bool]:
            due = frame[rule.when_column].isin(rule.when_values)
            return ~due | frame[rule.column].notna()

    else:

        def judge(frame: pd.DataFrame) -> pd.Series[bool]:
            later, earlier = rule.column, str(rule.other)
            if latest_of(later) in frame:
                return ~(frame[latest_of(later)] < frame[earliest_of(earlier)])
            return ~(frame[later] < frame[earlier])

    return _check(rule.name, judge)
