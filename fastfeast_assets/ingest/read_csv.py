"""CSV as text chunks: ragged rows are faults of the row, a torn file is refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from fastfeast_assets.ingest.chunks import Cell, Fault, TextChunk
from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.text import has_bad_bytes

MAXIMUM_RECORD_CHARACTERS = 64 << 20


class CsvReader:
    """A comma-separated file with a header line.

    Args:
        text: The decoded file, newlines untranslated.
        columns: The contracted columns; each must stand in the header, in any order.
        chunk_rows: Rows a chunk.
    """

    def __init__(self, text: io.TextIOBase, columns: Sequence[str], chunk_rows: int) -> None:
        self._columns = columns
        self._chunk_rows = chunk_rows
        self._lines = _Lines(text)
        self._last_row: list[str] = []
        self._rows_read = 0

    def chunks(self) -> Iterator[TextChunk]:
        """Yield the rows; blank lines are none.

        Raises:
            FileRejectedError: No header, a contracted column missing or named twice, a quote
                that is never closed, a last row cut short, a record over 64 Mi characters.
        """
        csv.field_size_limit(MAXIMUM_RECORD_CHARACTERS)
        records = csv.reader(self._lines)
        header = self._header(records)
        while rows := self._take(records, len(header)):
            yield self._chunk(header, rows, self._rows_read - len(rows) + 1)

    def _header(self, records: Iterator[list[str]]) -> list[str]:
        try:
            header = [name.strip() for name in next(filter(None, records), [])]
        except csv.Error as error:
            raise FileRejectedError(f"the header cannot be read: {error}") from error
        self._lines.record_is_done = True
        if not any(header):
            raise FileRejectedError("there is no header line")
        if any(has_bad_bytes(name) for name in header):
            raise FileRejectedError("the header is not UTF-8; export the file as UTF-8")
        missing = [name for name in self._columns if name not in header]
        if missing:
            hint = "" if len(header) > 1 else " (is the separator a comma?)"
            raise FileRejectedError(f"contracted columns are missing: {', '.join(missing)}{hint}")
        twice = [name for name in self._columns if header.count(name) > 1]
        if twice:
            raise FileRejectedError(f"columns stand twice in the header: {', '.join(twice)}")
        return header

    def _take(self, records: Iterator[list[str]], width: int) -> list[list[str]]:
        rows: list[list[str]] = []
        try:
            for row in records:
                self._lines.record_is_done = True
                if row:
                    rows.append(row)
                    self._rows_read += 1
                    if len(rows) == self._chunk_rows:
                        break
            else:
                self._ensure_complete(rows[-1] if rows else self._last_row, width)
        except csv.Error as error:
            raise FileRejectedError(f"row {self._rows_read + 1}: {error}") from error
        self._last_row = rows[-1] if rows else []
        return rows

    def _ensure_complete(self, last_row: list[str], width: int) -> None:
        if not last_row:
            return
        text = "".join(self._lines.record)
        if len(last_row) < width and not text.endswith(("\n", "\r")):
            raise FileRejectedError(f"truncated: row {self._rows_read}, the last, is cut short")
        try:
            list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as error:
            if "end of data" in str(error):
                raise FileRejectedError(
                    f"row {self._rows_read}: a quote is opened and never closed"
                ) from error

    def _chunk(self, header: list[str], rows: list[list[str]], first_row: int) -> TextChunk:
        width = len(header)
        faults: dict[int, list[Fault]] = {}
        surplus: dict[int, list[object]] = {}
        for offset, row in enumerate(rows):
            if len(row) < width:
                faults[offset] = [Fault(header[len(row)], "row", f"{len(row)} of {width} fields")]
                rows[offset] = row + [""] * (width - len(row))
            elif len(row) > width:
                faults[offset] = [Fault(header[-1], "row", f"{len(row)} of {width} fields")]
                surplus[offset] = list(row[width:])
                rows[offset] = row[:width]
        by_position = list(zip(*rows, strict=True))
        cells: dict[str, list[Cell]] = {
            name: list(by_position[header.index(name)]) for name in self._columns
        }
        return TextChunk(first_row, cells, self._extras(header, by_position), faults, surplus)

    def _extras(
        self, header: list[str], by_position: list[tuple[str, ...]]
    ) -> dict[int, dict[str, object]]:
        known = set(self._columns)
        positions = [i for i, name in enumerate(header) if name not in known]
        if not positions:
            return {}
        names = [
            header[i] if header[:i].count(header[i]) == 0 else f"{header[i]} ({i + 1})"
            for i in positions
        ]
        values = zip(*(by_position[i] for i in positions), strict=True)
        return {offset: dict(zip(names, row, strict=True)) for offset, row in enumerate(values)}


class _Lines:
    """Lines of a text, remembering those of the record that is being read."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self.record: list[str] = []
        self.record_is_done = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAXIMUM_RECORD_CHARACTERS)
        if not line:
            raise StopIteration
        if len(line) == MAXIMUM_RECORD_CHARACTERS:
            raise csv.Error(f"a line is longer than {MAXIMUM_RECORD_CHARACTERS} characters")
        if self.record_is_done:
            self.record = []
            self.record_is_done = False
        self.record.append(line)
        return line
