"""A personal value that was found in text."""

from __future__ import annotations

from typing import NamedTuple


class Found(NamedTuple):
    """Where a personal value stands, and its canonical form, which is what is hashed."""

    start: int
    end: int
    value: str
