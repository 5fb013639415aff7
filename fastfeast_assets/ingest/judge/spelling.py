"""Text as a reader sees it: one character for each of its many spellings, and the way back.

Belongs here: undoing what hides a character (another script's digits, full-width and invisible
characters, escapes of URLs, HTML and JSON), with the place in the original kept. What is looked
for in such text is for `addresses` and `numbers`.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from functools import lru_cache
from urllib.parse import unquote

ESCAPE = r"(?:%(?:25)*[0-9A-Fa-f]{2})+|&(?:amp;)*#?[0-9A-Za-z]{1,31};|[\\%]u[0-9A-Fa-f]{4}"
FILLERS = "\u115f\u1160\u3164\uffa0"
_ODD = re.compile(rf"[^\x20-\x7e][^\x21-\x7e]*|{ESCAPE}")
_ESCAPE = re.compile(ESCAPE)
_ENCODED_PERCENT = re.compile(r"%(?:25)+(?=[0-9A-Fa-f]{2})")
_ENCODED_AMPERSAND = re.compile(r"&(?:amp;)+(?=#?[0-9A-Za-z]{1,31};)")
_MOST_LAYERS = 4
_KNOWN_CHARACTERS = 4096
_SPACING = "\t\n\r"
_TWINS = {
    "\u2212": "-", "\u2043": "-", "\u02d7": "-",
    "\u2044": "/", "\u2215": "/",
    "\u00b7": ".", "\u2022": ".", "\u2027": ".", "\u2219": ".", "\u22c5": ".",
    "\u3002": ".", "\u066b": ".", "\u066c": ",", "\u060c": ",",
    "\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'",
    "\u2028": "\n", "\u2029": "\n",
}  # fmt: skip
_INVISIBLE = frozenset(f"\u034f{FILLERS}") | {chr(c) for c in range(0xFE00, 0xFE10)}


class Legible:
    """A text in its plain spelling, escapes within escapes undone too, up to four kinds deep.

    Attributes:
        text: The text as the innermost `Layer` has it.

    Args:
        original: Any text; reading it takes time in proportion to its length.
    """

    def __init__(self, original: str) -> None:
        self._layers = [Layer(original)]
        self.text = self._layers[0].text
        while (
            self._layers[-1].has_undone_an_escape
            and len(self._layers) < _MOST_LAYERS
            and _ESCAPE.search(self.text)
        ):
            self._layers.append(Layer(self.text))
            self.text = self._layers[-1].text

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Where that stretch of the plain text, not empty, stands in the original."""
        for layer in reversed(self._layers):
            start, end = layer.original_span(start, end)
        return start, end


class Layer:
    """A text with one layer of spelling taken off.

    Attributes:
        text: In compatible form (NFKC, character by character), digits of any script as ASCII,
            dashes as `-`, blanks as a space, escapes undone, without format and control
            characters.
        has_undone_an_escape: Whether what an escape stood for may be the sign of another.
    """

    def __init__(self, original: str) -> None:
        # Stretches of the plain text and where they begin in the original; within a stretch
        # that is `even` the two go side by side, another one stands for the original as a whole.
        self._starts: list[int] = [0]
        self._origins: list[int] = [0]
        self._lengths: list[int] = [0]
        self._is_even: list[bool] = [True]
        self._pieces: list[str] = []
        self._length = 0
        self.has_undone_an_escape = False
        last = 0
        for match in _ODD.finditer(original):
            self._copy(original[last : match.start()], last)
            self._spell(match.group(), match.start())
            last = match.end()
        self._copy(original[last:], last)
        self.text = "".join(self._pieces)

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Where that stretch stands in the text that the layer was taken off."""
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end - 1) - 1
        begin = self._origins[first]
        if self._is_even[first]:
            begin += start - self._starts[first]
        finish = self._origins[last]
        finish += end - self._starts[last] if self._is_even[last] else self._lengths[last]
        return begin, finish

    def _spell(self, odd: str, origin: int) -> None:
        if odd[0] in "%&\\":
            plain = _unescaped(odd)
            if plain == odd:
                self._copy(odd, origin)
            else:
                self.has_undone_an_escape = True
                self._replace("".join(map(_plain, plain)), origin, len(odd))
            return
        forms = list(map(_plain, odd))
        if all(len(form) == 1 for form in forms):
            self._copy("".join(forms), origin)
            return
        for place, form in enumerate(forms, origin):
            if len(form) == 1:
                self._copy(form, place)
            else:
                self._replace(form, place, 1)

    def _copy(self, plain: str, origin: int) -> None:
        """Add text that stands letter for letter beside the original."""
        if not plain:
            return
        shift = origin - self._length
        if not self._is_even[-1] or self._origins[-1] - self._starts[-1] != shift:
            self._begin(origin, 0, is_even=True)
        self._add(plain)

    def _replace(self, plain: str, origin: int, length: int) -> None:
        if plain:
            self._begin(origin, length, is_even=False)
            self._add(plain)

    def _begin(self, origin: int, length: int, *, is_even: bool) -> None:
        self._starts.append(self._length)
        self._origins.append(origin)
        self._lengths.append(length)
        self._is_even.append(is_even)

    def _add(self, plain: str) -> None:
        self._pieces.append(plain)
        self._length += len(plain)


def _unescaped(escape: str) -> str:
    """What an escape stands for; the escape itself where it stands for no text."""
    if escape[0] == "&":
        return html.unescape(_ENCODED_AMPERSAND.sub("&", escape))
    if escape[1] == "u":
        character = chr(int(escape[2:], 16))
        return escape if "\ud800" <= character <= "\udfff" else character
    try:
        return unquote(_ENCODED_PERCENT.sub("%", escape), errors="strict")
    except UnicodeDecodeError:
        return escape


@lru_cache(_KNOWN_CHARACTERS)
def _plain(character: str) -> str:
    return "".join(map(_twin, unicodedata.normalize("NFKC", character)))


def _twin(character: str) -> str:
    if " " <= character <= "~" or character in _SPACING:
        return character
    if character in _TWINS:
        return _TWINS[character]
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category in {"Cf", "Cc", "Me"} or character in _INVISIBLE:
        return ""
    return {"Pd": "-", "Zs": " "}.get(category, character)
