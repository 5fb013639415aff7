"""From columns to the bytes of a CSV or JSON file.

Here: quoting, escaping, nulls and the joining of cells to rows, for whole columns at once. The
JSON form is an array with one object a line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from fastfeast_assets.simulate.table import Column, joined

FileFormat = Literal["csv", "json"]


def cells(column: Column, file_format: FileFormat, *, as_floats: bool = False) -> Any:
    """Returns a column's cells as they stand in the file.

    Args:
        column: The values.
        file_format: `csv` or `json`.
        as_floats: True to write integers as `35.0`.

    Returns:
        A pyarrow string array without nulls.
    """
    text = joined(column.text, ".0") if as_floats else column.text
    if file_format == "csv":
        text = _csv_escaped(text) if column.kind == "text" else text
        return pc.fill_null(text, "")
    if column.kind == "boolean":
        text = pc.utf8_lower(text)
    elif column.kind == "safe":
        text = joined('"', text, '"')
    elif column.kind == "text":
        text = _json_escaped(text)
    return pc.fill_null(text, "null")


def cell(value: object, file_format: FileFormat) -> str:
    """Returns one value as it stands in the file; a float NaN gives a bare `NaN` in JSON."""
    if file_format == "json":
        return json.dumps(value, ensure_ascii=False)
    escaped: str = _csv_escaped(pa.array(["" if value is None else str(value)]))[0].as_py()
    return escaped


def _csv_escaped(text: Any) -> Any:
    needs_quotes = pc.match_substring_regex(text, '[",\r\n]')
    quoted = joined('"', pc.replace_substring(text, '"', '""'), '"')
    return pc.if_else(needs_quotes, quoted, text)


def _json_escaped(text: Any) -> Any:
    distinct = text.dictionary_encode()
    escaped = [json.dumps(word, ensure_ascii=False) for word in distinct.dictionary.to_pylist()]
    return pa.array(escaped, pa.string()).take(distinct.indices)


def rows(columns: Mapping[str, Any], file_format: FileFormat) -> Any:
    """Joins the cells of all columns to rows, each with its own line end.

    JSON rows begin with the comma that separates them from the row before.
    """
    parts: list[Any] = []
    for position, (name, values) in enumerate(columns.items()):
        if file_format == "csv":
            parts += ["," if position else "", values]
        else:
            key = json.dumps(name)
            parts += [f",\n{{{key}: " if position == 0 else f", {key}: ", values]
    return joined(*parts, "\n" if file_format == "csv" else "}")
