"""Texts that look alike to a person: what is left of them when the differences are taken away.

Belongs here: folding and comparing single names. What a name means is in `layout` and `near_miss`.
"""

from __future__ import annotations

import unicodedata

# Letters of other scripts that nobody can tell from those of ASCII.
_ALIKE = str.maketrans(
    "авеһікмнорстухѕјԁԛԝɡı" + "αβεικνορτυχ",
    "abehikmhopctyxsjdqwgi" + "abeikvoptux",
)
# Marks on letters, invisible characters, and bytes that are no UTF-8.
_DROPPED = frozenset({"Mn", "Me", "Cc", "Cf", "Cs", "Co", "Cn"})
LONGEST = 300


def folded(name: str) -> str:
    """A name in lower case, in ASCII where it reads like ASCII, without what cannot be seen.

    Digits of any script become those of ASCII. Of an endless name only the beginning counts.
    """
    beginning = name[:LONGEST]
    if beginning.isascii() and beginning.isprintable():
        return beginning.lower().strip()
    letters = (
        _letter(char)
        for char in unicodedata.normalize("NFKD", beginning)
        if unicodedata.category(char) not in _DROPPED
    )
    return "".join(letters).casefold().translate(_ALIKE).strip()


def _letter(char: str) -> str:
    value = unicodedata.decimal(char, None)
    return char if value is None else str(value)


def is_one_slip(text: str, known: str) -> bool:
    """Whether one letter is missing, added or another, or two neighbours changed places."""
    if abs(len(text) - len(known)) > 1:
        return False
    left, right = text, known
    while left and right and left[0] == right[0]:
        left, right = left[1:], right[1:]
    while left and right and left[-1] == right[-1]:
        left, right = left[:-1], right[:-1]
    if max(len(left), len(right)) == 1:
        return True
    return len(left) == 2 and left == right[::-1]
