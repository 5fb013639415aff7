"""Names from the landing zone as they may be shown: whoever names a file can write what he likes.

Belongs here: what a name goes through before it reaches a terminal, a log, Dagster or a report.
"""

from __future__ import annotations

from collections.abc import Callable

Scrub = Callable[[str], str]

MAXIMUM_SHOWN = 200
TAIL = 80


def shown(relative: str, scrub: Scrub) -> str:
    """A path as one printable line of bounded length, without personal values.

    Args:
        relative: The path as it stands in the landing zone.
        scrub: Takes personal values out of a text.
    """
    text = printable(scrub(relative))
    if len(text) <= MAXIMUM_SHOWN:
        return text
    # The end says what kind of file it is.
    return f"{text[: MAXIMUM_SHOWN - TAIL - 1]}…{text[-TAIL:]}"


def printable(text: str) -> str:
    """The text with control characters, invisible ones and bytes that are no UTF-8 spelt out."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
