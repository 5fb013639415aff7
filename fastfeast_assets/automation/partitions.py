"""Partitions of the raw assets, from the layout of the landing zone and the business clock.

Belongs here: everything about partition keys. Which files belong to a partition
is for `ingest.discover` to say.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from fastfeast_assets.contracts.model import Cadence
from fastfeast_assets.ingest.landing.discover import DAY_KEY, HOUR_KEY, LandingFile
from fastfeast_assets.settings import Blueprint

MAXIMUM_FOLDERS = 200
# The run tags in which Dagster looks for partitions.
PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
KEY_FORMATS: dict[Cadence, str] = {"batch": DAY_KEY, "stream": HOUR_KEY}


def build_partitions(cadence: Cadence, blueprint: Blueprint) -> dg.TimeWindowPartitionsDefinition:
    """Daily partitions for batch sources, hourly ones for streams.

    They end with the day or hour that is being filled now.
    """
    start = datetime(
        blueprint.start_date.year,
        blueprint.start_date.month,
        blueprint.start_date.day,
        tzinfo=ZoneInfo(blueprint.timezone),
    )
    kind = dg.DailyPartitionsDefinition if cadence == "batch" else dg.HourlyPartitionsDefinition
    return kind(start_date=start, timezone=blueprint.timezone, end_offset=1)


def partition_of(file: LandingFile, cadence: Cadence, blueprint: Blueprint) -> str:
    """The key of the partition that holds a landing file.

    That of its folder, except for a folder named after an hour that the clock skipped: its file
    belongs to the hour after.
    """
    if cadence == "batch":
        return file.partition_key
    zone = ZoneInfo(blueprint.timezone)
    moment = file.partition_at.replace(tzinfo=zone).astimezone(UTC)
    return moment.astimezone(zone).strftime(HOUR_KEY)


def landing_folders(
    keys: Collection[str], cadence: Cadence, blueprint: Blueprint
) -> list[str] | None:
    """The folders of the landing zone in which the files of some partitions stand.

    Returns:
        Their paths below the landing root; None when the whole zone is listed more quickly. The
        folder before each hour is among them, as its files belong to the hour when the clock
        skipped that folder's own.
    """
    if len(keys) > MAXIMUM_FOLDERS:
        return None
    if cadence == "batch":
        folders = {f"batch/{key}" for key in keys}
        return sorted(folders | ({"master"} if f"{blueprint.start_date}" in keys else set()))
    starts = [datetime.strptime(key[:16], HOUR_KEY) for key in keys]  # noqa: DTZ007
    hours = {start - back for start in starts for back in (timedelta(0), timedelta(hours=1))}
    return sorted(f"stream/{hour:%Y-%m-%d}/{hour:%H}" for hour in hours)


def contiguous_ranges(
    keys: Iterable[str], partitions: dg.TimeWindowPartitionsDefinition
) -> list[tuple[str, str]]:
    """Split partition keys into ranges without gaps, first and last key of each.

    A run over a range records every partition in it, so a range may only hold wanted ones.
    """
    windows = sorted((partitions.time_window_for_partition_key(key), key) for key in set(keys))
    ranges: list[tuple[str, str]] = []
    previous_end: datetime | None = None
    for window, key in windows:
        if previous_end is not None and window.start == previous_end:
            ranges[-1] = (ranges[-1][0], key)
        else:
            ranges.append((key, key))
        previous_end = window.end
    return ranges


def range_tags(first: str, last: str) -> dict[str, str]:
    """The run tags that make one run cover a range of partitions."""
    return {
        RANGE_START: first,
        RANGE_END: last,
    }


def missing_keys(wanted: Sequence[str], present: Iterable[str]) -> list[str]:
    """The wanted partitions of which no file is present, in order."""
    found = set(present)
    return [key for key in wanted if key not in found]
