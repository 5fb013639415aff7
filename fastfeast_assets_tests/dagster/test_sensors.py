"""The landing sensors, tick by tick: what they launch, what they leave, what they say."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from fastfeast_assets.assets.raw import raw_key
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.automation.landing_look import LandingLook, LandingLostError
from fastfeast_assets.automation.partitions import range_tags
from fastfeast_assets.checks.landing_names import NAMES_KEY
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing.discover import Discovery, LandingFile
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import identity
from fastfeast_assets_tests.dagster.ticks import Sensor, load_everything
from fastfeast_assets_tests.landing import DAY, MEMBERS, LandingZone, order, ticket

Tick = Callable[..., dg.SensorResult]
HOURLY = "runs keep failing, see the last one; tried again every hour"


@pytest.fixture
def streams(definitions: dg.Definitions, instance: DagsterInstance, platform: Platform) -> Sensor:
    return Sensor("landing_stream", definitions, instance, platform)


@pytest.fixture
def batch(definitions: dg.Definitions, instance: DagsterInstance, platform: Platform) -> Sensor:
    return Sensor("landing_batch", definitions, instance, platform)


def requests(result: dg.SensorResult) -> list[dg.RunRequest]:
    return list(result.run_requests or [])


def reason(result: dg.SensorResult) -> str:
    assert not result.run_requests
    return str(result.skip_reason.skip_message if result.skip_reason else "")


def tags(result: dg.SensorResult) -> list[dict[str, str]]:
    return [
        {
            name.removeprefix("dagster/"): value
            for name, value in request.tags.items()
            if "partition" in name
        }
        for request in requests(result)
    ]


def raw_sources(request: dg.RunRequest) -> set[str]:
    return {key.path[1] for key in request.asset_selection or [] if key.path[0] == "raw"}


def start_run(
    instance: DagsterInstance,
    sources: list[str] | None,
    run_tags: Mapping[str, str],
    status: DagsterRunStatus,
) -> DagsterRun:
    selection = None if sources is None else frozenset(map(raw_key, sources))
    run = DagsterRun(
        job_name="ingest_streams", asset_selection=selection, tags=dict(run_tags), status=status
    )
    instance.add_run(run)
    return run


def test_nothing_has_landed(streams: Sensor, batch: Sensor) -> None:
    assert reason(streams.tick()) == "nothing new"
    assert reason(batch.tick()) == "nothing new"


def test_a_landing_zone_that_does_not_exist_yet(
    streams: Sensor, batch: Sensor, settings: Settings, landing: LandingZone
) -> None:
    assert reason(batch.tick()) == "nothing new"
    landing.root.rmdir()
    assert not settings.landing_directory.exists()
    assert reason(streams.tick()) == "nothing new"
    assert reason(batch.tick()) == "nothing new"
    landing.batch("cities")
    assert tags(batch.tick()) == [{"partition": DAY}]


def test_a_landing_zone_that_is_gone_fails_the_tick(
    streams: Sensor, landing: LandingZone, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unmounted disk looked like a quiet night, until nobody had orders any more."""
    monkeypatch.setattr("fastfeast_assets.automation.landing_look.TROUBLE_SECONDS", 0.0)
    landing.stream("orders", order())
    load_everything(platform)
    assert reason(streams.tick()) == "nothing new"
    away = landing.root.rename(landing.root.with_name("unmounted"))
    for _ in range(2):
        with pytest.raises(LandingLostError, match="files have been loaded from it: mount it"):
            streams.tick()
    landing.root.write_text("")
    with pytest.raises(LandingLostError, match="is no directory"):
        streams.tick()
    landing.root.unlink()
    away.rename(landing.root)
    assert reason(streams.tick()) == "nothing new"


def test_a_new_file_is_loaded_and_what_stands_behind_it_is_built(
    streams: Sensor, batch: Sensor, landing: LandingZone
) -> None:
    landing.stream("orders", order())
    assert reason(batch.tick()) == "nothing new"
    (request,) = requests(streams.tick())
    assert request.tags["dagster/partition"] == f"{DAY}-08:00"
    assert request.tags["fastfeast/attempt"] == "1"
    selected = {key.to_user_string() for key in request.asset_selection or []}
    assert selected == {
        "raw/orders",
        "ops/pipeline_file_log",
        "ops/quarantine",
        "staging/stg_orders",
        "marts/fact_order",
    }


