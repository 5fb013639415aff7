"""Loads whose run came to an end before the transform had seen them."""

from __future__ import annotations

import json
import time

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from fastfeast_assets.assets.raw import raw_key
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.automation.left_behind import NAME
from fastfeast_assets.automation.partitions import range_tags
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.locks import INGEST_LOCK
from fastfeast_assets_tests.dagster.ticks import Sensor, load_everything
from fastfeast_assets_tests.landing import DAY, LandingZone, order


@pytest.fixture
def sensor(definitions: dg.Definitions, instance: DagsterInstance, platform: Platform) -> Sensor:
    return Sensor(NAME, definitions, instance, platform)


def reason(sensor: Sensor) -> str:
    """Why it launches nothing."""
    result = sensor.tick()
    assert not result.run_requests
    assert result.skip_reason is not None
    return str(result.skip_reason.skip_message)


def requested(sensor: Sensor) -> dg.RunRequest:
    """The run that it launches."""
    [request] = sensor.tick().run_requests or []
    return request


def transform(definitions: dg.Definitions, instance: DagsterInstance) -> None:
    job = definitions.resolve_job_def("transform")
    assert job.execute_in_process(instance=instance, raise_on_error=False).success


@pytest.mark.usefixtures("warehouse")
def test_a_load_without_a_transform_gets_one(
    sensor: Sensor,
    definitions: dg.Definitions,
    instance: DagsterInstance,
    landing: LandingZone,
    platform: Platform,
) -> None:
    assert reason(sensor) == "every load has been transformed"
    landing.stream("orders", order())
    load_everything(platform)
    request = requested(sensor)
    keys = {key.to_user_string() for key in request.asset_selection or []}
    assert "marts/fact_order" in keys
    assert not any(key.startswith("raw/") for key in keys)
    assert request.tags["fastfeast/reason"] == "loads of orders"
    transform(definitions, instance)
    assert reason(sensor) == "every load has been transformed"


@pytest.mark.usefixtures("warehouse")
@pytest.mark.parametrize("job", ["ingest_streams", "load_streams", "transform"])
def test_a_run_that_may_still_transform_it_is_waited_for(
    sensor: Sensor, instance: DagsterInstance, landing: LandingZone, platform: Platform, job: str
) -> None:
    landing.stream("orders", order())
    load_everything(platform)
    run = DagsterRun(
        job_name=job,
        asset_selection=None if job == "transform" else frozenset([raw_key("orders")]),
        tags={} if job == "transform" else range_tags(f"{DAY}-08:00", f"{DAY}-08:00"),
        status=DagsterRunStatus.STARTED,
    )
    instance.add_run(run)
    assert reason(sensor) == "a run is at work"
    instance.report_run_failed(run)
    assert requested(sensor)


def test_a_command_that_ingests_is_waited_for(
    sensor: Sensor, landing: LandingZone, platform: Platform, warehouse: Warehouse
) -> None:
    landing.stream("orders", order())
    load_everything(platform)
    with warehouse.connect(autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [INGEST_LOCK])
        assert reason(sensor) == "a command is ingesting"
    assert requested(sensor)


@pytest.mark.usefixtures("warehouse")
def test_a_transform_that_fails_is_tried_again_ever_more_seldom(
    sensor: Sensor, landing: LandingZone, platform: Platform
) -> None:
    landing.stream("orders", order())
    load_everything(platform)
    waits = []
    keys = set()
    for attempt in range(1, 7):
        request = requested(sensor)
        keys.add(request.run_key)
        assert request.tags["fastfeast/attempt"] == str(attempt)
        assert sensor.cursor is not None
        content = json.loads(sensor.cursor)
        waits.append(round((content["attempts"]["loads"][2] - time.time()) / 10) * 10)
        assert reason(sensor) == "the last transform failed; tried again later"
        # Another file does not make it hurry.
        landing.stream("orders", order(attempt + 1), hour=8 + attempt)
        load_everything(platform)
        assert reason(sensor) == "the last transform failed; tried again later"
        content["attempts"]["loads"][2] = 0
        sensor.cursor = json.dumps(content)
    assert waits == [30, 120, 600, 3600, 3600, 3600]
    assert len(keys) == 6
