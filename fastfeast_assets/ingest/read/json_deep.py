"""Where a JSON value ends that is nested too deeply for the decoder, found without recursion."""

from __future__ import annotations

import re
from json import JSONDecodeError

_BLANK = re.compile(r"[ \t\r\n]*+")
_STRING = re.compile(r'"[^"\\]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\]*+)*+"')
_WORD = re.compile(
    r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+|true|false|null|NaN|-?Infinity"
)
_VALUE, _NAME, _SEPARATOR = "value", "name", "separator"
_OPEN = {"{": _NAME, "[": _VALUE}
_CLOSE = {ord("{"): "}", ord("["): "]"}


def end_of(text: str, position: int) -> int:
    """The position behind the array or object that begins at a position.

    It is checked as strictly as the decoder would: brackets that only seem to match could hide
    the rows that follow.

    Raises:
        JSONDecodeError: It is malformed, or the text ends before it does.
    """
    opened = bytearray()
    expected, may_close = _VALUE, False
    while True:
        position = _after_blanks(text, position)
        character = text[position : position + 1]
        if expected is _VALUE and character in _OPEN:
            opened.append(ord(character))
            expected, may_close = _OPEN[character], True
            position += 1
        elif may_close and character == _CLOSE[opened[-1]]:
            opened.pop()
            position += 1
            if not opened:
                return position
            expected = _SEPARATOR
        elif expected is _SEPARATOR and character == ",":
            expected, may_close = _NAME if opened[-1] == ord("{") else _VALUE, False
            position += 1
        elif expected is _NAME and character == '"':
            position = _after_blanks(text, _after_string(text, position))
            if text[position : position + 1] != ":":
                raise _error(text, position)
            expected, may_close = _VALUE, False
            position += 1
        elif expected is _VALUE and opened:
            position = _after_scalar(text, position)
            expected, may_close = _SEPARATOR, True
        else:
            raise _error(text, position)


def _after_scalar(text: str, position: int) -> int:
    if text[position : position + 1] == '"':
        return _after_string(text, position)
    if word := _WORD.match(text, position):
        return word.end()
    raise _error(text, position)


def _after_string(text: str, position: int) -> int:
    if string := _STRING.match(text, position):
        return string.end()
    raise JSONDecodeError("Unterminated string, nested too deeply", text, position)


def _after_blanks(text: str, position: int) -> int:
    blanks = _BLANK.match(text, position)
    return blanks.end() if blanks else position


def _error(text: str, position: int) -> JSONDecodeError:
    return JSONDecodeError("nested too deeply, and not whole", text, position)
