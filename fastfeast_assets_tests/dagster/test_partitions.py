"""Partitions follow the landing layout and the business clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fastfeast_assets.automation.partitions import (
    build_partitions,
    contiguous_ranges,
    landing_folders,
    partition_of,
)
from fastfeast_assets.ingest.landing.discover import LandingFile
from fastfeast_assets.ingest.landing.local_root import LocalPath
from fastfeast_assets.settings import Blueprint

UTC_CLOCK = Blueprint(start_date=date(2026, 11, 1))
CAIRO = Blueprint(timezone="Africa/Cairo", start_date=date(2026, 4, 1))


def hour_file(day: str, hour: int) -> LandingFile:
    at = datetime.strptime(f"{day} {hour:02d}", "%Y-%m-%d %H")  # noqa: DTZ007
    path = f"stream/{day}/{hour:02d}/orders.json"
    key = at.strftime("%Y-%m-%d-%H:%M")
    return LandingFile("orders", LocalPath(path), path, key, at, 1, 1, "1", is_master=False)


@pytest.mark.parametrize("zone", ["UTC", "Africa/Cairo", "America/New_York"])
def test_the_hour_and_day_being_filled_now_are_partitions(zone: str) -> None:
    blueprint = Blueprint(timezone=zone)
    now = datetime.now(ZoneInfo(zone))
    hours = build_partitions("stream", blueprint)
    assert hours.has_partition_key(now.strftime("%Y-%m-%d-%H:00"))
    later = datetime.now(UTC) + timedelta(hours=2)
    assert not hours.has_partition_key(later.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d-%H:00"))
    assert build_partitions("batch", blueprint).has_partition_key(now.strftime("%Y-%m-%d"))


def test_first_partition_is_that_of_the_start_date() -> None:
    assert build_partitions("batch", UTC_CLOCK).get_first_partition_key() == "2026-11-01"
    assert build_partitions("stream", UTC_CLOCK).get_first_partition_key() == "2026-11-01-00:00"


def test_ranges_split_at_gaps_and_run_over_midnight() -> None:
    hours = build_partitions("stream", UTC_CLOCK)
    keys = ["2026-11-03-01:00", "2026-11-02-23:00", "2026-11-03-00:00", "2026-11-03-03:00"]
    assert contiguous_ranges(keys, hours) == [
        ("2026-11-02-23:00", "2026-11-03-01:00"),
        ("2026-11-03-03:00", "2026-11-03-03:00"),
    ]


def test_folder_of_an_hour_that_the_clock_skipped_belongs_to_the_next() -> None:
    # In Cairo the clock went from 2026-04-23 23:59 straight to 2026-04-24 01:00.
    key = partition_of(hour_file("2026-04-24", 0), "stream", CAIRO)
    assert key == "2026-04-24-01:00"
    assert key in build_partitions("stream", CAIRO).get_partition_keys()


def test_folder_of_an_hour_that_came_twice_belongs_to_the_first() -> None:
    # The clock went back from 2026-10-29 23:59 to 23:00.
    key = partition_of(hour_file("2026-10-29", 23), "stream", CAIRO)
    assert key == "2026-10-29-23:00"
    assert key in build_partitions("stream", CAIRO).get_partition_keys()


def test_folders_of_partitions_are_those_that_hold_their_files() -> None:
    plan = Blueprint(timezone="Europe/Berlin")
    for key, folders in {
        "2026-11-20-00:00": ["stream/2026-11-19/23", "stream/2026-11-20/00"],
        "2026-03-29-03:00": ["stream/2026-03-29/02", "stream/2026-03-29/03"],
    }.items():
        assert landing_folders([key], "stream", plan) == folders
    assert landing_folders(["2020-01-01"], "batch", plan) == ["batch/2020-01-01", "master"]
    assert landing_folders(["2026-11-20"], "batch", plan) == ["batch/2026-11-20"]


def test_many_partitions_are_looked_for_in_the_whole_zone() -> None:
    keys = [f"2026-11-{day:02d}-{hour:02d}:00" for day in range(1, 31) for hour in range(24)]
    assert landing_folders(keys, "stream", Blueprint()) is None
