"""The records of a CSV file, and the lines that are none.

Source of the rule: never is something else taken than what stands there. A quote too many swallows
the rows up to the next quote. So of a record that is not well quoted the first line alone is given,
as damaged, and reading goes on at the next line. Where a record is well quoted but its quoted field
goes over what looks like a row, nobody can know which of the two is meant: each of its lines is
given as damaged. A file whose last line alone has no line break was cut.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.read.csv_lines import (
    SEPARATOR,
    Lines,
    RunsOnError,
    has_line_break,
    line_break,
)
from fastfeast_assets.ingest.read.limits import CHUNK_BYTES, MAXIMUM_RECORD_CHARACTERS
from fastfeast_assets.ingest.read.text import is_text

NOT_WELL_QUOTED = "not well quoted"
BROKEN_OFF = "a line break of another kind, and a line behind it that is no row"
MAY_HOLD_ROWS = "a quoted field goes over what looks like rows"
NO_ROW = "the last line is no row"
CTRL_Z = "\x1a"
# A quoted field; or one that does not begin with a quote and has none but in pairs.
_FIELD = r'(?:"(?:[^"]|"")*+"|(?:[^",\r\n][^",\r\n]*+(?:"[^",\r\n]*+"[^",\r\n]*+)*+)?+)'
_WELL_QUOTED = re.compile(rf"{_FIELD}(?:,{_FIELD})*+(?:\r\n|\r|\n)?")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")

KeyTest = Callable[[str, bool], bool]


@dataclass
class Batch:
    """Some consecutive records.

    Attributes:
        rows: The fields of each; of a damaged one its line, as one field.
        damage: Offset -> what is wrong with a damaged record.
        bad_bytes: Offsets of the records that hold bytes which are not UTF-8.
    """

    rows: list[list[str]] = field(default_factory=list)
    damage: dict[int, str] = field(default_factory=dict)
    bad_bytes: set[int] = field(default_factory=set)


class Records:
    """Reads the header, then the records.

    Args:
        text: The decoded file, newlines untranslated.

    Attributes:
        other_lines: Lines that begin no record: header, blank ones, the further lines of a record.
    """

    def __init__(self, text: io.TextIOBase) -> None:
        csv.field_size_limit(MAXIMUM_RECORD_CHARACTERS)
        self.other_lines = 0
        self._lines = Lines(text)
        self._parsed = csv.reader(self._lines, strict=True)
        self._line_break = ""
        self._is_damaged = False

    @property
    def line_count(self) -> int:
        """Lines of the file so far."""
        return self._lines.count

    def header(self) -> list[str]:
        """The fields of the first line that is not blank; none when there is no such line.

        Raises:
            FileRejectedError: The header is not well quoted, goes over several lines, or has no
                line break: it may have been cut.
        """
        while True:
            self._lines.begin()
            try:
                fields = next(self._parsed)
            except StopIteration:
                return []
            except (csv.Error, RunsOnError) as error:
                raise FileRejectedError("the header is not well quoted") from error
            record = self._lines.record
            self.other_lines += 1
            if len(record) > 1 or ('"' in record[0] and not _WELL_QUOTED.fullmatch(record[0])):
                raise FileRejectedError("the header is not well quoted")
            if record[0].strip():
                if not has_line_break(record[0]):
                    raise FileRejectedError(f"truncated: {self._last_line()}")
                self._line_break = line_break(record[0])
                self._lines.separators = len(fields) - 1
                return fields

    def take(self, limit: int, can_be_key: KeyTest) -> Batch:
        """At most that many further records, fewer when they are large; none at the end.

        Args:
            limit: How many.
            can_be_key: Whether a text can be the first cell of a row, or, where the second
                argument is false, the beginning of one.

        Raises:
            FileRejectedError: The file was cut, or a quote is opened and never closed.
        """
        batch = Batch()
        lines = self._lines
        enough_read = lines.memory + CHUNK_BYTES
        while len(batch.rows) < limit and (lines.memory <= enough_read or not batch.rows):
            lines.begin()
            try:
                fields = next(self._parsed)
            except StopIteration:
                break
            except (csv.Error, RunsOnError):
                self._ensure_not_cut_off()
                self._refuse(batch, NOT_WELL_QUOTED)
                continue
            if self._is_nothing():
                self.other_lines += 1
            elif not self._is_well_quoted(fields):
                self._refuse(batch, NOT_WELL_QUOTED)
            elif len(lines.record) > 1 and self._may_hold_rows(fields):
                self._refuse(batch, MAY_HOLD_ROWS, lines=len(lines.record))
            elif not self._is_row_to_its_end(can_be_key):
                self._refuse(batch, NO_ROW)
            elif self._is_broken_off():
                self._refuse(batch, BROKEN_OFF)
            else:
                self._note_bytes(batch)
                batch.rows.append(fields)
                self.other_lines += len(lines.record) - 1
        return batch

    def _refuse(self, batch: Batch, damage: str, *, lines: int = 1) -> None:
        """Give the first lines of the present record as damaged; the others are read again."""
        self._is_damaged = True
        record = self._lines.keep(lines)
        if not has_line_break(record[-1]) and damage != NO_ROW:
            raise FileRejectedError(f"truncated: {self._last_line()}")
        for line in record:
            if not line.strip():
                self.other_lines += 1
                continue
            batch.damage[len(batch.rows)] = damage
            if not is_text(line):
                batch.bad_bytes.add(len(batch.rows))
            batch.rows.append([line.rstrip("\r\n")])

    def _note_bytes(self, batch: Batch) -> None:
        if not all(map(is_text, self._lines.record)):
            batch.bad_bytes.add(len(batch.rows))

    def _last_line(self) -> str:
        return f"line {self._lines.count}, the last, has no line break"

    def _is_nothing(self) -> bool:
        """Whether the record is a blank line, or what old systems put at the end of a file."""
        text = self._lines.record[0].strip()
        return not text or (text == CTRL_Z and not self._lines.next_line())

    def _is_well_quoted(self, fields: list[str]) -> bool:
        """Whether the quotes of a record that could be read are as they should be.

        One over several lines must have the fields of a row: with a quote too many it has not.
        """
        record = self._lines.record
        if len(record) == 1:
            return '"' not in record[0] or _WELL_QUOTED.fullmatch(record[0]) is not None
        is_whole = len(fields) == self._lines.separators + 1
        return is_whole and _WELL_QUOTED.fullmatch("".join(record)) is not None

    def _may_hold_rows(self, fields: list[str]) -> bool:
        """Whether lines of a record that goes over several look like rows of their own."""
        is_row = self._lines.is_row
        pieces = (_LINE_BREAK.split(value) for value in fields)
        return sum(map(is_row, self._lines.record)) > 1 or any(
            len(lines) > 1 and any(map(is_row, lines)) for lines in pieces
        )

    def _is_broken_off(self) -> bool:
        """Whether a line break that is none of the file's, within a field, ends the record."""
        if line_break(self._lines.record[-1]) == self._line_break:
            return False
        follows = self._lines.next_line()
        return bool(follows.strip()) and not self._lines.is_row(follows)

    def _ensure_not_cut_off(self) -> None:
        """Go on behind a quote that is never closed only where it is a quote too many.

        Raises:
            FileRejectedError: No line behind it looks like a row: the file may have been cut.
        """
        lines = self._lines
        if lines.is_cut_off and not any(map(lines.is_row, lines.record)):
            if not has_line_break(lines.record[-1]):
                raise FileRejectedError(f"truncated: {self._last_line()}")
            raise FileRejectedError(
                f"line {lines.first_number}: a quote is opened and never closed"
            )

    def _is_row_to_its_end(self, can_be_key: KeyTest) -> bool:
        """Whether a record ends as it should; not the last line of a file, when it is no row.

        Raises:
            FileRejectedError: The last line has no line break, unlike those before it, and may be
                a row that was cut. Nothing is made of it where quotes were damaged before.
        """
        if has_line_break(self._lines.record[-1]):
            return True
        first, separator, _ = self._lines.record[0].partition(SEPARATOR)
        if self._is_damaged or len(self._lines.record) > 1 or can_be_key(first, bool(separator)):
            raise FileRejectedError(f"truncated: {self._last_line()}")
        return False
