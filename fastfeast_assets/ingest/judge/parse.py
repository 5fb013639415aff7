"""Cells of text to typed columns, by contract. Nothing here raises over a value.

Each column gives a typed series for Pandera, an Arrow array of what is stored, and the masks of
cells that are no value of the type. Numbers are read in `quantities`, dates and times in `moments`.
"""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastfeast_assets.contracts.model import Column
from fastfeast_assets.ingest.judge.canonical import UUID, canonical
from fastfeast_assets.ingest.judge.moments import parse_date, parse_timestamp
from fastfeast_assets.ingest.judge.parsed import (
    ParsedColumn,
    matches,
    only_hits,
    present,
    series,
)
from fastfeast_assets.ingest.judge.quantities import parse_integer, parse_number
from fastfeast_assets.ingest.read.chunks import BareWord
from fastfeast_assets.ingest.read.text import unstorable

BOOLEANS = {
    "true": True, "t": True, "yes": True, "1": True, "1.0": True,
    "false": False, "f": False, "no": False, "0": False, "0.0": False,
}  # fmt: skip


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
        zone: The business clock; a timestamp that carries an offset is moved onto it.
    """
    bad = np.zeros(len(cells), dtype=bool)
    bad[unstorable(cells)] = True
    if column.kind == "text" and BareWord in set(map(type, cells)):
        bad |= np.fromiter((type(cell) is BareWord for cell in cells), dtype=bool)
    if bad.any():
        cells = [None if is_bad else cell for cell, is_bad in zip(cells, bad, strict=True)]
    raw = pa.array(cells, type=pa.large_string())
    text = pc.utf8_trim_whitespace(raw)
    null = pc.is_in(text, value_set=pa.array(list(null_tokens), type=pa.large_string()))
    if column.kind == "text" and column.required:
        tokens = pa.array([t.lower() for t in required_null_tokens], type=pa.large_string())
        null = pc.or_(null, pc.is_in(pc.utf8_lower(text), value_set=tokens))
    source = raw if column.kind == "text" and not column.canonical else text
    parsed = _parse(pc.if_else(null, pa.scalar(None, type=raw.type), source), column, zone)
    if bad.any():
        parsed.faults["type"] = parsed.faults.get("type", np.zeros(len(cells), bool)) | bad
    return parsed


def _parse(text: pa.Array, column: Column, zone: ZoneInfo) -> ParsedColumn:
    match column.kind:
        case "text":
            return _parse_text(text, column)
        case "integer":
            return parse_integer(text)
        case "number":
            return parse_number(text, column)
        case "boolean":
            return _parse_boolean(text)
        case "date":
            return parse_date(text)
        case "timestamp":
            return parse_timestamp(text, zone)


def _parse_text(text: pa.Array, column: Column) -> ParsedColumn:
    if column.canonical == "uuid":
        text = pc.ascii_lower(text)
        faults = {"format": present(text) & ~matches(text, UUID)}
        return ParsedColumn(series(text, "str"), text, only_hits(faults))
    if column.canonical:
        form = column.canonical
        values = [None if v is None else canonical(v, form) for v in text.to_pylist()]
        text = pa.array(values, type=pa.large_string())
    return ParsedColumn(series(text, "str"), text)


def _parse_boolean(text: pa.Array) -> ParsedColumn:
    words = pa.array(list(BOOLEANS), type=pa.large_string())
    position = pc.index_in(pc.utf8_lower(text), value_set=words)
    values = pc.take(pa.array(list(BOOLEANS.values())), position)
    faults = {"type": present(text) & ~present(values)}
    return ParsedColumn(series(values, "boolean"), values, only_hits(faults))
