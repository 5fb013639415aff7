"""Looking through a landing file for one person, a bounded number of rows at a time.

The files are the one place that still has texts as they came: what raw keeps of a note or of an
uncontracted column joins with nobody. So every text of a file is read as the loader reads it, and
what looks personal in it is hashed and compared. Names are no such thing: nobody is found by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import BinaryIO

from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.ingest.judge.canonical import canonical
from fastfeast_assets.ingest.judge.scrub import personal_values
from fastfeast_assets.ingest.read.chunks import TextChunk
from fastfeast_assets.ingest.read.reader import reader_of
from fastfeast_assets.ingest.read.source import text_of

DEEPEST = 50
# An address such as a@b.co; a mobile has more.
SHORTEST = 6
# What most cells are, and what scrubbing leaves alone: moments and UUIDs.
ORDINARY = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?)?"
    r"|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
)


class PersonSearch:
    """Finds the rows of files that hold a person.

    Args:
        is_person: Whether a canonical value is one of the person's.
        keys: By source, the keys of the members that are the person.
    """

    def __init__(
        self, is_person: Callable[[str], bool], keys: Mapping[str, Collection[str]]
    ) -> None:
        self._is_person = is_person
        self._keys = keys

    def count(self, stream: BinaryIO, contract: Contract, chunk_rows: int, *, is_json: bool) -> int:
        """How many rows of an open file are the person's, or hold one of the person's values.

        Raises:
            FileRejectedError: The file cannot be read.
        """
        with text_of(stream) as text:
            chunks = reader_of(text, contract, chunk_rows, is_json=is_json).chunks()
            return sum(len(self._found(chunk, contract)) for chunk in chunks)

    def _found(self, chunk: TextChunk, contract: Contract) -> set[int]:
        found: set[int] = set()
        for column in contract.columns:
            cells = chunk.cells[column.name]
            # Values repeat: each is looked at once.
            meant = {cell for cell in set(cells) if cell is not None and self._is_in(column, cell)}
            if column.is_key and (keys := self._keys.get(contract.source)):
                meant |= {cell for cell in set(cells) if cell is not None and _plain(cell) in keys}
            if meant:
                found.update(offset for offset, cell in enumerate(cells) if cell in meant)
        for rest in (chunk.extras, chunk.surplus):
            for offset, value in rest.items():
                if offset not in found and any(map(self._holds, _texts(value))):
                    found.add(offset)
        return found

    def _is_in(self, column: Column, cell: str) -> bool:
        if not column.is_personal:
            return self._holds(cell)
        value = canonical(cell, column.canonical)
        is_good = column.pattern is not None and re.fullmatch(column.pattern, value)
        return self._is_person(value) or (not is_good and self._holds(cell))

    def _holds(self, text: str) -> bool:
        if len(text) < SHORTEST or ORDINARY.fullmatch(text):
            return False
        return any(self._is_person(value.value) for value in personal_values(text))


def _plain(cell: str) -> str:
    """A number without what exporters make of it; other texts as they are."""
    trimmed = cell.strip()
    whole, _, fraction = trimmed.partition(".")
    is_whole = whole.isascii() and whole.isdigit() and not fraction.strip("0")
    return (whole.lstrip("0") or "0") if is_whole else trimmed


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth < DEEPEST:
        for name, item in value.items():
            yield name
            yield from _texts(item, depth + 1)
    elif isinstance(value, list) and depth < DEEPEST:
        for item in value:
            yield from _texts(item, depth + 1)
