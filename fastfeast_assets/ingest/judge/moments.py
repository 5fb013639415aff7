"""Dates and timestamps out of text.

A timestamp has a date and a time. One without an offset is on the business clock and is stored as
it says; one with an offset is an instant: it is moved onto the business clock to be stored, and
kept beside as the instant that it is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fastfeast_assets.ingest.judge.parsed import ParsedColumn, matches, only_hits, present, where

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
# No clock on earth is further from UTC than 14 hours.
_OFFSET = r"(?:Z|[+-](?:0[0-9]|1[0-3]):?[0-5][0-9]|[+-]14:?00)"
DATE = rf"^{_DAY}([ T]00:00(:00(\.0{{1,9}})?)?)?$"
TIMESTAMP = rf"^{_DAY}[ T]{_TIME}{_OFFSET}?$"
ZONED = rf"{_TIME}{_OFFSET}$"
# The warehouse keeps microseconds; a digit behind them would be lost.
TOO_FINE = r"\.[0-9]{6}[0-9]*[1-9]"


def parse_date(text: pa.Array) -> ParsedColumn:
    """Days; a time of midnight, which the exporter appends, is left out."""
    moments = _moments(where(text, matches(text, DATE)))
    stored = pc.cast(pa.Array.from_pandas(moments), pa.date32())
    faults = {"type": present(text) & moments.isna().to_numpy()}
    return ParsedColumn(moments, stored, only_hits(faults))


def parse_timestamp(text: pa.Array, zone: ZoneInfo) -> ParsedColumn:
    """Moments on the business clock, and the instants of those that carry an offset."""
    good = matches(text, TIMESTAMP)
    too_fine = good & matches(text, TOO_FINE)
    text_on_clock, instants = _on_clock(where(text, good & ~too_fine), zone)
    moments = _moments(text_on_clock)
    faults = {"type": present(text) & moments.isna().to_numpy() & ~too_fine, "format": too_fine}
    return ParsedColumn(moments, pa.Array.from_pandas(moments), only_hits(faults), instants)


def _on_clock(text: pa.Array, zone: ZoneInfo) -> tuple[pa.Array, pd.Series | None]:
    """The texts on the business clock, and the instants of those that were on another."""
    zoned = matches(text, ZONED)
    if not zoned.any():
        return text, None
    texts = text.to_pylist()
    instants: list[datetime | None] = [None] * len(texts)
    for row in np.flatnonzero(zoned):
        try:
            instant = datetime.fromisoformat(texts[row])
            moment = instant.astimezone(zone)
            instants[row] = instant.astimezone(UTC).replace(tzinfo=None)
            texts[row] = moment.replace(tzinfo=None).isoformat(sep=" ")
        except (ValueError, OverflowError):
            texts[row] = None
    as_text = pa.array(texts, type=pa.large_string())
    return as_text, pd.Series(instants, dtype="datetime64[us]")


def _moments(text: pa.Array) -> pd.Series:
    strings = pd.Series(text.to_pandas(), dtype="str")
    parsed = pd.to_datetime(strings, format="ISO8601", errors="coerce")
    return parsed.astype("datetime64[us]")
