"""Quarantined rows judged again, from what the quarantine kept of them.

The quarantine holds a row as it came, but for personal values, of which it has hashes. So a
personal column that nothing was wrong with is taken over as its hash; where something was, the
value that would have to be looked at is gone, and only the file has it. The same goes for a row
whose values do not stand in their columns, and for text that was altered to be stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.ingest.judge.extras import as_hidden
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.ingest.judge.suppressed import MARK
from fastfeast_assets.ingest.judge.verdict import Judge, RejectedRow, Verdict
from fastfeast_assets.ingest.read.chunks import BareWord, Cell, NumberText, TextChunk

EXTRA, SURPLUS = "_extra", "_surplus"
ERASED_PERSON = "its person was erased"
# What was hidden is written in upper case, and joins with nobody.
_HASH = re.compile(r"[0-9a-f]{64}")
_HIDDEN = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class HeldRow:
    """A row of the quarantine.

    Attributes:
        raw_data: Its JSON text; as text, so that numbers keep their digits.
    """

    quarantine_id: int
    row_number: int
    reasons: Sequence[Mapping[str, Any]]
    raw_data: str

    @property
    def is_repeated(self) -> bool:
        """Whether it was refused as a duplicate, beside other things."""
        return any(reason["rule"] == "duplicate" for reason in self.reasons)

    def values(self) -> dict[str, Any]:
        """Its values by source column name; numbers as the text that stood in the file."""
        values: dict[str, Any] = json.loads(
            self.raw_data, parse_float=NumberText, parse_int=NumberText, object_hook=as_hidden
        )
        return values


def obstacle(contract: Contract, row: HeldRow) -> str | None:
    """Why a row cannot be judged from the quarantine, or None when it can."""
    values = row.values()
    if MARK in values:
        return ERASED_PERSON
    if SURPLUS in values or any(reason["rule"] == "row" for reason in row.reasons):
        return "its values do not stand in their columns"
    for column in contract.columns:
        value = _value(values, column)
        if value is None:
            continue
        rules = {reason["rule"] for reason in row.reasons if reason["column"] == column.name}
        if isinstance(value, dict | list):
            return f"{column.name} was not in the contract and its value was not kept"
        is_hash = isinstance(value, str) and _HASH.fullmatch(value) is not None
        if column.is_personal and (rules or not is_hash):
            return f"{column.name} is personal and its value was not kept"
        if not column.is_personal and _HIDDEN.search(str(value)):
            return f"what looked personal in {column.name} was hashed"
        if column.kind == "text" and "type" in rules:
            return f"{column.name} was altered to be stored"
    return None


def _value(values: Mapping[str, Any], column: Column) -> Any:
    """The value of a column; one that the contract has gained since stands among the extras."""
    if column.name in values:
        return values[column.name]
    extra = values.get(EXTRA)
    return extra.get(column.name) if isinstance(extra, dict) else None


class Rejudge:
    """Judges quarantined rows of one file by the contract as it is now.

    Args:
        contract: The source's contract.
        masker: Hashes what looks personal in new reasons.
        zone: The business clock.
        is_json: Whether the file was JSON.
    """

    def __init__(
        self, contract: Contract, masker: Masker, zone: ZoneInfo, *, is_json: bool
    ) -> None:
        self._contract = contract
        self._judge = Judge(_of_hashes(contract), masker, zone, is_json=is_json)

    def judge(self, rows: Sequence[HeldRow]) -> Verdict:
        """Judge rows without obstacle; the verdict's offsets are places in `rows`."""
        values = [row.values() for row in rows]
        cells = {
            column.name: [_cell(_value(row, column)) for row in values]
            for column in self._contract.columns
        }
        extras = {offset: extra for offset, row in enumerate(values) if (extra := self._extra(row))}
        return self._judge.judge(TextChunk(first_row=0, cells=cells, extras=extras))

    def refuse_repeats(self, verdict: Verdict, loaded: Any) -> None:
        """As `Judge.refuse_repeats`."""
        self._judge.refuse_repeats(verdict, loaded)

    def accepted(self, verdict: Verdict, rows: Sequence[HeldRow]) -> pa.Table:
        """The rows to load, under their own row numbers."""
        table = self._judge.accepted(verdict)
        place = table.column_names.index("_row_number")
        offsets = table.column(place).to_pylist()
        numbers = pa.array([rows[offset].row_number for offset in offsets], type=pa.int64())
        return table.set_column(place, "_row_number", numbers)

    def rejected(self, verdict: Verdict, offset: int) -> RejectedRow:
        """A row that is still refused; only stage, key, text and reasons are of use."""
        row = self._judge.rejected(verdict, offset)
        personal = {column.name for column in self._contract.personal_columns}
        reasons = [
            {name: item for name, item in reason.items() if name != "value"}
            if reason["column"] in personal
            else reason
            for reason in row.reasons
        ]
        return replace(row, reasons=reasons)

    def _extra(self, values: Mapping[str, Any]) -> dict[str, object]:
        """What the contract does not know, columns that it has lost since included."""
        extra = values.get(EXTRA)
        found = {name: value for name, value in values.items() if name != EXTRA}
        found |= extra if isinstance(extra, dict) else {}
        known = {column.name for column in self._contract.columns}
        return {name: value for name, value in found.items() if name not in known}


def _cell(value: Any) -> Cell:
    if isinstance(value, bool):
        return BareWord("true" if value else "false")
    return value if value is None else str(value)


def _of_hashes(contract: Contract) -> Contract:
    """The contract of rows whose personal values are hashes already."""
    columns = tuple(
        replace(
            column,
            kind="text",
            canonical=None,
            allowed=None,
            pattern=None,
            minimum=None,
            maximum=None,
            max_length=None,
            scale=None,
            is_personal=False,
        )
        if column.is_personal
        else column
        for column in contract.columns
    )
    return replace(contract, columns=columns)
