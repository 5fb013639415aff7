"""A refused row as the quarantine shows it: as it came, without personal values.

Belongs here: what becomes of each cell of such a row. Why the row is refused is for `verdict`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.ingest.chunks import Fault, TextChunk
from fastfeast_assets.ingest.mask import Masker, canonical
from fastfeast_assets.ingest.text import storable, storable_json

VALUE_CHARACTERS = 200
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class RawData:
    """Makes `quarantine.raw_data` of the rows of one source.

    Args:
        contract: The source's contract.
        masker: Hashes personal values.
        is_json: Whether the file was JSON, where numbers stay numbers.
    """

    def __init__(self, contract: Contract, masker: Masker, *, is_json: bool) -> None:
        self._contract = contract
        self._masker = masker
        self._is_json = is_json
        self._by_name: dict[str, Column] = {column.name: column for column in contract.columns}

    def of(self, chunk: TextChunk, offset: int) -> dict[str, object]:
        """The row as it came, by source column name, personal columns hashed.

        In a row with too many or too few fields no value is known to stand in its own column:
        where the source has personal columns, all its values are hashed.
        """
        is_shifted = is_malformed(chunk.faults.get(offset, []))
        hide_all = is_shifted and bool(self._contract.personal_columns)
        row: dict[str, object] = {
            name: self._shown(self._by_name[name], cells[offset], hide=hide_all)
            for name, cells in chunk.cells.items()
        }
        extra = chunk.extras.get(offset)
        if extra:
            row["_extra"] = self._loose(extra, hide=hide_all)
        if offset in chunk.surplus:
            row["_surplus"] = self._loose(chunk.surplus[offset], hide=hide_all)
        return row

    def _shown(self, column: Column, cell: str | None, *, hide: bool) -> object:
        if cell is None:
            return None
        if column.is_personal:
            value = canonical(cell, column.canonical)
            return self._masker.hash(value) if value not in self._contract.null_tokens else None
        if hide and not column.is_key:
            return self._masker.hash(cell)
        if self._is_json and column.kind in {"integer", "number"} and _JSON_NUMBER.fullmatch(cell):
            return _number(cell)
        if self._is_json and column.kind == "boolean" and cell in {"true", "false"}:
            return cell == "true"
        return self._masker.scrub(storable(cell))

    def _loose(self, value: object, *, hide: bool) -> object:
        if hide:
            return _hash_leaves(storable_json(value), self._masker.hash)
        return self._masker.scrub_json(storable_json(value))


def is_malformed(faults: Sequence[Fault]) -> bool:
    """Whether a row has too many or too few fields, or is none at all."""
    return any(fault.rule == "row" for fault in faults)


def _number(text: str) -> int | float | str:
    """A JSON number literal as a number, or the text where a number would not hold it."""
    if len(text) > VALUE_CHARACTERS:
        return text
    number = float(text) if re.search(r"[.eE]", text) else int(text)
    return number if math.isfinite(number) else text


def _hash_leaves(value: Any, hash_text: Callable[[str], str]) -> object:
    if isinstance(value, dict):
        return {key: _hash_leaves(item, hash_text) for key, item in value.items()}
    if isinstance(value, list):
        return [_hash_leaves(item, hash_text) for item in value]
    return None if value is None else hash_text(str(value))
