"""The one-shot ingestion: all that is pending, no matter what fails, and nothing twice."""

from __future__ import annotations

import time

import dagster as dg
import pytest

from fastfeast_assets.automation.ingest import Progress, ingest_pending
from fastfeast_assets.automation.runs import COMMAND_TAG
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets_tests.landing import DAY, LandingZone, order


def facts(warehouse: Warehouse) -> int:
    with warehouse.connect() as connection:
        row = connection.execute("select count(*) from marts.fact_order").fetchone()
    assert row is not None
    return int(row[0])


def test_everything_pending_reaches_the_marts(
    settings: Settings,
    landing: LandingZone,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
) -> None:
    landing.batch("cities")
    landing.stream("orders", order(1), order(2), hour=8)
    landing.stream("orders", order(3), hour=12)
    seen: list[Progress] = []
    summary = ingest_pending(settings, instance=instance, on_progress=seen.append)
    assert summary.is_success
    assert summary.is_transformed
    assert [(report.source, report.status) for report in summary.reports] == [
        ("cities", "success"),
        ("orders", "success"),
        ("orders", "success"),
    ]
    assert facts(warehouse) == 3
    stages = [progress.stage for progress in seen]
    assert stages == ["load", "file", "load", "file", "load", "file", "transform"]
    assert (seen[-1].files_done, seen[-1].files_total) == (3, 3)
    # Hours 9 to 11 have not landed and are not recorded.
    assert instance.get_materialized_partitions(dg.AssetKey(["raw", "orders"])) == {
        f"{DAY}-08:00",
        f"{DAY}-12:00",
    }
    runs = instance.get_runs(dg.RunsFilter(tags=COMMAND_TAG))
    assert sorted(run.job_name for run in runs) == [
        "load_batch",
        "load_streams",
        "load_streams",
        "transform",
    ]


def test_nothing_new_starts_no_run(
    settings: Settings, landing: LandingZone, instance: dg.DagsterInstance
) -> None:
    landing.batch("cities")
    ingest_pending(settings, instance=instance)
    before = instance.get_runs_count()
    summary = ingest_pending(settings, instance=instance)
    assert summary.is_success
    assert (summary.reports, summary.is_transformed) == ([], False)
    assert instance.get_runs_count() == before


def test_a_failed_file_is_reported_after_all_else_is_done(
    settings: Settings,
    landing: LandingZone,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
) -> None:
    landing.put(f"stream/{DAY}/08/tickets.csv", "")
    landing.stream("orders", order(1))
    landing.put("surprise.txt", "?")
    summary = ingest_pending(settings, instance=instance)
    assert not summary.is_success
    assert {report.source: report.status for report in summary.reports} == {
        "orders": "success",
        "tickets": "failed",
    }
    assert [found.relative_path for found in summary.discovery.unknown] == ["surprise.txt"]
    assert ("raw/tickets", "files_loaded", True) in [
        (check.asset, check.name, check.is_error) for check in summary.failed_checks
    ]
    assert facts(warehouse) == 1
    assert ingest_pending(settings, instance=instance).reports == []
    again = ingest_pending(settings, instance=instance, retry_failed=True)
    assert [report.status for report in again.reports] == ["failed"]


def test_a_failed_transform_is_done_again(
    settings: Settings,
    landing: LandingZone,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landing.stream("orders", order(1))
    nowhere = {**warehouse.dbt_environment(), "FASTFEAST_PG_DBNAME": "nowhere"}
    with monkeypatch.context() as patch:
        patch.setattr(Warehouse, "dbt_environment", lambda _: nowhere)
        first = ingest_pending(settings, instance=instance)
    assert not first.is_success
    assert [run.job for run in first.failed_runs] == ["transform"]
    assert any("nowhere" in error for error in first.failed_runs[0].errors)
    second = ingest_pending(settings, instance=instance)
    assert second.reports == []
    assert second.is_success
    assert second.is_transformed
    assert facts(warehouse) == 1


def test_a_table_that_does_not_add_up_holds_back_what_depends_on_it(
    settings: Settings,
    landing: LandingZone,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
) -> None:
    landing.batch("cities")
    landing.stream("orders", order(1), order(2))

    def tamper(progress: Progress) -> None:
        if progress.report is not None and progress.report.source == "orders":
            with warehouse.connect() as connection:
                connection.execute("delete from raw.orders where _row_number = 1")

    summary = ingest_pending(settings, instance=instance, on_progress=tamper)
    assert summary.blocked_sources == ["orders"]
    assert not summary.is_success
    assert [run.job for run in summary.failed_runs] == ["load_streams"]
    with warehouse.connect() as connection:
        row = connection.execute(
            "select to_regclass('marts.dim_city') is null, to_regclass('marts.fact_order') is null"
        ).fetchone()
    assert row == (False, True)
    again = ingest_pending(settings, instance=instance)
    assert again.blocked_sources == ["orders"]


def test_a_file_just_written_is_waited_for_once(
    settings: Settings,
    landing: LandingZone,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landing.batch("cities")
    settings = settings.model_copy(update={"settle_seconds": 3600})
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    seen: list[Progress] = []
    summary = ingest_pending(settings, instance=instance, on_progress=seen.append)
    assert waits == [10.0]
    assert [progress.stage for progress in seen] == ["wait"]
    assert [file.source for file in summary.discovery.unsettled] == ["cities"]
    assert summary.reports == []


def test_runs_of_an_ingestion_that_died_are_closed(
    settings: Settings,
    landing: LandingZone,
    instance: dg.DagsterInstance,
    definitions: dg.Definitions,
) -> None:
    dead = instance.create_run_for_job(
        definitions.resolve_job_def("transform"),
        tags=COMMAND_TAG,
        status=dg.DagsterRunStatus.STARTED,
    )
    landing.batch("cities")
    assert ingest_pending(settings, instance=instance).is_success
    found = instance.get_run_by_id(dead.run_id)
    assert found is not None
    assert found.status == dg.DagsterRunStatus.FAILURE
