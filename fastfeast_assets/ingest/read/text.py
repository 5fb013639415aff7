"""Text that PostgreSQL can hold: finding bytes that are no UTF-8 and NUL characters.

Files are decoded with `surrogateescape`, so that a bad byte becomes a lone surrogate in the one
cell it stands in and costs that row instead of the file.
"""

from __future__ import annotations

from collections.abc import Sequence


def unstorable(cells: Sequence[str | None]) -> list[int]:
    """Offsets of the cells that hold a NUL or something that is no Unicode text."""
    joined = "".join(filter(None, cells))
    if "\x00" not in joined and is_text(joined):
        return []
    return [i for i, cell in enumerate(cells) if cell and ("\x00" in cell or not is_text(cell))]


def storable(text: str) -> str:
    r"""The text with bad bytes as `\udcXX` and NUL as `\u0000`, both spelled out."""
    if "\x00" not in text and is_text(text):
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "\\u0000")


def is_text(text: str) -> bool:
    """Whether it is Unicode text; of a file's text, whether its bytes were UTF-8."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
