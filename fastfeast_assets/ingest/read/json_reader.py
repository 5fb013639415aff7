"""JSON as text chunks: an array of objects, one object, or one object after another.

The standard library's C scanner decodes one object at a time, so memory does not depend on the
file. It accepts bare `NaN`, keeps the digits of every number as they stand, and lets repeated
keys be seen, none of which the faster parsers do.
"""

from __future__ import annotations

import io
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.read.chunks import BareWord, Cell, Fault, NumberText, TextChunk
from fastfeast_assets.ingest.read.header import disguised, missing_columns
from fastfeast_assets.ingest.read.json_decoder import (
    RepeatedKeys,
    TooDeep,
    pairs_of,
    spelled_out,
    written,
)
from fastfeast_assets.ingest.read.json_lines import BadLine
from fastfeast_assets.ingest.read.json_shape import TOO_DEEP, shape_of
from fastfeast_assets.ingest.read.json_values import Values
from fastfeast_assets.ingest.read.limits import CHUNK_BYTES, MAXIMUM_NAMES

_CELLS = frozenset({str, NumberText, BareWord, type(None)})
_SCALARS = _CELLS | {bool}
_NUMBER_STARTS = frozenset("-0123456789")
_NOTHING: dict[str, object] = {}
_WORDS = {True: BareWord("true"), False: BareWord("false")}


@dataclass(frozen=True)
class _Refusal:
    """A row that is refused: what of it is shown in its columns, why, and what beside them."""

    values: Mapping[str, object]
    faults: list[Fault]
    surplus: list[object]


