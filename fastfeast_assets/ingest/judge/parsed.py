"""What parsing a column gives, and the masks that the parsers of all kinds work with.

Nothing here knows what a value means: that is in `parse`, `quantities` and `moments`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True)
class ParsedColumn:
    """One column of a chunk.

    Attributes:
        typed: What Pandera judges: Int64, Float64, boolean, datetime64[us] or text; null where
            the cell is null or no value of the type.
        stored: What the warehouse gets, of the same length; personal values not yet hashed.
        faults: Rule (`type`, `range`, `format`) -> mask of the cells that break it.
        instants: In UTC, what the cells that carry an offset mean; null elsewhere. None when no
            cell does.
    """

    typed: pd.Series
    stored: pa.Array
    faults: dict[str, Mask] = field(default_factory=dict)
    instants: pd.Series | None = None


def matches(text: pa.Array, pattern: str) -> Mask:
    """Which texts the pattern is found in; null is none of them."""
    return true_of(pc.match_substring_regex(text, pattern))


def true_of(condition: pa.Array) -> Mask:
    """A condition as a mask; null counts as false."""
    mask: Mask = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    return mask


def present(values: pa.Array) -> Mask:
    """Which values are not null."""
    mask: Mask = pc.is_valid(values).to_numpy(zero_copy_only=False)
    return mask


def where(values: pa.Array, keep: Mask) -> pa.Array:
    """The values with null wherever they are not kept."""
    return pc.if_else(pa.array(keep), values, pa.scalar(None, type=values.type))


def series(values: pa.Array, dtype: str) -> pd.Series:
    """The values as pandas has them."""
    return pd.Series(values.to_pandas(), dtype=dtype)


def only_hits(faults: dict[str, Mask]) -> dict[str, Mask]:
    """The faults that some cell has."""
    return {rule: mask for rule, mask in faults.items() if mask.any()}
