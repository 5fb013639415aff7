"""What was written, counted so that a pipeline's figures can be compared with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastfeast_assets.simulate.dirt import REJECTED_KINDS, DirtKind


@dataclass(frozen=True, slots=True)
class FileReport:
    """One written file.

    Attributes:
        path: Relative to the landing root, with `/`.
        source: Name of the source, such as `orders`.
        rows: Data rows, repeated ones included.
        bytes: Size of the file.
        dirt: How many rows carry each kind of damage; for `float_ids` and `bare_nan` how many
            cells, for `phone_lost_zero` how many phones. A row carries one kind at most, but
            cells of a clean row can be written as floats.
        updates: Rows that are new versions of, or new events for, rows of an earlier hour.
        late: Sound rows that wait for a member who is only listed on the next day, themselves or
            through their order or ticket.
        inherited_orphans: Sound rows whose order or ticket never becomes a fact.
    """

    path: str
    source: str
    rows: int
    bytes: int
    dirt: Mapping[DirtKind, int]
    updates: int = 0
    late: int = 0
    inherited_orphans: int = 0

    @property
    def rejected(self) -> int:
        """Rows that a pipeline quarantines at the schema or records stage."""
        return sum(self.dirt.get(kind, 0) for kind in REJECTED_KINDS)

    @property
    def lasting_orphans(self) -> int:
        """Sound rows that never find their parent."""
        return self.dirt.get(DirtKind.ORPHAN, 0) + self.inherited_orphans


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """All written files, in the order they were written.

    The counts treat a member as known when any file lists its key, even in a rejected row.
    """

    out: Path
    files: tuple[FileReport, ...]

    @property
    def rows(self) -> int:
        """Data rows in all files."""
        return sum(file.rows for file in self.files)

    @property
    def rejected(self) -> int:
        """Rows in all files that a pipeline quarantines at the schema or records stage."""
        return sum(file.rejected for file in self.files)

    @property
    def dirt(self) -> dict[DirtKind, int]:
        """Counts of each kind of damage over all files; kinds that do not occur are left out."""
        total: Counter[DirtKind] = Counter()
        for file in self.files:
            total.update(file.dirt)
        return {kind: total[kind] for kind in DirtKind if total[kind]}


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of the simulation.

    Attributes:
        description: What has just been written, such as `2026-11-20 08:00`.
        orders_done: Orders written so far.
        orders_total: Orders to write in all, updates not counted.
    """

    description: str
    orders_done: int
    orders_total: int
