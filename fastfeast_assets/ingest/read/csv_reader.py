"""CSV as text chunks: ragged and damaged rows are faults of the row, a torn file is refused."""

from __future__ import annotations

import io
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from fastfeast_assets.contracts.model import Column
from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.read.chunks import Cell, Fault, LineAccount, TextChunk
from fastfeast_assets.ingest.read.csv_records import Batch, Records
from fastfeast_assets.ingest.read.header import missing_columns
from fastfeast_assets.ingest.read.limits import MAXIMUM_NAME_CHARACTERS, MAXIMUM_NAMES
from fastfeast_assets.ingest.read.text import is_text

_SPREADSHEET_MARK = re.compile(r"sep=.?", re.IGNORECASE)
_INTEGER_START = re.compile(r"[+-]?[0-9]*(\.0*)?")
_UUID = "00000000-0000-0000-0000-000000000000"
_UUID_START = re.compile(r"[0-9a-f-]*")


class CsvReader:
    """A comma-separated file with a header line.

    Args:
        text: The decoded file, newlines untranslated.
        columns: The contracted columns; each must stand in the header, in any order.
        chunk_rows: Most rows a chunk; large ones end it sooner.
    """

    def __init__(self, text: io.TextIOBase, columns: Sequence[Column], chunk_rows: int) -> None:
        self._columns = {column.name: column for column in columns}
        self._chunk_rows = chunk_rows
        self._records = Records(text)

    @property
    def lines(self) -> LineAccount:
        """The lines read so far, and those of them that begin no row."""
        return LineAccount(self._records.line_count, self._records.other_lines)

    def chunks(self) -> Iterator[TextChunk]:
        """Yield the rows; blank lines are none.

        Raises:
            FileRejectedError: No header, a contracted column missing or named twice, columns
                beyond the limits, a quote that is never closed, a last line cut short, a record
                over 4 Mi characters.
        """
        header = self._header()
        first = self._columns.get(header[0])

        def can_be_key(cell: str, is_whole: bool) -> bool:
            # Where the key is not the first column, nothing tells a footer from a row.
            return first is None or not first.is_key or _can_be(first, cell, is_whole=is_whole)

        first_row = 1
        while (batch := self._records.take(self._chunk_rows, can_be_key)).rows:
            yield self._chunk(header, batch, first_row)
            first_row += len(batch.rows)

    def _header(self) -> list[str]:
        header = [name.strip() for name in self._records.header()]
        if not any(header):
            raise FileRejectedError("there is no header line")
        if _SPREADSHEET_MARK.fullmatch(header[0]):
            raise FileRejectedError(
                "the first line is a spreadsheet's mark of its separator (sep=), not the header;"
                " export the file without it"
            )
        if not all(map(is_text, header)):
            raise FileRejectedError("the header is not UTF-8; export the file as UTF-8")
        if problem := missing_columns(list(self._columns), dict.fromkeys(header)):
            hint = "" if len(header) > 1 else " (is the separator a comma?)"
            raise FileRejectedError(problem + hint)
        extras = [place for place, name in enumerate(header, 1) if name not in self._columns]
        if len(extras) > MAXIMUM_NAMES:
            raise FileRejectedError(
                f"{len(extras)} columns that the contract does not know; at most {MAXIMUM_NAMES}"
                " are kept; export the contracted ones"
            )
        if place := next((p for p in extras if len(header[p - 1]) > MAXIMUM_NAME_CHARACTERS), None):
            raise FileRejectedError(
                f"the name of column {place} is longer than {MAXIMUM_NAME_CHARACTERS} characters;"
                " is the first line a header?"
            )
        twice = [name for name in self._columns if header.count(name) > 1]
        if twice:
            raise FileRejectedError(f"columns stand twice in the header: {', '.join(twice)}")
        return header

    def _chunk(self, header: list[str], batch: Batch, first_row: int) -> TextChunk:
        width = len(header)
        faults: dict[int, list[Fault]] = {}
        surplus: dict[int, list[object]] = {}
        lengths: dict[int, int] = {}
        rows = batch.rows
        for offset, row in enumerate(rows):
            if offset in batch.damage:
                faults[offset] = [Fault(self._contracted(header, 0), "row", batch.damage[offset])]
                surplus[offset] = list(row)
                rows[offset] = [""] * width
                lengths[offset] = 0
            elif len(row) != width:
                column = self._contracted(header, len(row))
                faults[offset] = [Fault(column, "row", f"{len(row)} of {width} fields")]
                if len(row) > width:
                    surplus[offset] = list(row[width:])
                rows[offset] = [*row[:width], *[""] * (width - len(row))]
                lengths[offset] = len(row)
        by_position = list(zip(*rows, strict=True))
        cells: dict[str, list[Cell]] = {
            name: list(by_position[header.index(name)]) for name in self._columns
        }
        extras = self._extras(header, by_position, lengths)
        return TextChunk(
            first_row, cells, extras, faults, surplus, bad_bytes=frozenset(batch.bad_bytes)
        )

    def _contracted(self, header: Sequence[str], position: int) -> str:
        """The contracted column at a position or the next one behind it, else the last one."""
        known = [name for name in header if name in self._columns]
        return next((name for name in header[position:] if name in self._columns), known[-1])

    def _extras(
        self, header: list[str], by_position: list[tuple[str, ...]], lengths: Mapping[int, int]
    ) -> dict[int, dict[str, object]]:
        """Uncontracted values by row; of a damaged or short row only what stands there."""
        places = [place for place, name in enumerate(header) if name not in self._columns]
        if not places:
            return {}
        distinct = self._distinct(header)
        names = [distinct[place] for place in places]
        values = zip(*(by_position[place] for place in places), strict=True)
        extras: dict[int, dict[str, object]] = {}
        for offset, row in enumerate(values):
            end = lengths.get(offset, len(header))
            count = bisect_left(places, end)
            if count:
                extras[offset] = dict(zip(names[:count], row[:count], strict=True))
        return extras

    def _distinct(self, header: list[str]) -> list[str]:
        """The names of the header, a repeated one with the number of its column."""
        taken = set(header)
        seen: set[str] = set()
        names: list[str] = []
        for number, name in enumerate(header, 1):
            chosen = name
            while chosen in seen or (chosen != name and chosen in taken):
                chosen = f"{chosen} ({number})"
            seen.add(chosen)
            names.append(chosen)
        return names


def _can_be(key: Column, cell: str, *, is_whole: bool) -> bool:
    """Whether a cell can be a key, or, where it is not whole, the beginning of one."""
    text = cell.strip().strip('"').lower()
    if key.kind == "integer":
        return bool(text or not is_whole) and _INTEGER_START.fullmatch(text) is not None
    if key.canonical == "uuid":
        is_start = _UUID_START.fullmatch(text) is not None and len(text) <= len(_UUID)
        has_shape = [c == "-" for c in text] == [c == "-" for c in _UUID[: len(text)]]
        return is_start and has_shape and (not is_whole or len(text) == len(_UUID))
    return True
