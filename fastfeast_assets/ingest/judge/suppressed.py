"""Persons who were erased: what their rows are loaded as.

Belongs here: which rows are theirs, and what is left of such a row. Who was erased is for
`warehouse.person` to say. Source of the rule: docs/adr/0044-erasing-a-person.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.ingest.judge.canonical import canonical
from fastfeast_assets.ingest.judge.parsed import Mask
from fastfeast_assets.ingest.judge.scrub import personal_values
from fastfeast_assets.ingest.read.chunks import TextChunk

HashMany = Callable[[Iterable[str | None]], list[str | None]]

ERASED = "[erased]"
"""What stands in a required column of text of an erased row."""
MARK = "_erased"
"""Name in `quarantine.raw_data` of a row whose person was erased."""


@dataclass(frozen=True)
class Suppressed:
    """Who was erased, as far as it concerns one source.

    Attributes:
        hashes: Of persons, under every key that is in use.
        rows: By column, the values of the rows that were erased.
    """

    hashes: frozenset[str] = frozenset()
    rows: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nobody was."""
        return not self.hashes and not self.rows

    def among(
        self,
        contract: Contract,
        chunk: TextChunk,
        stored: Mapping[str, pa.Array],
        hashes_of: Sequence[HashMany],
    ) -> Mask:
        """Which rows of a chunk are those of erased persons.

        Args:
            contract: Of the source.
            chunk: The rows as they came.
            stored: Their columns, by their stored names.
            hashes_of: What hashes many values, under each key in use.
        """
        found = np.zeros(len(chunk), dtype=bool)
        for name, erased in self.rows.items():
            texts = stored[contract.column(name).stored_as].cast(pa.large_string())
            wanted = pa.array(sorted(erased), type=pa.large_string())
            found |= pc.is_in(texts, wanted).to_numpy(zero_copy_only=False)
        if self.hashes:
            for column in contract.personal_columns:
                cells = chunk.cells[column.name]
                values = [None if c is None else canonical(c, column.canonical) for c in cells]
                refused = _in_refused(column, cells, values)
                for hash_many in hashes_of:
                    hashes = hash_many(values)
                    found |= np.fromiter((h in self.hashes for h in hashes), bool, len(chunk))
                    hashes = hash_many([value for _, value in refused])
                    named = zip(refused, hashes, strict=True)
                    found[[offset for (offset, _), h in named if h in self.hashes]] = True
        return found


def _in_refused(
    column: Column, cells: Sequence[str | None], values: Sequence[str | None]
) -> list[tuple[int, str]]:
    """Persons whom a cell names that is refused as it is written, each with the row's offset.

    The row goes to the quarantine, with the name that stands beside it.
    """
    return [
        (offset, person.value)
        for offset, (cell, value) in enumerate(zip(cells, values, strict=True))
        if cell is not None and value is not None
        if column.pattern is None or not re.fullmatch(column.pattern, value)
        for person in personal_values(cell)
    ]


NOBODY = Suppressed()


def blanked(column: Column, values: pa.Array, is_erased: Mask) -> pa.Array:
    """The values of a column without those of erased rows, where they may tell of the person."""
    if column.is_shown or not is_erased.any():
        return values
    blank = blank_of(column)
    return pc.if_else(pa.array(is_erased), pa.scalar(blank, values.type), values)


def blank_of(column: Column) -> str | None:
    """What stands in a personal or confidential column of an erased row."""
    return ERASED if column.required and column.kind == "text" else None
