"""Partitions of the raw assets, from the layout of the landing zone and the business clock.

Belongs here: the calendar and everything about partition keys. Which files belong to a partition
is for `ingest.discover` to say.
"""

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from fastfeast_assets.contracts.model import Cadence
from fastfeast_assets.ingest.discover import DAY_KEY, HOUR_KEY, LandingFile
from fastfeast_assets.settings import PROJECT_ROOT, Settings, SettingsError

KEY_FORMATS: dict[Cadence, str] = {"batch": DAY_KEY, "stream": HOUR_KEY}


class Calendar(BaseSettings):
    """The two settings that definitions need: they load without a key or a database."""

    model_config = SettingsConfigDict(
        env_prefix="FASTFEAST_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    timezone: str = Settings.model_fields["timezone"].default
    start_date: date = Settings.model_fields["start_date"].default

    @classmethod
    def of(cls, settings: Settings) -> "Calendar":
        """The calendar of explicit settings."""
        return cls.model_construct(timezone=settings.timezone, start_date=settings.start_date)

    @classmethod
    def load(cls) -> "Calendar":
        """The calendar of the environment and the project's `.env`.

        Raises:
            SettingsError: The zone or the date is none.
        """
        env_file = Path(os.environ.get("FASTFEAST_ENV_FILE", PROJECT_ROOT / ".env"))
        try:
            calendar = cls(_env_file=env_file)  # type: ignore[call-arg]
            ZoneInfo(calendar.timezone)
        except (ValidationError, ValueError, KeyError) as error:
            raise SettingsError(
                "FASTFEAST_TIMEZONE or FASTFEAST_START_DATE is wrong: set an IANA time zone such"
                " as Africa/Cairo and a date such as 2020-01-01"
            ) from error
        return calendar


def build_partitions(cadence: Cadence, calendar: Calendar) -> dg.TimeWindowPartitionsDefinition:
    """Daily partitions for batch sources, hourly ones for streams.

    They end with the day or hour that is being filled now.
    """
    start = datetime(
        calendar.start_date.year,
        calendar.start_date.month,
        calendar.start_date.day,
        tzinfo=ZoneInfo(calendar.timezone),
    )
    kind = dg.DailyPartitionsDefinition if cadence == "batch" else dg.HourlyPartitionsDefinition
    return kind(start_date=start, timezone=calendar.timezone, end_offset=1)


def partition_of(file: LandingFile, cadence: Cadence, calendar: Calendar) -> str:
    """The key of the partition that holds a landing file.

    That of its folder, except for a folder named after an hour that the clock skipped: its file
    belongs to the hour after.
    """
    if cadence == "batch":
        return file.partition_key
    zone = ZoneInfo(calendar.timezone)
    moment = file.partition_at.replace(tzinfo=zone).astimezone(UTC)
    return moment.astimezone(zone).strftime(HOUR_KEY)


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
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }


def missing_keys(wanted: Sequence[str], present: Iterable[str]) -> list[str]:
    """The wanted partitions of which no file is present, in order."""
    found = set(present)
    return [key for key in wanted if key not in found]
