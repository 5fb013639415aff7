"""JSON text to Python values: what is ambiguous, too deep or no JSON is kept as what it is."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from json import JSONDecodeError

from fastfeast_assets.ingest.read.chunks import BareWord, NumberText
from fastfeast_assets.ingest.read.json_deep import end_of

_Scan = Callable[[str, int], tuple[object, int]]
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
# More than `-Infinity` and an escaped pair of surrogates have: no other error of a cut text is
# farther from its end, but that of a string, which is reported at its opening quote.
_TOKEN_CHARACTERS = 16
# From the beginning of a run of blanks, so that each run is read once.
_BEGINS_OBJECT = re.compile(r"(?<![ \t\r\n])[ \t]*+[\r\n][ \t\r\n]*+[{}]")


class RepeatedKeys(dict[str, object]):
    """An object in which a key stands more than once: which value is meant is unknown.

    Attributes:
        pairs: All names and values, in their order.
    """

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs

    @property
    def repeated(self) -> set[str]:
        """The names that stand more than once."""
        counts = Counter(name for name, _ in self.pairs)
        return {name for name, count in counts.items() if count > 1}


@dataclass(frozen=True)
class TooDeep:
    """A whole array or object that is nested more deeply than the decoder goes."""

    is_object: bool


class Decoder:
    """Decodes one value at a time; numbers keep every digit, a bare `NaN` is null.

    Attributes:
        is_lenient: Whether a text with a raw control character in it has been seen; only then
            may a text go over a line break.
    """

    def __init__(self) -> None:
        self.is_lenient = False
        self._scan = _scan(str, is_strict=True)
        self._place = ("", 0, 0)

    @property
    def raw(self) -> str:
        """What stood in the file for the value decoded last."""
        text, start, end = self._place
        return text[start:end]

    def decode(self, text: str, position: int) -> tuple[object, int]:
        """The value at a position, which is not blank, and where it ends.

        Raises:
            JSONDecodeError: It is malformed, or the text ends before it does.
        """
        try:
            value, end = self._scan(text, position)
        except RecursionError:
            value, end = TooDeep(text[position] == "{"), end_of(text, position)
        except JSONDecodeError as error:
            if self.is_lenient or not error.msg.startswith("Invalid control character"):
                raise
            self.is_lenient = True
            self._scan = _scan(str, is_strict=False)
            return self.decode(text, position)
        self._place = (text, position, end)
        return value, end

    def exact(self) -> object:
        """The value decoded last once more, its numbers told from its texts.

        Apart, because values of a class of their own make decoding twice as slow.
        """
        text, start, _ = self._place
        return _EXACT(text, start)[0]

    def may_hide_objects(self, value: object) -> bool:
        """Whether a text of the value decoded last goes over a line break to another object.

        Then a quote is missing rather than that somebody wrote this.
        """
        if not (self.is_lenient or isinstance(value, TooDeep)):
            return False
        raw = self.raw
        return _BEGINS_OBJECT.search(raw) is not None and any(
            _BEGINS_OBJECT.search(text) for text in _STRING.findall(raw)
        )


def may_be_cut(error: JSONDecodeError) -> bool:
    """Whether more text could mend the error."""
    is_near_end = error.pos + _TOKEN_CHARACTERS > len(error.doc)
    return is_near_end or error.msg.startswith("Unterminated string")


def written(value: object) -> str:
    """The value as JSON text, numbers as they stood in the file; not for deep ones."""
    if isinstance(value, NumberText):
        return value
    if isinstance(value, dict):
        items = (f"{written(name)}: {written(item)}" for name, item in pairs_of(value))
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(value, ensure_ascii=False)


def pairs_of(value: dict[str, object]) -> list[tuple[str, object]]:
    """Names and values of an object, every pair of a repeated key included."""
    return value.pairs if isinstance(value, RepeatedKeys) else list(value.items())


def spelled_out(value: object) -> object:
    """The value with each object that repeats a key as a list of pairs; not for deep ones."""
    if isinstance(value, RepeatedKeys):
        return [[name, spelled_out(item)] for name, item in value.pairs]
    if isinstance(value, dict):
        return {name: spelled_out(item) for name, item in value.items()}
    if isinstance(value, list):
        return [spelled_out(item) for item in value]
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    return value if len(value) == len(pairs) else RepeatedKeys(pairs)


def _constant(name: str) -> BareWord | None:
    return None if name == "NaN" else BareWord(name)


def _scan(number: Callable[[str], str], *, is_strict: bool) -> _Scan:
    return json.JSONDecoder(
        object_pairs_hook=_object,
        parse_float=number,
        parse_int=number,
        parse_constant=_constant,
        strict=is_strict,
    ).raw_decode


_EXACT = _scan(NumberText, is_strict=False)
