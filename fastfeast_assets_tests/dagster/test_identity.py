"""Dagster with settings that do not belong to the warehouse: ticks and runs fail and say why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg
import psycopg
import pytest

from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.automation.ingest import ingest_pending
from fastfeast_assets.automation.sensors import SENSORS
from fastfeast_assets.build import build_definitions
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.identity import UnknownIdentityError
from fastfeast_assets.warehouse.identity_guard import IdentityChangedError
from fastfeast_assets_tests.dagster.conftest import Load
from fastfeast_assets_tests.landing import DAY, LandingZone, order

HOUR = {"dagster/partition": f"{DAY}-08:00"}


@pytest.fixture
def loaded(landing: LandingZone, load: Load) -> None:
    """An hour that is loaded, and news in it."""
    landing.stream("orders", order(1))
    assert load("ingest_streams", ["orders"], HOUR).success
    landing.stream("orders", order(1, total_amount=1))


@pytest.fixture
def stranger(settings: Settings, contracts: Mapping[str, Contract]) -> Platform:
    """A process on another clock."""
    other = settings.model_copy(update={"timezone": "Asia/Tokyo"})
    return Platform(other, contracts=contracts)


@pytest.fixture
def theirs(
    stranger: Platform, settings: Settings, contracts: Mapping[str, Contract]
) -> dg.Definitions:
    """The definitions of that process."""
    return build_definitions(
        platform=stranger, blueprint=settings, contracts=contracts, sensor_patience_seconds=0
    )


@pytest.mark.usefixtures("loaded")
def test_ticks_fail_and_launch_nothing(
    theirs: dg.Definitions, stranger: Platform, instance: dg.DagsterInstance
) -> None:
    resources = {"platform": stranger}
    for name in SENSORS.values():
        context = dg.build_sensor_context(instance=instance, resources=resources)
        with pytest.raises(IdentityChangedError, match="set FASTFEAST_TIMEZONE=UTC"):
            theirs.resolve_sensor_def(name)(context)
    schedules = list(theirs.schedules or [])
    assert schedules
    for schedule in schedules:
        assert isinstance(schedule, dg.ScheduleDefinition)
        due = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=datetime(2026, 11, 20, 2, tzinfo=UTC),
            resources=resources,
        )
        with pytest.raises(IdentityChangedError):
            schedule(due)


@pytest.mark.usefixtures("loaded")
def test_runs_fail_before_they_change_anything(
    theirs: dg.Definitions, stranger: Platform, instance: dg.DagsterInstance, settings: Settings
) -> None:
    for job, tags in (("ingest_streams", HOUR), ("transform", {}), ("retention", {})):
        result = theirs.resolve_job_def(job).execute_in_process(
            instance=instance, tags=tags, raise_on_error=False
        )
        assert not result.success
        failed = [event for event in result.all_events if event.is_step_failure]
        assert any("Asia/Tokyo" in str(event.event_specific_data) for event in failed), job
    with pytest.raises(IdentityChangedError):
        ingest_pending(stranger.settings, instance=instance)
    assert settings.warehouse_url is not None
    with psycopg.connect(settings.warehouse_url.get_secret_value()) as connection:
        assert connection.execute("select total_amount::text from raw.orders").fetchall() == [
            ("112.50",)
        ]
        marts = "select count(*) from pg_class where relnamespace = to_regnamespace('marts')"
        assert connection.execute(marts).fetchone() == (0,)


@pytest.mark.usefixtures("loaded")
def test_an_ingestion_without_news_keeps_what_is_accepted(
    landing: LandingZone, settings: Settings, platform: Platform, instance: dg.DagsterInstance
) -> None:
    landing.stream("orders", order(1))
    assert ingest_pending(settings, instance=instance).is_success
    accepted = settings.model_copy(update={"timezone": "Asia/Tokyo", "accept_new_timezone": True})
    assert ingest_pending(accepted, instance=instance).reports == []
    with pytest.raises(IdentityChangedError, match="set FASTFEAST_TIMEZONE=Asia/Tokyo"):
        platform.ensure_identity()


@pytest.mark.usefixtures("loaded")
def test_a_warehouse_without_an_identity_waits_for_its_upgrade(
    settings: Settings,
    definitions: dg.Definitions,
    platform: Platform,
    instance: dg.DagsterInstance,
) -> None:
    with platform.warehouse.connect() as connection:
        connection.execute("delete from ops.identity")
    context = dg.build_sensor_context(instance=instance, resources={"platform": platform})
    with pytest.raises(UnknownIdentityError, match="fastfeast upgrade"):
        definitions.resolve_sensor_def("landing_stream")(context)
    with pytest.raises(UnknownIdentityError):
        ingest_pending(settings, instance=instance)
