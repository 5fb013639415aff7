"""The physical lines of a CSV file, some of which are given back and read again.

Belongs here: counting lines, and how many of them a record may have. What a record is, is for
`csv_records`.
"""

from __future__ import annotations

import io
import sys
from collections import deque
from collections.abc import Iterator

from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.read.limits import MAXIMUM_RECORD_CHARACTERS, MAXIMUM_RECORD_LINES

SEPARATOR = ","
LINE_BREAKS = ("\n", "\r")


class RunsOnError(Exception):
    """The record that is being read goes over more lines than a record may have."""


class Lines:
    """Gives lines, and remembers those of the record that is being read.

    Attributes:
        separators: As many as the header has; a line with so many looks like a row.
        record: The lines of the present record so far.
        is_cut_off: Whether the end of the file came while the present record was being read.
        count: Lines read from the file, each once.
        memory: Bytes that these lines take as text, one to four a character.
    """

    def __init__(self, text: io.TextIOBase) -> None:
        self.separators = 0
        self.record: list[str] = []
        self.is_cut_off = False
        self.count = 0
        self.memory = 0
        self._text = text
        self._again: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """The next line, which joins the present record.

        Raises:
            RunsOnError: The record goes over more lines than a record may have.
            FileRejectedError: The line is longer than a record may be.
        """
        record = self.record
        if len(record) == MAXIMUM_RECORD_LINES:
            raise RunsOnError
        line = self._again.popleft() if self._again else self._read()
        if not line:
            self.is_cut_off = True
            raise StopIteration
        record.append(line)
        return line

    def _read(self) -> str:
        line = self._text.readline(MAXIMUM_RECORD_CHARACTERS)
        if len(line) == MAXIMUM_RECORD_CHARACTERS:
            raise FileRejectedError(
                f"line {self.count + 1} is longer than {MAXIMUM_RECORD_CHARACTERS} characters"
            )
        self.count += bool(line)
        self.memory += sys.getsizeof(line)
        return line

    def begin(self) -> None:
        """Begin a record."""
        self.record = []
        self.is_cut_off = False

    def keep(self, number: int) -> list[str]:
        """Leave the first lines of the present record in it and read the others again."""
        self._again.extendleft(reversed(self.record[number:]))
        self.record = self.record[:number]
        return self.record

    def next_line(self) -> str:
        """The line behind the present record, which is read again; empty at the end."""
        if not self._again and (line := self._read()):
            self._again.append(line)
        return self._again[0] if self._again else ""

    @property
    def first_number(self) -> int:
        """Number of the first line of the present record in the file, from 1."""
        return self.count - len(self._again) - len(self.record) + 1

    def is_row(self, line: str) -> bool:
        """Whether a line has as many separators as the header."""
        return line.count(SEPARATOR) >= self.separators


def line_break(line: str) -> str:
    """How a line ends: in CRLF, LF, CR, or nothing."""
    return next((kind for kind in ("\r\n", *LINE_BREAKS) if line.endswith(kind)), "")


def has_line_break(line: str) -> bool:
    """Whether a line is ended as lines are."""
    return line.endswith(LINE_BREAKS)