class JsonReader:
    """A file of JSON objects.

    Args:
        text: The decoded file.
        columns: The contracted columns; each must be a key of at least one object.
        chunk_rows: Most rows a chunk; large ones end it sooner.
    """

    def __init__(self, text: io.TextIOBase, columns: Sequence[str], chunk_rows: int) -> None:
        self._columns = columns
        self._known = frozenset(columns)
        self._chunk_rows = chunk_rows
        self._values = Values(text)
        self._rows_read = 0
        self._missing = set(columns)
        self._has_objects = False
        self._has_unread = False
        self._extra_names: set[str] = set()
        self._disguised: dict[str, str] = {}

    def chunks(self) -> Iterator[TextChunk]:
        """Yield the objects as rows; an empty array yields nothing.

        Raises:
            FileRejectedError: Empty, neither array nor object, malformed, truncated, text after
                the end, a contracted column in no object, an object over 4 Mi characters, more
                than 1,000 names that the contract does not know.
        """
        values = iter(self._values)
        while len(chunk := self._chunk(values)):
            yield chunk
        # Where the names of no row could be read, none is known to be missing.
        is_known = self._has_objects or not self._has_unread
        if self._rows_read and self._missing and is_known:
            found = self._known - self._missing | self._extra_names
            raise FileRejectedError(missing_columns(self._columns, found))

    def _chunk(self, values: Iterator[object]) -> TextChunk:
        first_row = self._rows_read + 1
        rows: list[Mapping[str, object]] = []
        extras: dict[int, dict[str, object]] = {}
        refused: dict[int, _Refusal] = {}
        bad_bytes: set[int] = set()
        enough_read = self._values.memory_read + CHUNK_BYTES
        for value in values:
            offset = len(rows)
            self._rows_read += 1
            if self._values.has_bad_bytes(value):
                bad_bytes.add(offset)
            if type(value) is dict and (extra := self._extra(value)) is not None:
                if extra:
                    extras[offset] = extra
                rows.append(value)
            else:
                refused[offset] = self._refusal(value)
                rows.append(refused[offset].values)
            if isinstance(value, dict):
                self._has_objects = True
                self._missing.difference_update(value if self._missing else ())
            if len(rows) == self._chunk_rows or self._values.memory_read > enough_read:
                break
        faults = {offset: row.faults for offset, row in refused.items()}
        surplus = {offset: row.surplus for offset, row in refused.items() if row.surplus}
        cells = {name: self._cells(rows, name, faults) for name in self._columns}
        return TextChunk(first_row, cells, extras, faults, surplus, frozenset(bad_bytes))

    def _cells(
        self, rows: list[Mapping[str, object]], column: str, faults: dict[int, list[Fault]]
    ) -> list[Cell]:
        values = [row.get(column) for row in rows]
        if not _CELLS.issuperset(map(type, values)):
            for offset, value in enumerate(values):
                if isinstance(value, bool):
                    values[offset] = _WORDS[value]
                elif isinstance(value, dict | list):
                    text = values[offset] = written(value)
                    faults.setdefault(offset, []).append(Fault(column, "type", text))
        return cast("list[Cell]", values)

    def _extra(self, value: dict[str, object]) -> dict[str, object] | None:
        """What the contract does not know in an object, or None when the row is to be refused.

        Numbers within, and in arrays and objects of the row, are made to be told from texts.
        """
        is_flat = _SCALARS.issuperset(map(type, value.values()))
        if is_flat and value.keys() <= self._known:
            return _NOTHING
        extra = {name: item for name, item in value.items() if name not in self._known}
        if not is_flat or not extra.keys() <= self._extra_names:
            shape = shape_of(value, self._known)
            if shape.problem or shape.has_inner_repeats:
                return None
            self._extra_names.update(extra)
            self._ensure_few_names()
            self._disguised.update(disguised(self._known, extra))
        if self._disguised and self._hidden_column(value) is not None:
            return None
        if not is_flat or any(map(_may_be_number, extra.values())):
            exact = cast("dict[str, object]", self._values.exact())
            extra = {name: exact[name] for name in extra}
            nested = [name for name, item in value.items() if isinstance(item, dict | list)]
            value.update((name, exact[name]) for name in nested)
        return extra

    def _hidden_column(self, value: Mapping[str, object]) -> str | None:
        """A contracted column that an object lacks and whose name it nearly has."""
        pairs = self._disguised.items()
        return next((known for name, known in pairs if name in value and known not in value), None)

    def _ensure_few_names(self) -> None:
        if len(self._extra_names) > MAXIMUM_NAMES:
            raise FileRejectedError(
                f"over {MAXIMUM_NAMES} names that the contract does not know, up to row"
                f" {self._rows_read}; export what varies from row to row as values, not as names"
            )

    def _refusal(self, value: object) -> _Refusal:
        if isinstance(value, BadLine):
            return self._refused(f"the line is no JSON object: {value.problem}", value.text)
        if isinstance(value, TooDeep):
            self._has_unread |= value.is_object
            return self._refused(TOO_DEEP)
        shape = shape_of(value, self._known)
        if shape.problem:
            return replace(self._refused(shape.problem), values=self._scalars(value))
        exact = self._values.exact()
        if not isinstance(exact, dict):
            return self._refused("not an object", spelled_out(exact))
        if not isinstance(exact, RepeatedKeys) and (column := self._hidden_column(exact)):
            problem = "its name stands there in another spelling"
            extras = [[n, spelled_out(item)] for n, item in exact.items() if n not in self._known]
            return _Refusal(self._scalars(exact), [Fault(column, "row", problem)], list(extras))
        return self._ambiguous(exact)

    def _refused(self, problem: str, *surplus: object) -> _Refusal:
        return _Refusal({}, [Fault(self._columns[0], "row", problem)], list(surplus))

    def _ambiguous(self, value: dict[str, object]) -> _Refusal:
        """A row in which a key is repeated, with all pairs: which are meant is unknown."""
        repeated = value.repeated if isinstance(value, RepeatedKeys) else set()
        faults = [Fault(name, "row", "key repeated") for name in self._columns if name in repeated]
        if not faults:
            place = "not contracted" if repeated else "within a value"
            faults = [Fault(self._columns[0], "row", f"a key that is {place} is repeated")]
        surplus: list[object] = [[name, spelled_out(item)] for name, item in pairs_of(value)]
        return _Refusal(self._scalars(value, without=repeated), faults, surplus)

    def _scalars(self, value: object, *, without: Container[str] = ()) -> dict[str, object]:
        """The contracted values of a refused row that can be shown as they are."""
        if not isinstance(value, dict):
            return {}
        return {
            name: item
            for name in self._columns
            if name not in without and type(item := value.get(name)) in _SCALARS
        }


def _may_be_number(value: object) -> bool:
    return isinstance(value, str) and value[:1] in _NUMBER_STARTS