def test_the_requested_run_works(
    streams: Sensor,
    landing: LandingZone,
    definitions: dg.Definitions,
    instance: DagsterInstance,
) -> None:
    landing.stream("orders", order())
    (request,) = requests(streams.tick())
    result = definitions.resolve_job_def("ingest_streams").execute_in_process(
        instance=instance, asset_selection=list(request.asset_selection or []), tags=request.tags
    )
    assert result.success
    assert reason(streams.tick()) == "nothing new"


def test_the_same_file_again_is_nothing_new(
    streams: Sensor, landing: LandingZone, platform: Platform
) -> None:
    path = landing.stream("orders", order())
    load_everything(platform)
    assert reason(streams.tick()) == "nothing new"
    assert reason(streams.tick()) == "nothing new"
    path.write_bytes(path.read_bytes())
    assert len(requests(streams.tick())) == 1, "only its content tells, which a run compares"
    load_everything(platform)
    assert reason(streams.tick()) == "nothing new"


def test_a_changed_file_is_loaded_again(
    streams: Sensor, landing: LandingZone, platform: Platform
) -> None:
    landing.stream("orders", order())
    first = requests(streams.tick())[0].run_key
    load_everything(platform)
    assert reason(streams.tick()) == "nothing new"
    landing.stream("orders", order(), order(2))
    (request,) = requests(streams.tick())
    assert request.run_key != first


