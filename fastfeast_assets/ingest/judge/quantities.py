"""Whole numbers and amounts out of cells, every digit kept or the cell refused.

Money is never a binary float on its way into the warehouse: the stored array keeps the decimal
text, the float beside it is only compared. Three ways of losing digits are looked for: a
spreadsheet that shortened a number (`1.01E+09`), a float that holds no whole number so large, and
decimals that the column has no room for.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastfeast_assets.contracts.model import Column
from fastfeast_assets.ingest.judge.digits import FIRST_UNSURE_FLOAT, is_exact, written_out
from fastfeast_assets.ingest.judge.parsed import (
    Mask,
    ParsedColumn,
    matches,
    only_hits,
    present,
    series,
    true_of,
    where,
)

INTEGER = r"^[+-]?[0-9]+(\.0*)?$"
NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
# Only who shortens writes a sign into the exponent of a number of everyday size: `1.23E+05`.
SHORTENED = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][+-][0-9]{1,3}$"
MAXIMUM_INTEGER_DIGITS = 18
MAXIMUM_NUMBER = 1e15
MAXIMUM_NUMBER_CHARACTERS = 1000
# Adding cents in binary leaves errors far below this; a real third decimal is far above it.
BINARY_NOISE = Decimal("0.000001")


def parse_integer(text: pa.Array) -> ParsedColumn:
    """Int64 of cells such as `35`, `0035` and the exporter's `35.0`."""
    has_floats = _holds(text, ".", "e", "E")
    was_float = matches(text, r"[.eE]") if has_floats else np.zeros(len(text), dtype=bool)
    text = _written_out(text) if has_floats else text
    good = matches(text, INTEGER)
    digits = pc.replace_substring_regex(where(text, good), r"^\+|\.0*$", "")
    digits = pc.replace_substring_regex(digits, r"^(-?)0+([0-9])", r"\1\2")
    small = true_of(pc.less_equal(pc.utf8_length(digits), MAXIMUM_INTEGER_DIGITS))
    values = pc.cast(where(digits, small), pa.int64())
    faults = {"type": present(text) & ~good, "range": good & ~small}
    if has_floats:
        unsure = was_float & true_of(pc.greater_equal(pc.abs(values), FIRST_UNSURE_FLOAT))
        faults["type"] |= unsure
        values = where(values, ~unsure)
    return ParsedColumn(series(values, "Int64"), values, only_hits(faults))


def _holds(text: pa.Array, *characters: str) -> bool:
    """Whether one of the characters stands anywhere; far cheaper than an expression."""
    return any(pc.any(pc.match_substring(text, c)).as_py() for c in characters)


def _written_out(text: pa.Array) -> pa.Array:
    odd = matches(text, r"[eE]")
    if not odd.any():
        return text
    texts = text.to_pylist()
    for row in np.flatnonzero(odd):
        texts[row] = written_out(texts[row])
    return pa.array(texts, type=pa.large_string())


def parse_number(text: pa.Array, column: Column) -> ParsedColumn:
    """Float64 to compare and decimal text to store."""
    good = matches(text, NUMBER) & ~_is_shortened(text, column.scale or 0)
    number = where(text, good)
    too_long = true_of(pc.greater(pc.binary_length(number), MAXIMUM_NUMBER_CHARACTERS))
    faults = {"type": present(text) & ~good, "format": too_long}
    number = where(number, ~too_long) if too_long.any() else number
    values = pc.cast(pc.replace_substring_regex(number, r"^\+", ""), pa.float64())
    huge = true_of(pc.greater(pc.abs(values), MAXIMUM_NUMBER))
    if huge.any():
        faults["range"] = huge
        number, values = where(number, ~huge), where(values, ~huge)
    if column.scale is not None:
        number, too_fine = _to_scale(number, column.scale)
        faults["format"] = too_long | too_fine
    return ParsedColumn(series(values, "Float64"), number, only_hits(faults))


def _is_shortened(text: pa.Array, scale: int) -> Mask:
    """Which numbers lack digits that the column has room for."""
    is_shortened = np.zeros(len(text), dtype=bool)
    if not _holds(text, "e", "E"):
        return is_shortened
    for row in np.flatnonzero(matches(text, SHORTENED)).tolist():
        is_shortened[row] = not is_exact(Decimal(text[row].as_py()), scale)
    return is_shortened


def _to_scale(number: pa.Array, scale: int) -> tuple[pa.Array, Mask]:
    """Undo binary noise beyond the scale; what has real digits there is a fault."""
    faulty = np.zeros(len(number), dtype=bool)
    odd = matches(number, rf"[eE]|\.[0-9]{{{scale}}}[0-9]*[1-9]")
    if not odd.any():
        return number, faulty
    unit = Decimal(1).scaleb(-scale)
    texts = number.to_pylist()
    for row in np.flatnonzero(odd):
        exact = Decimal(texts[row])
        rounded = exact.quantize(unit, rounding=ROUND_HALF_EVEN)
        faulty[row] = abs(exact - rounded) > BINARY_NOISE
        texts[row] = None if faulty[row] else str(rounded)
    return pa.array(texts, type=pa.large_string()), faulty
