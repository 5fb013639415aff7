"""A chunk in, a verdict out: the rows to load, the rows to quarantine and every reason.

Order of judgement: the reader's faults, the cells' types, Pandera's checks by contract. Repeated
keys are judged afterwards by `repeats`, because they need to know what the file already loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.compute as pc

from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.contracts.pandera_schema import to_pandera, violations
from fastfeast_assets.ingest.judge.extras import Extras
from fastfeast_assets.ingest.judge.mask import Masker, scrub_column
from fastfeast_assets.ingest.judge.parse import parse_column
from fastfeast_assets.ingest.judge.parsed import Mask, ParsedColumn
from fastfeast_assets.ingest.judge.raw_data import RawData
from fastfeast_assets.ingest.judge.readings import readings
from fastfeast_assets.ingest.judge.shown import ShownCells, is_malformed
from fastfeast_assets.ingest.judge.suppressed import MARK, NOBODY, Suppressed, blanked
from fastfeast_assets.ingest.read.chunks import Fault, TextChunk
from fastfeast_assets.ingest.read.json_decoder import written
from fastfeast_assets.ingest.read.text import storable

VALUE_CHARACTERS = 200
SCHEMA_RULES = frozenset({"type", "required", "allowed", "row"})


@dataclass(frozen=True)
class Reason:
    """Why a row is refused: the column, the rule it breaks and what stood there.

    `value` is None for null and for columns that are not shown.
    """

    column: str
    rule: str
    value: str | None

    def as_json(self, *, is_hidden: bool) -> dict[str, str | None]:
        """The entry of `quarantine.reasons`; without value for a column that is not shown."""
        entry: dict[str, str | None] = {"column": self.column, "rule": self.rule}
        return entry if is_hidden else {**entry, "value": self.value}


@dataclass(frozen=True)
class RejectedRow:
    """One row for the quarantine, free of personal values and of what PostgreSQL cannot hold."""

    row_number: int
    primary_key: str | None
    stage: str
    text: str
    reasons: list[dict[str, str | None]]
    raw_data: dict[str, object]


@dataclass(frozen=True)
class Verdict:
    """The judgement over one chunk.

    Attributes:
        chunk: The rows as they came.
        keys: Canonical key text a row, None where it cannot be read.
        reasons: Row offset -> everything that is wrong with the row.
        shown: The cells as the quarantine may show them.
        is_erased: Which rows are those of persons who were erased.
        stored: Stored column name -> Arrow array of all rows, free text scrubbed, personal
            columns in clear: only `Judge` sees it, `Judge.accepted` hashes it.
    """

    chunk: TextChunk
    keys: list[str | None]
    reasons: dict[int, list[Reason]]
    shown: ShownCells
    is_erased: Mask
    stored: dict[str, pa.Array] = field(repr=False)

    @property
    def is_accepted(self) -> Mask:
        """Which rows nothing is wrong with, as far as this chunk can tell."""
        accepted = np.ones(len(self.chunk), dtype=bool)
        accepted[list(self.reasons)] = False
        return accepted


class Judge:
    """Judges the chunks of one source by its contract.

    Args:
        contract: The source's contract.
        masker: Hashes personal values.
        zone: The business clock.
        suppressed: Persons who were erased.
        is_json: Whether the file was JSON, where numbers in the quarantine stay numbers.
    """

    def __init__(
        self,
        contract: Contract,
        masker: Masker,
        zone: ZoneInfo,
        suppressed: Suppressed = NOBODY,
        *,
        is_json: bool,
    ) -> None:
        self._contract = contract
        self._masker = masker
        self._zone = zone
        self._suppressed = suppressed
        self._extras = Extras(contract, masker, is_json=is_json)
        self._raw_data = RawData(contract, masker, self._extras, is_json=is_json)
        self._columns = {column.name: column for column in contract.columns}
        self._schema: pandera.DataFrameSchema = to_pandera(contract)

    def judge(self, chunk: TextChunk) -> Verdict:
        """Judge a chunk; never raises over a value."""
        parsed = {column.name: self._parse(chunk, column) for column in self._contract.columns}
        frame = pd.DataFrame({name: column.typed for name, column in parsed.items()})
        frame = frame.assign(**readings(self._contract, parsed, self._zone))
        shown = ShownCells(self._contract, self._masker, chunk, parsed)
        found: dict[int, list[Reason]] = {}
        is_whole = np.ones(len(chunk), dtype=bool)
        unreadable = {name: np.zeros(len(chunk), dtype=bool) for name in parsed}
        for offset, faults in chunk.faults.items():
            found[offset] = [self._reason_of(fault) for fault in faults]
            is_whole[offset] = not is_malformed(faults)
            for fault in faults:
                if fault.rule == "type":
                    unreadable[fault.column][offset] = True
        for name, column in parsed.items():
            for rule, mask in column.faults.items():
                self._add(found, shown, name, rule, mask & is_whole)
                unreadable[name] |= mask & column.typed.isna().to_numpy()
        for name, rule, mask in violations(self._schema, self._contract, frame):
            self._add(found, shown, name, rule, mask & ~unreadable[name] & is_whole)
        stored = {c.stored_as: self._stored(c, parsed[c.name]) for c in self._contract.columns}
        key = self._contract.key
        keys = stored[key.stored_as].cast(pa.large_string()).to_pylist()
        for offset, reasons in found.items():
            # Of a malformed row no value is known to stand in its column.
            if not is_whole[offset] or any(reason.column == key.name for reason in reasons):
                keys[offset] = None
        is_erased = self._suppressed.among(
            self._contract, chunk, stored, [hasher.hash_many for hasher in self._masker.hashers()]
        )
        return Verdict(chunk, keys, found, shown, is_erased, stored)

    def _parse(self, chunk: TextChunk, column: Column) -> ParsedColumn:
        return parse_column(
            chunk.cells[column.name],
            column,
            null_tokens=self._contract.null_tokens,
            required_null_tokens=self._contract.required_null_tokens,
            zone=self._zone,
        )

    def _add(
        self,
        found: dict[int, list[Reason]],
        shown: ShownCells,
        name: str,
        rule: str,
        mask: Mask,
    ) -> None:
        for offset in np.flatnonzero(mask).tolist():
            reasons = found.setdefault(offset, [])
            if not any(r.column == name and r.rule == rule for r in reasons):
                reasons.append(Reason(name, rule, self._value(shown, name, offset)))

    def _value(self, shown: ShownCells, name: str, offset: int) -> str | None:
        return _cut(shown.text(name, offset)) if self._columns[name].is_shown else None

    def _reason_of(self, fault: Fault) -> Reason:
        """What the reader refuses; the column may be one that the contract does not know."""
        column = self._columns.get(fault.column)
        name = self._extras.name(fault.column) if column is None else column.name
        is_shown = fault.value is not None and (column is None or column.is_shown)
        value = storable(self._masker.scrub(fault.value)) if is_shown and fault.value else None
        return Reason(name, fault.rule, _cut(value))

    def _stored(self, column: Column, parsed: ParsedColumn) -> pa.Array:
        if not column.is_free_text:
            return parsed.stored
        return scrub_column(parsed.stored, self._scrub(column), column.max_length)

    def _scrub(self, column: Column) -> Callable[[str], str]:
        """How free text is scrubbed: what is compared between loads must be the same in each."""
        if column.is_key or column.reference is not None:
            return self._masker.scrub_name
        # A member whose name changed with every snapshot would have a version a day.
        is_snapshot = self._contract.cadence == "batch"
        return self._masker.scrub_lasting if is_snapshot else self._masker.scrub

    def refuse_repeats(self, verdict: Verdict, loaded: Container[str]) -> None:
        """Add the reason `duplicate` to every row whose key an earlier valid row has.

        The first valid row of a key stays, so that a key is not lost because the row before it
        was refused for something else.

        Args:
            verdict: The judged chunk; changed in place.
            loaded: Keys that earlier chunks of the same file loaded.
        """
        name = self._contract.key.name
        first: set[str] = set()
        for offset, key in enumerate(verdict.keys):
            if key is None:
                continue
            if key in first or key in loaded:
                value = self._value(verdict.shown, name, offset)
                verdict.reasons.setdefault(offset, []).append(Reason(name, "duplicate", value))
            elif offset not in verdict.reasons:
                first.add(key)

    def accepted(self, verdict: Verdict) -> pa.Table:
        """The rows to load: stored columns, personal ones hashed, then `_row_number`, `_extra`."""
        chosen = pa.array(np.flatnonzero(verdict.is_accepted))
        is_erased = verdict.is_erased[verdict.is_accepted]
        columns: dict[str, pa.Array] = {}
        for column in self._contract.columns:
            values = verdict.stored[column.stored_as].take(chosen)
            if column.is_personal:
                # Nothing of an erased person is hashed, so that no pair of hashes is noted either.
                values = pc.if_else(pa.array(is_erased), pa.scalar(None, values.type), values)
                hashes = self._masker.hash_many(values.to_pylist())
                values = pa.array(hashes, type=pa.large_string())
            columns[column.stored_as] = blanked(column, values, is_erased)
        offsets = chosen.to_numpy()
        columns["_row_number"] = pa.array(offsets + verdict.chunk.first_row)
        extras = [
            None if verdict.is_erased[offset] else self._extra(verdict.chunk, int(offset))
            for offset in offsets
        ]
        columns["_extra"] = pa.array(extras, type=pa.large_string())
        return pa.table(columns)

    def _extra(self, chunk: TextChunk, offset: int) -> str | None:
        extra = chunk.extras.get(offset)
        if not extra:
            return None
        return written(self._extras.of(extra))

    def extra_names(self, verdict: Verdict) -> Iterator[str]:
        """The uncontracted names of the chunk, each once, without personal values."""
        extras = verdict.chunk.extras.values()
        yield from map(self._extras.name, dict.fromkeys(name for extra in extras for name in extra))

    def rejected(self, verdict: Verdict, offset: int) -> RejectedRow:
        """One refused row as the quarantine keeps it."""
        reasons = verdict.reasons[offset]
        hidden = self._contract.hidden_columns
        if verdict.is_erased[offset]:
            return self._rejected_without_person(verdict, offset, reasons)
        return RejectedRow(
            row_number=verdict.chunk.first_row + offset,
            primary_key=verdict.keys[offset],
            stage=_stage(reasons),
            text="; ".join(self._explain(reason, hidden) for reason in reasons),
            reasons=[r.as_json(is_hidden=r.column in hidden) for r in reasons],
            raw_data=self._raw_data.of(
                verdict.chunk, verdict.shown, offset, {reason.column for reason in reasons}
            ),
        )

    def _rejected_without_person(
        self, verdict: Verdict, offset: int, reasons: Sequence[Reason]
    ) -> RejectedRow:
        """Of a person who was erased: which row it was and what was wrong, not what stood there."""
        key = verdict.keys[offset]
        return RejectedRow(
            row_number=verdict.chunk.first_row + offset,
            primary_key=key,
            stage=_stage(reasons),
            text="; ".join(f"{reason.column}: {reason.rule}" for reason in reasons),
            reasons=[reason.as_json(is_hidden=True) for reason in reasons],
            raw_data={self._contract.key.name: key, MARK: True},
        )

    def _explain(self, reason: Reason, hidden: frozenset[str]) -> str:
        shown = reason.value and reason.column not in hidden
        return f"{reason.column}: {reason.rule}" + (f" ({reason.value})" if shown else "")


def _stage(reasons: Sequence[Reason]) -> str:
    return "schema" if any(reason.rule in SCHEMA_RULES for reason in reasons) else "records"


def _cut(value: str | None) -> str | None:
    if value is None or len(value) <= VALUE_CHARACTERS:
        return value
    return value[:VALUE_CHARACTERS] + "…"