def test_a_file_overwritten_in_place_in_an_old_folder_is_found_by_the_next_sweep(
    streams: Sensor, landing: LandingZone, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = landing.stream("orders", order())
    load_everything(platform)
    os.utime(path.parent, (1e9, 1e9))
    streams.tick()
    with path.open("a") as file:
        file.write("\n")
    assert reason(streams.tick()) == "nothing new"
    monkeypatch.setattr("fastfeast_assets.ingest.landing.watch.SWEEP_SECONDS", 0)
    assert len(requests(streams.tick())) == 1


def test_a_half_written_file_is_left_for_later(
    definitions: dg.Definitions,
    instance: DagsterInstance,
    settings: Settings,
    contracts: Mapping[str, Contract],
    landing: LandingZone,
) -> None:
    patient = Platform(settings.model_copy(update={"settle_seconds": 5}), contracts=contracts)
    sensor = Sensor("landing_stream", definitions, instance, patient)
    path = landing.stream("orders", order())
    assert reason(sensor.tick()) == f"still being written: stream/{DAY}/08/orders.json"
    os.utime(path, (time.time() - 60, time.time() - 60))
    assert len(requests(sensor.tick())) == 1


def test_a_file_that_failed_before_is_not_tried_again_by_itself(
    streams: Sensor, landing: LandingZone, platform: Platform
) -> None:
    landing.put(f"stream/{DAY}/08/orders.json", "")
    assert len(requests(streams.tick())) == 1
    load_everything(platform)
    streams.let_time_pass()
    assert reason(streams.tick()) == "nothing new"
    landing.stream("orders", order())
    assert len(requests(streams.tick())) == 1


@pytest.mark.parametrize("status", [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTED])
@pytest.mark.parametrize("sources", [["orders"], None])
@pytest.mark.parametrize(
    "run_tags",
    [{"dagster/partition": f"{DAY}-08:00"}, range_tags(f"{DAY}-07:00", f"{DAY}-09:00")],
)
def test_a_partition_that_a_run_is_at_work_on_is_left_alone(
    streams: Sensor,
    landing: LandingZone,
    instance: DagsterInstance,
    status: DagsterRunStatus,
    sources: list[str] | None,
    run_tags: dict[str, str],
) -> None:
    landing.stream("orders", order(), hour=8)
    run = start_run(instance, sources, run_tags, status)
    assert reason(streams.tick()) == f"a run is at work on: {DAY}-08:00"
    landing.stream("orders", order(2), hour=11)
    assert tags(streams.tick()) == [{"partition": f"{DAY}-11:00"}]
    instance.report_run_failed(run)
    assert {"partition": f"{DAY}-08:00"} in tags(streams.tick())


def test_sensors_go_on_beside_a_backfill_of_many_runs(
    streams: Sensor, batch: Sensor, landing: LandingZone, instance: DagsterInstance
) -> None:
    """A backfill of an hour a run, over hours that lie in the landing zone."""
    for hour in range(20):
        landing.stream("orders", order(hour + 1), hour=hour)
        hour_tag = {"dagster/partition": f"{DAY}-{hour:02d}:00", "dagster/backfill": "abc"}
        start_run(instance, ["orders"], hour_tag, DagsterRunStatus.NOT_STARTED)
    assert "a run is at work on" in reason(streams.tick())
    landing.stream("orders", order(99), hour=22)
    landing.all_batch()
    assert tags(streams.tick()) == [{"partition": f"{DAY}-22:00"}]
    assert tags(batch.tick()) == [{"partition": DAY}]


def test_sensors_launch_no_more_than_so_many_runs(
    streams: Sensor, landing: LandingZone, instance: DagsterInstance
) -> None:
    for hour in range(10):
        own = {"dagster/partition": f"{DAY}-{hour:02d}:00", "dagster/sensor_name": "landing_stream"}
        start_run(instance, ["orders"], own, DagsterRunStatus.NOT_STARTED)
    landing.stream("orders", order(), hour=22)
    assert reason(streams.tick()) == "1 files wait, enough runs are under way"


def test_another_source_of_a_partition_in_flight_need_not_wait(
    streams: Sensor, landing: LandingZone, instance: DagsterInstance
) -> None:
    landing.stream("orders", order())
    landing.stream("tickets", ticket())
    start_run(instance, ["orders"], {"dagster/partition": f"{DAY}-08:00"}, DagsterRunStatus.STARTED)
    (request,) = requests(streams.tick())
    assert raw_sources(request) == {"tickets"}


def test_24_hours_at_once_are_one_run(streams: Sensor, landing: LandingZone) -> None:
    for hour in range(24):
        landing.stream("orders", order(hour + 1), hour=hour)
        landing.stream("tickets", ticket(hour + 1), hour=hour)
    assert tags(streams.tick()) == [
        {
            "asset_partition_range_start": f"{DAY}-00:00",
            "asset_partition_range_end": f"{DAY}-23:00",
        }
    ]


def test_master_and_a_day_are_two_runs_of_all_sources(batch: Sensor, landing: LandingZone) -> None:
    landing.all_batch()
    for source in MEMBERS:
        landing.put(f"master/{source}.csv", "")
    found = requests(batch.tick())
    assert [request.tags["dagster/partition"] for request in found] == ["2020-01-01", DAY]
    assert [raw_sources(request) for request in found] == [set(MEMBERS)] * 2


def test_a_failed_run_is_tried_again_and_in_the_end_every_hour(
    streams: Sensor, landing: LandingZone
) -> None:
    landing.stream("orders", order())
    keys = {requests(streams.tick())[0].run_key}
    for attempt in range(2, 8):
        is_soon = attempt < 5
        text = "run failed, tried again soon" if is_soon else HOURLY
        assert reason(streams.tick()) == f"{text}: {DAY}-08:00"
        streams.let_time_pass()
        (request,) = requests(streams.tick())
        assert request.tags["fastfeast/attempt"] == str(attempt)
        assert request.tags["dagster/max_retries"] == "0", "nobody else tries it as well"
        keys.add(request.run_key)
    assert len(keys) == 7
    landing.stream("tickets", ticket())
    (request,) = requests(streams.tick())
    assert request.tags["fastfeast/attempt"] == "1", "another file begins anew"


def test_a_run_that_somebody_terminated_is_not_started_again(
    streams: Sensor, landing: LandingZone, instance: DagsterInstance
) -> None:
    """It came back ten seconds later, as often as it was terminated."""
    landing.stream("orders", order())
    landing.stream("orders", order(2), hour=9)
    streams.tick()
    own = {"dagster/partition": f"{DAY}-08:00", "dagster/sensor_name": "landing_stream"}
    start_run(instance, ["orders"], own, DagsterRunStatus.CANCELED)
    for _ in range(3):
        streams.let_time_pass()
        assert tags(streams.tick()) == [{"partition": f"{DAY}-09:00"}]
    streams.let_time_pass()
    landing.root.joinpath(f"stream/{DAY}/09/orders.json").unlink()
    result = streams.tick()
    assert "given up, for somebody terminated its run" in reason(result)
    assert f"{DAY}-08:00" in reason(result)
    by_hand = start_run(
        instance, ["orders"], {"dagster/partition": f"{DAY}-08:00"}, DagsterRunStatus.STARTED
    )
    assert "a run is at work on" in reason(streams.tick())
    instance.report_run_failed(by_hand)
    streams.let_time_pass()
    assert tags(streams.tick()) == [{"partition": f"{DAY}-08:00"}]


def test_a_changed_file_is_loaded_although_its_run_was_terminated(
    streams: Sensor, landing: LandingZone, instance: DagsterInstance
) -> None:
    landing.stream("orders", order())
    streams.tick()
    own = {"dagster/partition": f"{DAY}-08:00", "dagster/sensor_name": "landing_stream"}
    start_run(instance, ["orders"], own, DagsterRunStatus.CANCELED)
    streams.let_time_pass()
    assert "given up" in reason(streams.tick())
    landing.stream("orders", order(), order(2))
    (request,) = requests(streams.tick())
    assert request.tags["fastfeast/attempt"] == "1"


def test_waits_grow(streams: Sensor, landing: LandingZone) -> None:
    landing.stream("orders", order())
    waits = []
    for _ in range(6):
        streams.tick()
        assert streams.cursor is not None
        ((_, _, not_before),) = json.loads(streams.cursor)["attempts"].values()
        waits.append(round((not_before - time.time()) / 10) * 10)
        streams.let_time_pass()
    assert waits == [30, 120, 600, 3600, 3600, 3600]


def test_a_lost_cursor_asks_with_fresh_run_keys(
    streams: Sensor, landing: LandingZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.stream("orders", order())
    first = requests(streams.tick())[0].run_key
    for cursor in (None, "rubbish", '{"version": 0}', "[]"):
        streams.cursor = cursor
        now = time.time()
        monkeypatch.setattr("fastfeast_assets.automation.sensors.time.time", lambda: now + 60)  # noqa: B023
        assert requests(streams.tick())[0].run_key != first


def test_an_unknown_name_is_reported_once(
    batch: Sensor, streams: Sensor, landing: LandingZone
) -> None:
    landing.put(f"batch/{DAY}/couriers.csv", "a,b\n")
    landing.put("notes.txt", "hello")
    landing.put(f"stream/{DAY}/08/couriers.json", "[]")
    (found,) = batch.tick().asset_events
    assert isinstance(found, dg.AssetObservation)
    assert found.asset_key == dg.AssetKey(["landing", "unknown"])
    assert found.metadata["files"].value == 2
    assert "couriers.csv ` | no contract has this name" in str(found.metadata["found"].value)
    assert len(streams.tick().asset_events) == 1
    assert not batch.tick().asset_events
    assert not streams.tick().asset_events
    landing.put(f"batch/{DAY}/riders.csv", "a,b\n")
    (found,) = batch.tick().asset_events
    assert isinstance(found, dg.AssetObservation)
    assert found.metadata["files"].value == 1


def test_a_near_miss_makes_the_check_warn_and_is_named_without_personal_values(
    batch: Sensor, streams: Sensor, landing: LandingZone, caplog: pytest.LogCaptureFixture
) -> None:
    landing.put(f"batch/{DAY}/Teams.csv", "a,b\n")
    landing.put(f"batch/{DAY}/mona.adel@mail.com/`[x](y)`.csv", "a,b\n")
    landing.put(f"stream/{DAY}/9/orders.json", "[]")
    landing.put("notes.txt", "hello")
    observed, warned = batch.tick().asset_events
    assert isinstance(observed, dg.AssetObservation)
    assert observed.metadata["files"].value == 3
    page = str(observed.metadata["found"].value)
    assert page.index("Teams.csv") < page.index("notes.txt")
    assert "/`[x](y)`.csv `` |" in page
    assert isinstance(warned, dg.AssetCheckEvaluation)
    assert warned.asset_check_key == NAMES_KEY
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert warned.metadata["near_misses"].value == 1
    assert "reads like teams.csv" in str(warned.metadata["found"].value)
    _, warned = streams.tick().asset_events
    assert f"reads like stream/{DAY}/09/orders.json" in str(warned.metadata["found"].value)
    assert "mona" not in f"{page} {caplog.text}"
    assert not batch.tick().asset_events


def test_of_a_day_in_two_formats_one_is_launched(
    batch: Sensor, landing: LandingZone, platform: Platform
) -> None:
    landing.batch("customers")
    landing.put(f"batch/{DAY}/customers.json", "[]")
    result = batch.tick()
    (request,) = requests(result)
    assert request.tags["fastfeast/files"] == "1"
    load_everything(platform)
    _, warned = result.asset_events
    assert isinstance(warned, dg.AssetCheckEvaluation)
    assert warned.metadata["refused"].value == 1
    assert reason(batch.tick()) == "nothing new"


def test_a_folder_that_may_not_be_listed_is_a_problem_of_the_look(
    landing: LandingZone, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = landing.root / f"stream/{DAY}/08"
    closed.mkdir(parents=True)
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    # As root, whom no rights concern; `test_hostile_tree` has real ones.
    monkeypatch.setattr("fastfeast_assets.ingest.landing.local_folder.os.scandir", refuse)
    [problem] = LandingLook("stream")(platform).problems
    assert problem.relative_path == f"stream/{DAY}/08"
    assert "grant read and search" in problem.reason


def test_the_future_waits(streams: Sensor, landing: LandingZone) -> None:
    landing.stream("orders", order(), day="2099-01-01")
    assert reason(streams.tick()) == "dated in the future: stream/2099-01-01/08/orders.json"


@pytest.mark.long
def test_100_000_files_are_looked_at_once(
    streams: Sensor, landing: LandingZone, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("orders.json", "tickets.csv", "ticket_events.json")
    templates = {name: landing.put(f"templates/{name}", "[]") for name in names}
    for template in templates.values():
        os.utime(template, (1e9, 1e9))
    months = [f"{year}-{month:02d}" for year in range(2021, 2026) for month in range(1, 13)]
    days = [f"{month}-{day:02d}" for month in months for day in range(1, 29)][:1390]
    for day in days:
        for hour in range(24):
            folder = landing.root / "stream" / day / f"{hour:02d}"
            folder.mkdir(parents=True)
            for name, template in templates.items():
                os.link(template, folder / name)
    known = platform.look().files
    assert len(known) == 1390 * 72 > 100_000
    record(platform, known)
    age(landing.root / "stream")
    looked_at: list[str] = []
    look = platform.look

    def counted(folders: Iterable[str] | None = None) -> Discovery:
        assert folders is not None
        found = list(folders)
        looked_at.extend(found)
        return look(folders=found)

    monkeypatch.setattr(platform, "look", counted)
    monkeypatch.setattr("fastfeast_assets.automation.landing_look.BUDGET_SECONDS", 0.0)
    while (why := reason(streams.tick())) != "nothing new":
        assert why == "the landing zone is large; the rest of it is looked at next"
    assert len(looked_at) == len(set(looked_at)) > 1390 * 24
    looked_at.clear()
    landing.stream("orders", order())
    assert tags(streams.tick()) == [{"partition": f"{DAY}-08:00"}]
    assert len(looked_at) < 5, "what has not changed is not looked at again"


def record(platform: Platform, files: list[LandingFile]) -> None:
    """The ledger as if all these had been loaded."""
    into = (
        "copy ops.pipeline_file_log (file_path, fingerprint, source, partition_at, bytes,"
        " file_name, file_type, source_table, status, landed_at, is_latest, is_loaded) from stdin"
    )
    rest = ("name", "stream", "fact_order", "success", "2026-01-01", True, True)
    with platform.warehouse.connect() as connection:
        identity.take(connection, identity.present(platform.settings))
    with (
        platform.warehouse.connect(autocommit=True) as connection,
        connection.cursor() as cursor,
        cursor.copy(into) as copy,
    ):
        for file in files:
            own = (file.relative_path, file.fingerprint, file.source, file.partition_at, 2)
            copy.write_row((*own, *rest))


def age(folder: Path) -> None:
    for path, _, _ in os.walk(folder):
        os.utime(path, (1e9, 1e9))
