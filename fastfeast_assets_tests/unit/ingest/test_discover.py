"""Which files are ready, which wait, and why: names, dates and times of change only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.discover import Discovery, discover
from fastfeast_assets.ingest.landing import open_landing
from fastfeast_assets.ingest.local_root import LocalPath

START = date(2020, 1, 1)
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=ZoneInfo("UTC"))


def look(root: Path, contracts: Mapping[str, Contract], now: datetime = NOW) -> Discovery:
    return discover(open_landing(root), contracts, now=now, settle_seconds=2, start_date=START)


def put(root: Path, relative: str, age: float = 3600.0) -> Path:
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[]")
    moment = NOW.timestamp() - age
    os.utime(path, (moment, moment))
    return path


def test_the_layout_gives_source_and_partition(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    for relative in (
        "master/restaurants.csv",
        "batch/2026-11-20/cities.json",
        "batch/2026-11-20/teams.csv",
        "stream/2026-11-20/08/orders.json",
        "stream/2026-11-20/12/tickets.csv",
    ):
        put(tmp_path, relative)
    files = look(tmp_path, contracts).files
    assert [(file.relative_path, file.partition_key) for file in files] == [
        ("master/restaurants.csv", "2020-01-01"),
        ("batch/2026-11-20/cities.json", "2026-11-20"),
        ("batch/2026-11-20/teams.csv", "2026-11-20"),
        ("stream/2026-11-20/08/orders.json", "2026-11-20-08:00"),
        ("stream/2026-11-20/12/tickets.csv", "2026-11-20-12:00"),
    ]
    assert [file.is_master for file in files] == [True, False, False, False, False]


@pytest.mark.parametrize(("age", "is_ready"), [(0.0, False), (1.9, False), (2.1, True)])
def test_a_file_changed_a_moment_ago_is_left_for_later(
    tmp_path: Path, contracts: Mapping[str, Contract], age: float, is_ready: bool
) -> None:
    put(tmp_path, "master/teams.csv", age)
    found = look(tmp_path, contracts)
    assert (len(found.files), len(found.unsettled)) == ((1, 0) if is_ready else (0, 1))


def test_a_time_of_change_ahead_of_the_clock_does_not_hold_a_file_for_ever(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    put(tmp_path, "master/teams.csv", age=-10 * 365 * 86400.0)
    later = datetime.now(tz=ZoneInfo("UTC")) + timedelta(seconds=3)
    assert len(look(tmp_path, contracts, later).files) == 1


def test_a_folder_of_the_future_waits(tmp_path: Path, contracts: Mapping[str, Contract]) -> None:
    put(tmp_path, "stream/2026-11-20/12/orders.json")
    put(tmp_path, "stream/2026-11-20/13/orders.json")
    put(tmp_path, "batch/2026-11-21/teams.csv")
    found = look(tmp_path, contracts)
    assert [file.relative_path for file in found.files] == ["stream/2026-11-20/12/orders.json"]
    assert [finding.relative_path for finding in found.future] == [
        "batch/2026-11-21/teams.csv",
        "stream/2026-11-20/13/orders.json",
    ]


def test_a_folder_before_the_first_partition_is_reported(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    put(tmp_path, "batch/2019-12-31/teams.csv")
    [finding] = look(tmp_path, contracts).refused
    assert "FASTFEAST_START_DATE" in finding.reason
    assert "2019-12-31" in finding.reason


def test_a_link_within_the_landing_zone_is_a_file(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    target = put(tmp_path, ".versions/teams-2.csv")
    (tmp_path / "master").mkdir()
    (tmp_path / "master/teams.csv").symlink_to(target)
    [file] = look(tmp_path, contracts).files
    assert file.relative_path == "master/teams.csv"
    assert file.path == LocalPath(str(target))


def test_an_absent_landing_zone_is_empty(tmp_path: Path, contracts: Mapping[str, Contract]) -> None:
    assert look(tmp_path / "nowhere", contracts) == Discovery()


def test_names_that_are_no_utf8_are_reported(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/caf\xe9.csv", os.O_CREAT))
    [finding] = look(tmp_path, contracts).unknown
    assert finding.relative_path == "caf\\udce9.csv"
