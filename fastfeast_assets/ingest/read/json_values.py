"""The values of a JSON text: an array of them, objects one a line, or objects anyhow."""

from __future__ import annotations

import io
from collections.abc import Iterator
from json import JSONDecodeError

from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.read.json_decoder import Decoder, may_be_cut
from fastfeast_assets.ingest.read.json_lines import BadLine, Lines
from fastfeast_assets.ingest.read.json_window import Window
from fastfeast_assets.ingest.read.limits import MAXIMUM_RECORD_CHARACTERS
from fastfeast_assets.ingest.read.text import is_text

# A longer line of several objects is no line of a file of lines.
LINE_CHARACTERS = 1 << 20


class Values:
    """The values of a JSON text, one at a time out of a window that slides over it.

    Args:
        text: The decoded file.
    """

    def __init__(self, text: io.TextIOBase) -> None:
        self._window = Window(text)
        self._decoder = Decoder()
        self._count = 0

    @property
    def memory_read(self) -> int:
        """Bytes that the text so far takes."""
        return self._window.memory_read

    def exact(self) -> object:
        """The value yielded last with its numbers as `NumberText`; not of a deep one."""
        return self._decoder.exact()

    def has_bad_bytes(self, value: object) -> bool:
        """Whether the value yielded last stood in bytes that are not UTF-8."""
        if isinstance(value, BadLine):
            return not is_text(value.text)
        return not self._window.is_utf8 and not is_text(self._decoder.raw)

    def __iter__(self) -> Iterator[object]:
        """Yield each value; what cannot be decoded alone as `TooDeep` or `BadLine`.

        Raises:
            FileRejectedError: Empty, neither array nor object, malformed, truncated, text after
                the end, a value over 4 Mi characters.
        """
        for value in self._read():
            self._count += 1
            yield value

    def _read(self) -> Iterator[object]:
        first = self._window.next_character()
        if not first:
            raise FileRejectedError("the file is empty")
        if first == "<":
            raise FileRejectedError(
                "neither a JSON array nor a JSON object but HTML or XML; is it an error page?"
            )
        if first == "[":
            self._window.position += 1
            yield from self._array()
            return
        if self._may_be_lines():
            yield from Lines(self._window, self._decoder).read()
        while self._window.next_character():
            yield self._value()

    def _may_be_lines(self) -> bool:
        """Whether the first record stands on a line of its own, or is damaged."""
        if self._window.next_character() != "{":
            return True
        try:
            value, _ = self._decode()
        except JSONDecodeError:
            return True
        if "\n" in self._decoder.raw:
            return self._decoder.may_hide_objects(value)
        # Of several objects in a line the last may be damaged, and then the line is.
        follows = self._window.behind(len(self._decoder.raw), in_line=True)
        return follows != "{" or self._window.has_break_within(LINE_CHARACTERS)

    def _array(self) -> Iterator[object]:
        if self._window.next_character() != "]":
            yield self._value()
            while (separator := self._window.next_character()) == ",":
                self._window.position += 1
                yield self._value()
            if not separator:
                raise FileRejectedError(f"truncated: the array ends after row {self._count}")
            if separator != "]":
                raise FileRejectedError(f"malformed JSON after row {self._count}: no comma")
        self._window.position += 1
        if self._window.next_character():
            raise FileRejectedError(f"text after the end of the array, behind row {self._count}")

    def _value(self) -> object:
        if not self._window.next_character():
            raise FileRejectedError(f"truncated after row {self._count}")
        try:
            value, self._window.position = self._decode()
        except JSONDecodeError as error:
            raise self._malformed(error) from None
        if self._decoder.may_hide_objects(value):
            raise FileRejectedError(
                f"row {self._count + 1}: a text goes over a line break, behind which another"
                " object seems to begin; a quote is missing, or line breaks must be written as \\n"
            )
        return value

    def _decode(self) -> tuple[object, int]:
        """The value at the window's position and where it ends there."""
        window = self._window
        while True:
            try:
                value, end = self._decoder.decode(window.text, window.position)
            except JSONDecodeError as error:
                if not may_be_cut(error) or not window.grow():
                    raise
            else:
                # Only of a number can more be to come.
                if end < len(window.text) or isinstance(value, dict) or not window.grow():
                    return value, end

    def _malformed(self, error: JSONDecodeError) -> FileRejectedError:
        what = "malformed JSON"
        if may_be_cut(error):
            is_whole = self._window.is_at_end
            limit = f"an object over {MAXIMUM_RECORD_CHARACTERS} characters, or malformed JSON"
            what = "truncated or malformed JSON" if is_whole else limit
        return FileRejectedError(f"row {self._count + 1}: {what} ({error.msg})")
