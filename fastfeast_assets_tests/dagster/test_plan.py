"""Pending files are grouped into runs that cover landed partitions only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from fastfeast_assets.automation.plan import LoadRun, plan_loads
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing.discover import LandingFile
from fastfeast_assets.ingest.landing.local_root import LocalPath
from fastfeast_assets.settings import Blueprint

BLUEPRINT = Blueprint()


def stream(source: str, *hours: int) -> list[LandingFile]:
    moments = [datetime(2026, 11, 20, hour) for hour in hours]  # noqa: DTZ001
    return [_file(source, moment, moment.strftime("%Y-%m-%d-%H:%M")) for moment in moments]


def batch(source: str, *days: int) -> list[LandingFile]:
    moments = [datetime(2026, 11, day) for day in days]  # noqa: DTZ001
    return [_file(source, moment, moment.strftime("%Y-%m-%d")) for moment in moments]


def _file(source: str, at: datetime, key: str) -> LandingFile:
    path = f"{key}/{source}"
    return LandingFile(source, LocalPath(path), path, key, at, 1, 1, "1", is_master=False)


def test_nothing_pending_needs_no_run(contracts: Mapping[str, Contract]) -> None:
    assert plan_loads([], contracts, BLUEPRINT) == []


def test_sources_with_the_same_range_share_a_run(contracts: Mapping[str, Contract]) -> None:
    files = stream("orders", 8, 9, 10) + stream("tickets", 8, 9, 10)
    assert plan_loads(files, contracts, BLUEPRINT) == [
        LoadRun("stream", "2026-11-20-08:00", "2026-11-20-10:00", ("orders", "tickets"))
    ]


def test_a_range_ends_at_a_gap_of_its_source(contracts: Mapping[str, Contract]) -> None:
    files = stream("orders", 8, 9, 10) + stream("tickets", 8, 10)
    assert plan_loads(files, contracts, BLUEPRINT) == [
        LoadRun("stream", "2026-11-20-08:00", "2026-11-20-08:00", ("tickets",)),
        LoadRun("stream", "2026-11-20-08:00", "2026-11-20-10:00", ("orders",)),
        LoadRun("stream", "2026-11-20-10:00", "2026-11-20-10:00", ("tickets",)),
    ]


def test_batch_comes_before_streams_and_early_before_late(
    contracts: Mapping[str, Contract],
) -> None:
    files = stream("orders", 8) + batch("cities", 20, 18) + batch("teams", 20, 18)
    plan = plan_loads(files, contracts, BLUEPRINT)
    assert [(run.cadence, run.first) for run in plan] == [
        ("batch", "2026-11-18"),
        ("batch", "2026-11-20"),
        ("stream", "2026-11-20-08:00"),
    ]
    assert plan[0].sources == ("cities", "teams")


def test_a_run_of_one_partition_is_tagged_as_such() -> None:
    one = LoadRun("batch", "2026-11-20", "2026-11-20", ("cities",))
    many = LoadRun("batch", "2026-11-19", "2026-11-20", ("cities",))
    assert one.tags == {"dagster/partition": "2026-11-20"}
    assert many.tags == {
        "dagster/asset_partition_range_start": "2026-11-19",
        "dagster/asset_partition_range_end": "2026-11-20",
    }
