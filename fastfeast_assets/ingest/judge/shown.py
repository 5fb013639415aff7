"""How cells of a refused row are shown in clear: a value of its type as it came, text scrubbed.

Source of the rule: `4.166666666666667` in a column of ratings is a rating; the same digits where
anything may stand could be somebody's number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.contracts.pandera_schema import INTEGER_BITS
from fastfeast_assets.ingest.judge.extras import may_be_personal
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.ingest.judge.parsed import Mask, ParsedColumn
from fastfeast_assets.ingest.read.chunks import Fault, TextChunk
from fastfeast_assets.ingest.read.text import storable


class ShownCells:
    """The cells of one chunk as the quarantine may show them.

    Args:
        contract: The source's contract.
        masker: Scrubs.
        chunk: The rows as they came.
        parsed: Their columns.
    """

    def __init__(
        self,
        contract: Contract,
        masker: Masker,
        chunk: TextChunk,
        parsed: Mapping[str, ParsedColumn],
    ) -> None:
        self._masker = masker
        self._chunk = chunk
        self._plain = {
            column.name: _is_of_type(column, parsed[column.name])
            for column in contract.columns
            if column.kind != "text"
        }
        self._boundless = {
            column.name
            for column in contract.columns
            if column.kind == "number" and column.precision is None
        }

    def text(self, column: str, offset: int) -> str | None:
        """The cell as text that can be stored; None for null. Not for personal columns."""
        cell = self._chunk.cells[column][offset]
        if cell is None or self._is_plain(column, offset, cell):
            return cell
        return storable(self._masker.scrub(cell))

    def _is_plain(self, column: str, offset: int, cell: str) -> bool:
        if column not in self._plain or not self._plain[column][offset]:
            return False
        if is_malformed(self._chunk.faults.get(offset, ())):
            return False
        # A type without bounds says nothing about the number; and none is written with a 0 or a +
        # in front, but telephone numbers are.
        trimmed = cell.strip()
        is_suspect = column in self._boundless or trimmed[:1] in {"0", "+"}
        is_number = trimmed[:1].isdigit() or trimmed[:1] == "+"
        return not (is_suspect and is_number and may_be_personal(trimmed))


def is_malformed(faults: Sequence[Fault]) -> bool:
    """Whether a row has too many or too few fields, or is none at all."""
    return any(fault.rule == "row" for fault in faults)


def _is_of_type(column: Column, parsed: ParsedColumn) -> Mask:
    """Which cells are values of the column's physical type, whatever else is wrong with them."""
    good: Mask = parsed.typed.notna().to_numpy(dtype=bool)
    if "type" in parsed.faults:
        good = good & ~parsed.faults["type"]
    limit: float | None = None
    if column.kind == "integer":
        limit = 2 ** (INTEGER_BITS[column.physical_type] - 1)
    elif column.scale is not None and column.precision is not None:
        limit = 10 ** (column.precision - column.scale)
    if limit is not None:
        size = np.abs(parsed.typed.to_numpy(dtype=float, na_value=np.nan))
        good = good & (size < limit)
    return good
