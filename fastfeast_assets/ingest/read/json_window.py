"""A window that slides over a JSON text: what is read leaves it, text is added at its end.

Every character is copied a bounded number of times, however the values lie at the borders.
"""

from __future__ import annotations

import io
import re
import sys

from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.read.limits import MAXIMUM_RECORD_CHARACTERS
from fastfeast_assets.ingest.read.text import is_text

WINDOW_CHARACTERS = 1 << 20
BLANKS = " \t\r\n"
_BLANK = re.compile(f"[{BLANKS}]*+")
_BLANK_IN_LINE = re.compile(r"[ \t\r]*+")
_END_MARK = "\x1a"


class Window:
    """The part of a text that is being read.

    Attributes:
        text: What is in the window.
        position: Up to where it is read.
        is_at_end: Whether the text ends where the window ends.
        is_utf8: Whether the bytes behind the window are all UTF-8.
        memory_read: Bytes that the text so far takes, that in the window included.

    Args:
        text: The decoded file; a Ctrl-Z at its very end is dropped.
    """

    def __init__(self, text: io.TextIOBase) -> None:
        self.text = ""
        self.position = 0
        self.is_at_end = False
        self.is_utf8 = True
        self.memory_read = 0
        self._source = text

    def grow(self) -> bool:
        """Drop what is read and add text; False at the end, or when a record is too large."""
        rest = self.text[self.position :]
        if self.is_at_end or len(rest) >= MAXIMUM_RECORD_CHARACTERS:
            return False
        # As much again as there is, so that a value which is read once more has doubled since.
        size = max(WINDOW_CHARACTERS, len(rest))
        more = self._without_end_mark(self._source.read(size), size)
        self.is_at_end = not more
        self.text = rest + more
        self.position = 0
        self.is_utf8 = is_text(self.text)
        self.memory_read += sys.getsizeof(more)
        return bool(more)

    def _without_end_mark(self, more: str, size: int) -> str:
        written = more.rstrip(BLANKS)
        if not written.endswith(_END_MARK):
            return more
        # Only what is read to the very end proves that nothing but blanks follows.
        parts = [more]
        while following := self._source.read(size):
            parts.append(following)
            if following.strip(BLANKS) or len(parts) * size > MAXIMUM_RECORD_CHARACTERS:
                return "".join(parts)
        return written[:-1]

    def next_character(self) -> str:
        """The next character that is not blank, to stand at `position`; empty at the end."""
        while True:
            self.position = after_blanks(self.text, self.position)
            if self.position < len(self.text):
                return self.text[self.position]
            if not self.grow():
                return ""

    def behind(self, length: int, *, in_line: bool) -> str:
        """What is not blank behind that many further characters; empty at the end.

        Args:
            length: Characters from `position` on, which stay in the window.
            in_line: Whether a line break is no blank.
        """
        blank = _BLANK_IN_LINE if in_line else _BLANK
        while True:
            end = after_blanks(self.text, self.position + length, blank)
            if end < len(self.text) or not self.grow():
                return self.text[end : end + 1]

    def has_break_within(self, length: int) -> bool:
        """Whether the line ends within that many further characters, or the text does."""
        while True:
            rest = self.text[self.position : self.position + length]
            if "\n" in rest or len(rest) == length or not self.grow():
                return "\n" in rest or len(rest) < length

    def line(self) -> str:
        r"""The rest of the present line, its `\n` included, which is read then; empty at the end.

        The window still holds it: moving `position` back by its length unreads it.

        Raises:
            FileRejectedError: The line is too long.
        """
        searched = self.position
        while (end := self.text.find("\n", searched)) < 0:
            searched = len(self.text) - self.position
            if not self.grow():
                if not self.is_at_end:
                    limit = MAXIMUM_RECORD_CHARACTERS
                    raise FileRejectedError(f"a line is longer than {limit} characters")
                end = len(self.text) - 1
                break
        line = self.text[self.position : end + 1]
        self.position = end + 1
        return line


def after_blanks(text: str, position: int, blank: re.Pattern[str] = _BLANK) -> int:
    """The first position from here on at which no blank stands."""
    blanks = blank.match(text, position)
    return blanks.end() if blanks else position
