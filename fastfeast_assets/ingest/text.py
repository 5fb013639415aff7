"""Text that PostgreSQL can hold: finding bytes that are no UTF-8 and NUL characters.

Files are decoded with `surrogateescape`, so that a bad byte becomes a lone surrogate in the one
cell it stands in and costs that row instead of the file.
"""

from __future__ import annotations

from collections.abc import Sequence


def unstorable(cells: Sequence[str | None]) -> list[int]:
    """Offsets of the cells that hold a NUL or something that is no Unicode text."""
    joined = "".join(filter(None, cells))
    if "\x00" not in joined and _is_text(joined):
        return []
    return [i for i, cell in enumerate(cells) if cell and ("\x00" in cell or not _is_text(cell))]


def has_bad_bytes(text: str) -> bool:
    """Whether the text came from bytes that are not UTF-8."""
    return any("\udc80" <= character <= "\udcff" for character in text)


def storable(text: str) -> str:
    r"""The text with bad bytes as `\udcXX` and NUL as `\u0000`, both spelled out."""
    if "\x00" not in text and _is_text(text):
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "\\u0000")


def storable_json(value: object) -> object:
    """The value with every text in it, keys included, made storable; no NaN is left."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(key)): storable_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable_json(item) for item in value]
    return value


def _is_text(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
