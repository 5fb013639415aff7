"""Columns of text that know how they are written, and how to make them from arrays.

Here: from numbers, codes and times to plain text. Quoting and damage come later (`render`,
`spoil`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastfeast_assets.simulate.randomness import Bools, Ints

ColumnKind = Literal["integer", "number", "boolean", "safe", "text"]


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one column as text.

    Attributes:
        text: pyarrow string array; null where there is no value.
        kind: `integer`, `number` and `boolean` are bare in JSON; `safe` text needs quotes in JSON
            but holds nothing to escape; `text` can hold anything.
    """

    text: Any
    kind: ColumnKind


Table = dict[str, Column]
"""Columns of equal length by name, in the order of the file."""


def _masked(values: Any, present: Bools | None) -> Any:
    return pa.array(values, mask=None if present is None else ~present)


def integers(values: Ints, present: Bools | None = None) -> Column:
    """Makes an integer column; null where `present` is False."""
    return Column(_masked(values, present).cast(pa.string()), "integer")


def decimals(values: Ints, scale: int, present: Bools | None = None) -> Column:
    """Makes a column of numbers from whole units of 10 ** -`scale` (cents: scale 2)."""
    return Column(_masked(values / 10**scale, present).cast(pa.string()), "number")


def timestamps(seconds: Ints, present: Bools | None = None) -> Column:
    """Makes a column `YYYY-MM-DD HH:MM:SS` from seconds since 1970."""
    moments = _masked(seconds, present).cast(pa.timestamp("s"))
    return Column(moments.cast(pa.string()), "safe")


def dates(days: Ints) -> Column:
    """Makes a column `YYYY-MM-DD` from days since 1970."""
    moments = pa.array(days.astype(np.int32)).cast(pa.date32())
    return Column(moments.cast(pa.string()), "safe")


def words(codes: Ints, vocabulary: Sequence[str], kind: ColumnKind = "text") -> Column:
    """Makes a column from codes into a vocabulary; a negative code is a null."""
    return Column(pa.array(vocabulary, pa.string()).take(_masked(codes, codes >= 0)), kind)


def booleans(values: Bools) -> Column:
    """Makes a column of `True` and `False`."""
    return words(values.astype(np.int64), ("False", "True"), "boolean")


def literals(values: Sequence[object], kind: ColumnKind) -> Column:
    """Makes a column from Python values, written as `str` writes them."""
    texts = [None if value is None else str(value) for value in values]
    return Column(pa.array(texts, pa.string()), kind)


def joined(*parts: Any) -> Any:
    """Returns the element-wise concatenation of string arrays and constants; null wins."""
    return pc.binary_join_element_wise(*parts, "")


def taken(table: Table, rows: Ints) -> Table:
    """Returns some rows of a table."""
    places = pa.array(rows)
    return {name: Column(column.text.take(places), column.kind) for name, column in table.items()}


def without_leading_zeros(column: Column) -> Column:
    """Returns the column with leading zeros gone from every text, as a spreadsheet leaves it."""
    return Column(pc.utf8_ltrim(column.text, "0"), column.kind)
