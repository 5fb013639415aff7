"""Choosing the rows of a file that carry damage, and putting the damage into its cells.

The rows are chosen for a file as a whole, before its first row is made, because one null turns
the whole column into floats; the damage is then put in chunk by chunk. Memory follows the number
of dirty rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastfeast_assets.simulate.dirt import ROW_KINDS, DirtKind, DirtRates
from fastfeast_assets.simulate.randomness import MILLION, Bools, Ints, share, stochastic_count
from fastfeast_assets.simulate.render import FileFormat, cell, cells, rows
from fastfeast_assets.simulate.table import Table
from fastfeast_assets.simulate.targets import TARGETS, Target

_NULLING = (DirtKind.NULL_REQUIRED, DirtKind.NULL_OPTIONAL)


@dataclass(frozen=True, slots=True)
class Spoilage:
    """The dirty rows of one file.

    Attributes:
        positions: Row numbers from 0, ascending.
        kinds: Index into `ROW_KINDS` for each position.
        targets: What is hit, for each position.
        draws: A random number for each position.
        float_columns: Columns that are written as floats if they are integers.
        nan_share: Share of the nulls put in that are a bare NaN.
    """

    positions: Ints
    kinds: Ints
    targets: tuple[Target, ...]
    draws: Ints
    float_columns: frozenset[str]
    nan_share: float
    counts: Counter[DirtKind] = field(default_factory=Counter)

    def has(self, kinds: Iterable[DirtKind], start: int, stop: int) -> Bools:
        """Returns a flag for each row from `start` to `stop`: does it carry one of `kinds`?"""
        codes = [ROW_KINDS.index(kind) for kind in kinds]
        here = slice(*np.searchsorted(self.positions, (start, stop)))
        flags = np.zeros(stop - start, dtype=np.bool_)
        flags[self.positions[here][np.isin(self.kinds[here], codes)] - start] = True
        return flags


def choose(rng: np.random.Generator, source: str, total: int, rates: DirtRates) -> Spoilage:
    """Chooses the dirty rows of a file.

    Args:
        rng: The generator of this file's dirt.
        source: Name of the source; sources without targets stay clean.
        total: Rows of the file, repeated rows not counted.
        rates: How often each kind occurs.
    """
    per_kind = TARGETS.get(source, {})
    counts = [
        stochastic_count(rng, total, rates.rate(kind)) if kind in per_kind else 0
        for kind in ROW_KINDS
    ]
    dirty = min(total, sum(counts))
    positions = rng.choice(total, dirty, replace=False) if dirty else np.empty(0, dtype=np.int64)
    kinds = np.repeat(np.arange(len(ROW_KINDS)), counts)[:dirty]
    draws = rng.integers(0, 2**40, dirty)
    targets = [
        per_kind[ROW_KINDS[kind]][int(draw) % len(per_kind[ROW_KINDS[kind]])]
        for kind, draw in zip(kinds, draws, strict=True)
    ]
    nulled = {
        target.column
        for kind, target in zip(kinds, targets, strict=True)
        if ROW_KINDS[kind] in _NULLING
    }
    order = np.argsort(positions)
    return Spoilage(
        positions=positions[order],
        kinds=kinds[order],
        targets=tuple(targets[place] for place in order),
        draws=draws[order] // 16,
        float_columns=frozenset(
            column for column in sorted(nulled) if share(rng, 1, rates.float_ids)[0]
        ),
        nan_share=rates.bare_nan,
    )


def spoiled_rows(table: Table, spoilage: Spoilage, start: int, file_format: FileFormat) -> Any:
    """Renders a chunk of a file, with its damage.

    Args:
        table: The chunk's sound rows.
        spoilage: The file's dirty rows; its `counts` grow by what this chunk carries.
        start: Number of the chunk's first row in the file.
        file_format: `csv` or `json`.

    Returns:
        A pyarrow string array of rows; repeated rows stand at the chunk's end.
    """
    size = len(next(iter(table.values())).text)
    rendered = plain_cells(table, spoilage, file_format)
    hits: dict[str, list[tuple[int, object]]] = {}
    repeated: list[int] = []
    first, last = np.searchsorted(spoilage.positions, (start, start + size))
    for place in range(first, last):
        kind, target = ROW_KINDS[spoilage.kinds[place]], spoilage.targets[place]
        row, draw = int(spoilage.positions[place]) - start, int(spoilage.draws[place])
        spoilage.counts[kind] += 1
        if kind is DirtKind.DUPLICATE_ROW:
            repeated.append(row)
            continue
        value = target.damage(table[target.column].text[row].as_py() or "", draw)
        if (
            value is None
            and file_format == "json"
            and draw % MILLION < spoilage.nan_share * MILLION
        ):
            spoilage.counts[DirtKind.BARE_NAN] += 1
            value = float("nan")
        if isinstance(value, int) and target.column in spoilage.float_columns:
            value = float(value)
        hits.setdefault(target.column, []).append((row, value))
    for column, changes in hits.items():
        rendered[column] = _replaced(rendered[column], changes, file_format)
    chunk = rows(rendered, file_format)
    return pa.concat_arrays([chunk, chunk.take(pa.array(repeated))]) if repeated else chunk


def plain_cells(table: Table, spoilage: Spoilage, file_format: FileFormat) -> dict[str, Any]:
    """Renders the cells of sound rows, with integers as floats where the file has it so."""
    rendered: dict[str, Any] = {}
    for name, column in table.items():
        as_floats = column.kind == "integer" and name in spoilage.float_columns
        rendered[name] = cells(column, file_format, as_floats=as_floats)
        if as_floats:
            spoilage.counts[DirtKind.FLOAT_IDS] += len(column.text) - column.text.null_count
    return rendered


def _replaced(values: Any, changes: Sequence[tuple[int, object]], file_format: FileFormat) -> Any:
    mask = np.zeros(len(values), dtype=np.bool_)
    mask[[row for row, _ in changes]] = True
    texts = [cell(value, file_format) for _, value in changes]
    return pc.replace_with_mask(values, pa.array(mask), pa.array(texts, pa.string()))
