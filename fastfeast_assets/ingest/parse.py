"""Cells of text to typed columns, by contract. Nothing here raises over a value.

Each column gives three things: a typed series for Pandera, an Arrow array of what is stored, and
the masks of cells that are no value of the type. Money is never a binary float on its way into
the warehouse: the stored array keeps the decimal text, the float beside it is only compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fastfeast_assets.contracts.model import Column
from fastfeast_assets.ingest.mask import canonical
from fastfeast_assets.ingest.text import unstorable

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

INTEGER = r"^[+-]?[0-9]+(\.0*)?$"
NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]00:00(:00(\.0{1,9})?)?)?$"
TIMESTAMP = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
ZONED = r"[0-9]{2}:[0-9]{2}.*(Z|[+-][0-9]{2}:?[0-9]{2})$"
MAXIMUM_INTEGER_DIGITS = 18
MAXIMUM_NUMBER = 1e15
# Adding cents in binary leaves errors far below this; a real third decimal is far above it.
BINARY_NOISE = Decimal("0.000001")
BOOLEANS = {
    "true": True, "t": True, "yes": True, "1": True, "1.0": True,
    "false": False, "f": False, "no": False, "0": False, "0.0": False,
}  # fmt: skip


@dataclass(frozen=True)
class ParsedColumn:
    """One column of a chunk.

    Attributes:
        typed: What Pandera judges: Int64, Float64, boolean, datetime64[us] or text; null where
            the cell is null or no value of the type.
        stored: What the warehouse gets, of the same length; personal values not yet hashed.
        faults: Rule (`type`, `range`, `format`) -> mask of the cells that break it.
    """

    typed: pd.Series
    stored: pa.Array
    faults: dict[str, Mask] = field(default_factory=dict)


def parse_column(
    cells: Sequence[str | None],
    column: Column,
    *,
    null_tokens: Sequence[str],
    required_null_tokens: Sequence[str],
    zone: ZoneInfo,
) -> ParsedColumn:
    """Parse the cells of one column.

    Args:
        cells: Text a row, None for null.
        column: Its contract.
        null_tokens: Texts that mean null in every column.
        required_null_tokens: Further texts, in any case and trimmed, that mean null in a
            required text column.
        zone: The business clock; a timestamp that carries a zone is moved onto it.
    """
    bad = np.zeros(len(cells), dtype=bool)
    bad[unstorable(cells)] = True
    if bad.any():
        cells = [None if is_bad else cell for cell, is_bad in zip(cells, bad, strict=True)]
    raw = pa.array(cells, type=pa.large_string())
    text = pc.utf8_trim_whitespace(raw)
    null = pc.is_in(text, value_set=pa.array(list(null_tokens), type=pa.large_string()))
    if column.kind == "text" and column.required:
        tokens = pa.array([t.lower() for t in required_null_tokens], type=pa.large_string())
        null = pc.or_(null, pc.is_in(pc.utf8_lower(text), value_set=tokens))
    source = raw if column.kind == "text" and not column.canonical else text
    parsed = _PARSERS[column.kind](_without(source, null), column, zone)
    if bad.any():
        parsed.faults["type"] = parsed.faults.get("type", np.zeros(len(cells), bool)) | bad
    return parsed


def _parse_text(text: pa.Array, column: Column, _: ZoneInfo) -> ParsedColumn:
    if column.canonical:
        form = column.canonical
        values = [None if v is None else canonical(v, form) for v in text.to_pylist()]
        text = pa.array(values, type=pa.large_string())
    return ParsedColumn(_series(text, "str"), text)


def _parse_integer(text: pa.Array, column: Column, _: ZoneInfo) -> ParsedColumn:
    text = _plain_digits(text)
    good = _matches(text, INTEGER)
    digits = pc.replace_substring_regex(_where(text, good), r"^\+|\.0*$", "")
    digits = pc.replace_substring_regex(digits, r"^(-?)0+([0-9])", r"\1\2")
    small = pc.less_equal(pc.utf8_length(digits), MAXIMUM_INTEGER_DIGITS)
    values = pc.cast(_where(digits, _true(small)), pa.int64())
    faults = {"type": _present(text) & ~good, "range": good & ~_true(small)}
    return ParsedColumn(_series(values, "Int64"), values, _only_hits(faults))


def _parse_number(text: pa.Array, column: Column, _: ZoneInfo) -> ParsedColumn:
    good = _matches(text, NUMBER)
    number = _where(text, good)
    values = pc.cast(pc.replace_substring_regex(number, r"^\+", ""), pa.float64())
    faults = {"type": _present(text) & ~good}
    huge = _true(pc.greater(pc.abs(values), MAXIMUM_NUMBER))
    if huge.any():
        faults["range"] = huge
        number, values = _where(number, ~huge), _where(values, ~huge)
    if column.scale is not None:
        number, faults["format"] = _to_scale(number, column.scale)
    return ParsedColumn(_series(values, "Float64"), number, _only_hits(faults))


def _to_scale(number: pa.Array, scale: int) -> tuple[pa.Array, Mask]:
    """Undo binary noise beyond the scale; what has real digits there is a fault."""
    faulty = np.zeros(len(number), dtype=bool)
    odd = _matches(number, rf"[eE]|\.[0-9]{{{scale}}}[0-9]*[1-9]")
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


def _parse_boolean(text: pa.Array, column: Column, _: ZoneInfo) -> ParsedColumn:
    lowered = pc.utf8_lower(text)
    words = pa.array(list(BOOLEANS), type=pa.large_string())
    position = pc.index_in(lowered, value_set=words)
    values = pc.take(pa.array(list(BOOLEANS.values())), position)
    faults = {"type": _present(text) & ~_present(values)}
    return ParsedColumn(_series(values, "boolean"), values, _only_hits(faults))


def _parse_date(text: pa.Array, column: Column, _: ZoneInfo) -> ParsedColumn:
    moments = _moments(_where(text, _matches(text, DATE)))
    stored = pc.cast(pa.Array.from_pandas(moments), pa.date32())
    faults = {"type": _present(text) & moments.isna().to_numpy()}
    return ParsedColumn(moments, stored, _only_hits(faults))


def _parse_timestamp(text: pa.Array, column: Column, zone: ZoneInfo) -> ParsedColumn:
    moments = _moments(_on_clock(_where(text, _matches(text, TIMESTAMP)), zone))
    faults = {"type": _present(text) & moments.isna().to_numpy()}
    return ParsedColumn(moments, pa.Array.from_pandas(moments), _only_hits(faults))


def _on_clock(text: pa.Array, zone: ZoneInfo) -> pa.Array:
    zoned = _matches(text, ZONED)
    if not zoned.any():
        return text
    texts = text.to_pylist()
    for row in np.flatnonzero(zoned):
        try:
            moment = datetime.fromisoformat(texts[row]).astimezone(zone)
            texts[row] = moment.replace(tzinfo=None).isoformat(sep=" ")
        except (ValueError, OverflowError):
            texts[row] = None
    return pa.array(texts, type=pa.large_string())


def _moments(text: pa.Array) -> pd.Series:
    strings = pd.Series(text.to_pandas(), dtype="str")
    parsed = pd.to_datetime(strings, format="ISO8601", errors="coerce")
    return parsed.astype("datetime64[us]")


def _plain_digits(text: pa.Array) -> pa.Array:
    """Write whole numbers in exponent form (`1e3`) out; leave the rest."""
    odd = _matches(text, r"^[+-]?[0-9](\.[0-9]*)?[eE]\+?[0-9]{1,2}$")
    if not odd.any():
        return text
    texts = text.to_pylist()
    for row in np.flatnonzero(odd):
        number = Decimal(texts[row])
        if number == number.to_integral_value():
            texts[row] = format(number.to_integral_value(), "f")
    return pa.array(texts, type=pa.large_string())


def _matches(text: pa.Array, pattern: str) -> Mask:
    return _true(pc.match_substring_regex(text, pattern))


def _true(condition: pa.Array) -> Mask:
    """A condition as a mask; null counts as false."""
    mask: Mask = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    return mask


def _present(values: pa.Array) -> Mask:
    mask: Mask = pc.is_valid(values).to_numpy(zero_copy_only=False)
    return mask


def _where(values: pa.Array, keep: Mask) -> pa.Array:
    """The values with null wherever they are not kept."""
    return pc.if_else(pa.array(keep), values, pa.scalar(None, type=values.type))


def _without(values: pa.Array, drop: pa.Array) -> pa.Array:
    return pc.if_else(drop, pa.scalar(None, type=values.type), values)


def _series(values: pa.Array, dtype: str) -> pd.Series:
    return pd.Series(values.to_pandas(), dtype=dtype)


def _only_hits(faults: dict[str, Mask]) -> dict[str, Mask]:
    return {rule: mask for rule, mask in faults.items() if mask.any()}


_PARSERS: dict[str, Callable[[pa.Array, Column, ZoneInfo], ParsedColumn]] = {
    "text": _parse_text,
    "integer": _parse_integer,
    "number": _parse_number,
    "boolean": _parse_boolean,
    "date": _parse_date,
    "timestamp": _parse_timestamp,
}
