"""JSON as text chunks: an array of objects, one object, or one object after another.

The standard library's C scanner decodes one object at a time out of a sliding window, so memory
does not depend on the file. It accepts bare `NaN`, keeps the digits of every number as they
stand, and lets repeated keys be seen, none of which the faster parsers do.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence

from fastfeast_assets.ingest.chunks import Cell, Fault, TextChunk
from fastfeast_assets.ingest.errors import FileRejectedError

WINDOW_CHARACTERS = 1 << 20
MAXIMUM_RECORD_CHARACTERS = 64 << 20
_SPACE = re.compile(r"[ \t\r\n]*")
_TEXT_OR_NULL = frozenset({str, type(None)})


class JsonReader:
    """A file of JSON objects.

    Args:
        text: The decoded file.
        columns: The contracted columns; each must be a key of at least one object.
        chunk_rows: Rows a chunk.
    """

    def __init__(self, text: io.TextIOBase, columns: Sequence[str], chunk_rows: int) -> None:
        self._columns = columns
        self._known = frozenset(columns)
        self._chunk_rows = chunk_rows
        self._values = _Values(text)

    def chunks(self) -> Iterator[TextChunk]:
        """Yield the objects as rows; an empty array yields nothing.

        Raises:
            FileRejectedError: Empty, neither array nor object, malformed, truncated, text after
                the end, a contracted column in no object, an object over 64 Mi characters.
        """
        missing = set(self._columns)
        first_row = 1
        while values := self._values.take(self._chunk_rows):
            for value in values:
                if not missing:
                    break
                if isinstance(value, dict):
                    missing.difference_update(value)
            yield self._chunk(values, first_row)
            first_row += len(values)
        if first_row > 1 and missing:
            names = ", ".join(name for name in self._columns if name in missing)
            raise FileRejectedError(f"contracted columns are missing: {names}")

    def _chunk(self, values: list[object], first_row: int) -> TextChunk:
        faults: dict[int, list[Fault]] = {}
        surplus: dict[int, list[object]] = {}
        extras: dict[int, dict[str, object]] = {}
        rows: list[dict[str, object]] = []
        for offset, value in enumerate(values):
            if not isinstance(value, dict):
                faults[offset] = [Fault(self._columns[0], "row", "not an object")]
                surplus[offset] = [value]
                rows.append({})
                continue
            rows.append(value)
            if isinstance(value, _RepeatedKeys):
                faults[offset] = [Fault(name, "row", "key repeated") for name in value.repeated]
                surplus[offset] = [list(pair) for pair in value.pairs]
            if len(value) > len(self._columns) or not value.keys() <= self._known:
                extras[offset] = {k: v for k, v in value.items() if k not in self._known}
        cells: dict[str, list[Cell]] = {}
        for name in self._columns:
            column = [row.get(name) for row in rows]
            if not _TEXT_OR_NULL.issuperset(map(type, column)):
                column = [_text(cell, row, name, faults) for row, cell in enumerate(column)]
            cells[name] = column  # type: ignore[assignment]
        return TextChunk(first_row, cells, extras, faults, surplus)


def _text(cell: object, offset: int, column: str, faults: dict[int, list[Fault]]) -> Cell:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = json.dumps(cell, ensure_ascii=False)
    faults.setdefault(offset, []).append(Fault(column, "type", text))
    return text


class _RepeatedKeys(dict[str, object]):
    """An object in which a key stands more than once: which value is meant is unknown."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.pairs = pairs
        self.repeated = sorted({name for name in names if names.count(name) > 1})


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    return value if len(value) == len(pairs) else _RepeatedKeys(pairs)


def _constant(name: str) -> str | None:
    return None if name == "NaN" else name


class _Values:
    """The values of a JSON text, one at a time out of a window that slides over it."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self._window = ""
        self._position = 0
        self._is_at_end = False
        self._decode = json.JSONDecoder(
            object_pairs_hook=_object,
            parse_float=str,
            parse_int=str,
            parse_constant=_constant,
            strict=False,
        ).raw_decode
        self._iterator = self._read()
        self._count = 0

    def take(self, limit: int) -> list[object]:
        """At most that many further values; none at the end."""
        values: list[object] = []
        for value in self._iterator:
            values.append(value)
            self._count += 1
            if len(values) == limit:
                break
        return values

    def _read(self) -> Iterator[object]:
        first = self._next_character()
        if first == "[":
            self._position += 1
            yield from self._array()
        elif first == "{":
            while self._next_character():
                yield self._value()
        elif first:
            raise FileRejectedError("neither a JSON array nor a JSON object")
        else:
            raise FileRejectedError("the file is empty")

    def _array(self) -> Iterator[object]:
        if self._next_character() != "]":
            yield self._value()
            while (separator := self._next_character()) == ",":
                self._position += 1
                yield self._value()
            if not separator:
                raise FileRejectedError(f"truncated: the array ends after row {self._count}")
            if separator != "]":
                raise FileRejectedError(f"malformed JSON after row {self._count}: no comma")
        self._position += 1
        if self._next_character():
            raise FileRejectedError(f"text after the end of the array, behind row {self._count}")

    def _value(self) -> object:
        if not self._next_character():
            raise FileRejectedError(f"truncated after row {self._count}")
        while True:
            try:
                value, end = self._decode(self._window, self._position)
            except json.JSONDecodeError as error:
                if not self._grow():
                    raise self._malformed(error) from None
            except RecursionError:
                raise FileRejectedError(
                    f"row {self._count + 1}: nested too deeply to be read"
                ) from None
            else:
                if end < len(self._window) or not self._grow():
                    self._position = end
                    return value

    def _malformed(self, error: json.JSONDecodeError) -> FileRejectedError:
        if self._is_at_end:
            what = "truncated or malformed JSON"
        else:
            what = f"malformed JSON, or an object over {MAXIMUM_RECORD_CHARACTERS} characters"
        return FileRejectedError(f"row {self._count + 1}: {what} ({error.msg})")

    def _next_character(self) -> str:
        while True:
            match = _SPACE.match(self._window, self._position)
            self._position = match.end() if match else self._position
            if self._position < len(self._window):
                return self._window[self._position]
            if not self._grow():
                return ""

    def _grow(self) -> bool:
        """Drop what is read and add text; False at the end or when the record is too large."""
        rest = self._window[self._position :]
        if self._is_at_end or len(rest) >= MAXIMUM_RECORD_CHARACTERS:
            return False
        more = self._text.read(max(WINDOW_CHARACTERS, len(rest)))
        self._is_at_end = not more
        self._window = rest + more
        self._position = 0
        return bool(more)
