"""What a reader yields: a bounded number of rows as columns of text, nothing judged yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

Cell = str | None


@dataclass(frozen=True)
class Fault:
    """A cell or row that the reader itself refuses.

    Attributes:
        column: The source column, or the first column that the fault touches.
        rule: `row` for a malformed row, `type` for a value that is no scalar.
        value: What stood there, as text, or None when it would only repeat the row.
    """

    column: str
    rule: str
    value: str | None = None


@dataclass(frozen=True)
class TextChunk:
    """Some consecutive data rows of a file.

    Attributes:
        first_row: Number of the first row, from 1; a CSV header is not counted.
        cells: Contracted column -> one text a row; None is null.
        extras: Row offset -> uncontracted columns and their values as they came.
        faults: Row offset -> what the reader refuses about the row.
        surplus: Row offset -> values beyond the contracted columns of a malformed row.
    """

    first_row: int
    cells: Mapping[str, list[Cell]]
    extras: Mapping[int, dict[str, object]] = field(default_factory=dict)
    faults: Mapping[int, list[Fault]] = field(default_factory=dict)
    surplus: Mapping[int, list[object]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self.cells.values())))


class Reader(Protocol):
    """A file format."""

    def chunks(self) -> Iterator[TextChunk]:
        """Yield the rows in order.

        Raises:
            FileRejectedError: The file is empty, truncated, malformed or lacks a column.
        """
        ...
