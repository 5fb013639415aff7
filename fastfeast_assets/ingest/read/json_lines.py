"""JSON objects that stand one a line, where a damaged line need not cost its neighbours.

A line is only given up alone where nothing else it could be is left: every record before it stood
on a line of its own, and a line that is a whole object follows. Everything else is left to
`json_values`, which reads objects wherever they stand and fails the file at the first damage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json import JSONDecodeError

from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.read.json_decoder import Decoder, TooDeep
from fastfeast_assets.ingest.read.json_window import BLANKS, Window, after_blanks
from fastfeast_assets.ingest.read.limits import MAXIMUM_RECORD_CHARACTERS

# Damaged lines at the start of a file are held back until an object shows that it is one of lines.
MAXIMUM_LINES_HELD = 100
_COMMA = "a comma behind the value"
_CLOSERS = frozenset("]}")


@dataclass(frozen=True)
class BadLine:
    """A line that is no whole object.

    Attributes:
        text: The line, without its break.
        problem: What is wrong with it.
    """

    text: str
    problem: str


class Lines:
    """The rows of a file of lines, up to where it turns out to be something else.

    Args:
        window: The text, at its first character.
        decoder: Decodes the values.
    """

    def __init__(self, window: Window, decoder: Decoder) -> None:
        self._window = window
        self._decoder = decoder
        self._row = 0
        self._has_object = False
        self._is_open = False
        self._first_bad: tuple[int, BadLine] | None = None
        self._first_torn: tuple[int, BadLine] | None = None

    def read(self) -> Iterator[object]:
        """Yield objects, `TooDeep` ones and `BadLine`s; what is left in the window is no lines.

        Raises:
            FileRejectedError: Damaged lines are not followed by a whole object, or the last line
                is cut short.
        """
        held: list[BadLine] = []
        while line := self._window.line():
            text = line.strip(BLANKS)
            if not text:
                continue
            value = self._value(line, text)
            if value is None:
                self._window.position -= len(line)
                self._ensure_none(self._first_bad)
                return
            self._row += 1
            if isinstance(value, BadLine):
                if self._is_open and text[0] in _CLOSERS:
                    raise FileRejectedError(
                        f"row {self._row}: malformed JSON: a line begins with a closing bracket, so"
                        " that the objects before it may be parts of another one"
                    )
                self._note(value, is_whole=line.endswith("\n") and text.endswith("}"))
                if not self._has_object:
                    held.append(value)
                    self._ensure_few(held)
                    continue
            else:
                self._has_object, self._first_bad, self._first_torn = True, None, None
                yield from held
                held.clear()
            yield value
        self._ensure_none(self._first_torn if self._has_object else self._first_bad)

    def _value(self, line: str, text: str) -> object:
        """What a line holds; None where a record begins that goes on, or several stand."""
        problem = ""
        value: object = None
        try:
            value, end = self._decoder.decode(text, 0)
        except JSONDecodeError as error:
            if text == "{" and self._goes_on(line):
                return None
            problem = error.msg
        else:
            if end < len(text):
                problem = _COMMA if text[end] == "," else "text behind the value"
                if self._are_objects(text):
                    return None
            elif not isinstance(value, dict) and value != TooDeep(is_object=True):
                problem = "not an object"
            elif self._decoder.may_hide_objects(value):
                problem = "a quote is missing"
        return BadLine(line.rstrip("\r\n"), problem) if problem else value

    def _goes_on(self, line: str) -> bool:
        """Whether what follows a line of a bracket alone may be the object's inside."""
        self._window.position -= len(line)
        follows = self._window.behind(len(line), in_line=False)
        self._window.position += len(line)
        return follows in {'"', "}"}

    def _are_objects(self, text: str) -> bool:
        position = 0
        while position < len(text):
            if text[position] != "{":
                return False
            try:
                _, position = self._decoder.decode(text, position)
            except JSONDecodeError:
                return False
            position = after_blanks(text, position)
        return True

    def _note(self, bad: BadLine, *, is_whole: bool) -> None:
        place = (self._row, bad)
        self._is_open |= not bad.text.rstrip(BLANKS).endswith("}")
        self._first_bad = self._first_bad or place
        if not is_whole:
            self._first_torn = self._first_torn or place

    def _ensure_few(self, held: Sequence[BadLine]) -> None:
        size = sum(len(bad.text) for bad in held)
        if len(held) > MAXIMUM_LINES_HELD or size > MAXIMUM_RECORD_CHARACTERS:
            self._ensure_none((1, held[0]))
        if [bad.problem for bad in held] == [_COMMA] * 2:
            raise FileRejectedError("malformed JSON: an array without its opening bracket")

    def _ensure_none(self, place: tuple[int, BadLine] | None) -> None:
        if place is None:
            return
        row, bad = place
        if not self._has_object and not bad.text.lstrip(BLANKS).startswith("{"):
            raise FileRejectedError("neither a JSON array nor a JSON object")
        raise FileRejectedError(f"row {row}: truncated or malformed JSON ({bad.problem})")
