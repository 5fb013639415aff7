"""What a reader yields: a bounded number of rows as columns of text, nothing judged yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class NumberText(str):
    """A JSON number as it stands in the file, every digit kept; a JSON text is a plain `str`."""

    __slots__ = ()


class BareWord(str):
    """A JSON `true`, `false` or `Infinity`: no text, whatever the column holds."""

    __slots__ = ()


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
        bad_bytes: Offsets of the rows that hold bytes which are not UTF-8.
    """

    first_row: int
    cells: Mapping[str, list[Cell]]
    extras: Mapping[int, dict[str, object]] = field(default_factory=dict)
    faults: Mapping[int, list[Fault]] = field(default_factory=dict)
    surplus: Mapping[int, list[object]] = field(default_factory=dict)
    bad_bytes: frozenset[int] = frozenset()

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self.cells.values())))


@dataclass(frozen=True)
class LineAccount:
    """The physical lines of a file: `total` is the number of its rows and of `other` lines.

    Attributes:
        total: All lines.
        other: Lines that begin no row: header, blank lines, the further lines of a row.
    """

    total: int
    other: int
