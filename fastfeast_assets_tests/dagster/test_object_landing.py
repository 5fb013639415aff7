"""The landing sensors and their runs over an object store: in memory, and an S3 server."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import dagster as dg
import pytest

from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets_tests.dagster.test_sensors import (
    batch,
    reason,
    requests,
    streams,
    tags,
)
from fastfeast_assets_tests.dagster.ticks import Sensor, load_everything
from fastfeast_assets_tests.landing import DAY, ObjectZone, order

__all__ = ["batch", "streams"]


@pytest.fixture(params=["memory", "s3"])
def zone(request: pytest.FixtureRequest) -> ObjectZone:
    """A landing zone in an object store."""
    if request.param == "s3":
        return ObjectZone(request.getfixturevalue("s3_address"))
    return ObjectZone(f"memory://{uuid.uuid4().hex}/landing")


@pytest.fixture
def platform(settings: Settings, contracts: Mapping[str, Contract], zone: ObjectZone) -> Platform:
    """The resource of a test; a file on a disk would have to settle for an hour."""
    changes = {"landing": zone.address, "settle_seconds": 3600}
    return Platform(settings.model_copy(update=changes), contracts=contracts)


def test_an_empty_prefix(streams: Sensor, batch: Sensor) -> None:
    assert reason(streams.tick()) == "nothing new"
    assert reason(batch.tick()) == "nothing new"


def test_a_new_object_is_requested_and_its_run_loads_it(
    streams: Sensor,
    batch: Sensor,
    zone: ObjectZone,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    platform: Platform,
) -> None:
    zone.stream("orders", order(), order(2, total_amount=-1))
    assert reason(batch.tick()) == "nothing new"
    (request,) = requests(streams.tick())
    assert request.tags["dagster/partition"] == f"{DAY}-08:00"
    result = definitions.resolve_job_def("ingest_streams").execute_in_process(
        instance=instance, asset_selection=list(request.asset_selection or []), tags=request.tags
    )
    assert result.success
    with platform.warehouse.connect() as connection:
        rows = connection.execute(
            "select file_path, valid_records, quarantined, bytes > 0, landed_at > '2026-01-01'"
            " from ops.pipeline_file_log"
        ).fetchall()
    assert rows == [(f"stream/{DAY}/08/orders.json", 1, 1, True, True)]
    assert reason(streams.tick()) == "nothing new"


def test_a_changed_object_is_loaded_again(
    streams: Sensor, zone: ObjectZone, platform: Platform
) -> None:
    zone.stream("orders", order())
    first = requests(streams.tick())[0].run_key
    load_everything(platform)
    assert reason(streams.tick()) == "nothing new"
    zone.stream("orders", order(), order(2))
    (request,) = requests(streams.tick())
    assert request.run_key != first
    load_everything(platform)
    with platform.warehouse.connect() as connection:
        counts = connection.execute("select count(*) from raw.orders").fetchone()
    assert counts == (2,)
    assert reason(streams.tick()) == "nothing new"


def test_master_and_a_day_are_two_runs(batch: Sensor, zone: ObjectZone) -> None:
    zone.put("master/teams.csv", "team_id,team_name\n1,x\n")
    zone.batch("teams")
    assert tags(batch.tick()) == [{"partition": "2020-01-01"}, {"partition": DAY}]


def test_an_unknown_object_is_reported_once(batch: Sensor, zone: ObjectZone) -> None:
    zone.put(f"batch/{DAY}/couriers.csv", "a,b\n")
    zone.put("notes.txt", "hello")
    (found,) = batch.tick().asset_events
    assert isinstance(found, dg.AssetObservation)
    assert found.metadata["files"].value == 2
    assert not batch.tick().asset_events
