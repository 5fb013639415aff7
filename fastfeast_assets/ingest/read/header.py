"""Contracted columns that a file does not have, and what stands there in their place."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence


def missing_columns(columns: Sequence[str], names: Collection[str]) -> str | None:
    """Which contracted columns are missing, or None when all are there.

    A name that is nearly the contracted one is called what it is. No other name of the file is
    quoted: names are data, too.

    Args:
        columns: The contracted ones.
        names: Those of the file.
    """
    missing = [column for column in columns if column not in names]
    if not missing:
        return None
    by_likeness = {_likeness(name): name for name in names}
    said = []
    for column in missing:
        near = by_likeness.get(_likeness(column))
        said.append(column if near is None else f"{column} (it {_difference(near, column)})")
    return f"contracted columns are missing: {', '.join(said)}"


def disguised(columns: Collection[str], names: Collection[str]) -> dict[str, str]:
    """Those of the names that are nearly a contracted column, and which."""
    by_likeness = {_likeness(column): column for column in columns}
    return {
        name: column
        for name in names
        if (column := by_likeness.get(_likeness(name))) is not None and column != name
    }


def _difference(name: str, column: str) -> str:
    if _visible(name) == column:
        return "stands there with an invisible character in its name"
    if name.casefold() == column:
        return "stands there in capital letters"
    return "stands there in another spelling"


def _likeness(name: str) -> str:
    return "".join(c for c in _visible(name).casefold() if c.isalnum())


def _visible(name: str) -> str:
    """The name without blanks around it, format and control characters, in compatible form."""
    plain = unicodedata.normalize("NFKC", name)
    return "".join(c for c in plain if unicodedata.category(c)[0] != "C").strip()
