"""The instants that the timestamps of a row may mean, for the rules that compare two of them.

A cell with an offset is one instant. One without is on the business clock, which shows one hour
twice in autumn and leaves one out in spring: then two instants may be meant, and which of them is
not known. So each cell has an earliest and a latest reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.contracts.pandera_schema import earliest_of, latest_of
from fastfeast_assets.ingest.judge.parsed import ParsedColumn


def readings(
    contract: Contract, parsed: Mapping[str, ParsedColumn], zone: ZoneInfo
) -> dict[str, pd.Series]:
    """Earliest and latest instants, in UTC, of the timestamps that `not_before` rules compare.

    Nothing where the business clock alone decides: when no cell carries an offset and none is
    earlier than the one it must not be before.
    """
    pairs = [
        (rule.column, rule.other)
        for rule in contract.row_rules
        if rule.other is not None and contract.column(rule.column).kind == "timestamp"
    ]
    if all(_is_settled(parsed[later], parsed[earlier]) for later, earlier in pairs):
        return {}
    found: dict[str, pd.Series] = {}
    for name in dict.fromkeys(name for pair in pairs for name in pair):
        found[earliest_of(name)], found[latest_of(name)] = _readings(parsed[name], zone)
    return found


def _is_settled(later: ParsedColumn, earlier: ParsedColumn) -> bool:
    has_instants = later.instants is not None or earlier.instants is not None
    return not has_instants and not (later.typed < earlier.typed).any()


def _readings(column: ParsedColumn, zone: ZoneInfo) -> tuple[pd.Series, pd.Series]:
    first, second = (column.typed - _offsets(column.typed, zone, fold) for fold in (0, 1))
    earliest, latest = first.where(first < second, second), first.where(first > second, second)
    if column.instants is None:
        return earliest, latest
    known = column.instants.notna()
    return earliest.mask(known, column.instants), latest.mask(known, column.instants)


def _offsets(clock: pd.Series, zone: ZoneInfo, fold: int) -> pd.Series:
    """What the clock is ahead of UTC; zones change their offset at quarters of an hour only."""
    quarters, places = np.unique(clock.to_numpy().astype("datetime64[15m]"), return_inverse=True)
    moments = quarters.astype("datetime64[s]").tolist()
    offsets = [m and m.replace(tzinfo=zone, fold=fold).utcoffset() for m in moments]
    return pd.Series(np.array(offsets, dtype="timedelta64[us]")[places], index=clock.index)
