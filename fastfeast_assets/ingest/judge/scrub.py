"""Personal values in free text: found in whatever spelling, replaced by their hashes.

Source of the rule: people write to each other about people, so any text may hold an e-mail
address, a mobile or a national id. See docs/adr/0026-personal-data-outside-its-columns.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from fastfeast_assets.ingest.judge.addresses import addresses
from fastfeast_assets.ingest.judge.found import Found
from fastfeast_assets.ingest.judge.identities import numbers
from fastfeast_assets.ingest.judge.spelling import ESCAPE, FILLERS, Legible

AT = "@\ufe6b\uff20"
# The fillers are letters that nobody sees.
_DIGITS = rf"\d(?:[\W_{FILLERS}]*+\d){{9}}|\d{{7}}[eE]"
_HINT = re.compile(rf"[{AT}]|{ESCAPE}|{_DIGITS}")
_NUMBER_HINT = re.compile(_DIGITS)
_SCHEME = re.compile(r"(mailto|tel):", re.IGNORECASE)
HINT_RE2 = rf"[{AT}]|{ESCAPE}|\pN(?:(?:[^\pL\pN]|[{FILLERS}])*\pN){{9}}|\pN{{7}}[eE]"
"""The same for Arrow, whose expressions are RE2: what may hold a personal value at all."""


def personal_values(text: str) -> Iterator[Found]:
    """The personal values in a text, in their order, with their canonical forms.

    The places are those of the text as it is given; where an escaped stretch holds several
    values, the first stands for all of it.
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    if _HINT.search(plain) is None:
        return
    legible = Legible(text)
    last = 0
    for found in _in_order(legible.text):
        start, end = legible.original_span(found.start, found.end)
        if end > last:
            yield Found(max(start, last), end, found.value)
            last = end


def replace_personal(text: str, substitute: Callable[[str], str]) -> str:
    """The text with a substitute of each personal value in its place."""
    pieces: list[str] = []
    last = 0
    for found in personal_values(text):
        pieces += text[last : found.start], substitute(found.value)
        last = found.end
    return "".join([*pieces, text[last:]]) if pieces else text


def person_of(text: str) -> str | None:
    """The canonical form of the personal value that the text is, marks around it aside."""
    found = next(personal_values(text), None)
    if found is None:
        return None
    around = _SCHEME.sub("", text[: found.start]) + text[found.end :]
    return None if any(character.isalnum() for character in around) else found.value


def _in_order(plain: str) -> Iterator[Found]:
    has_numbers = _NUMBER_HINT.search(plain) is not None
    last = 0
    for address in addresses(plain):
        if has_numbers:
            yield from numbers(plain, last, address.start)
        yield address
        last = address.end
    if has_numbers:
        yield from numbers(plain, last, len(plain))
