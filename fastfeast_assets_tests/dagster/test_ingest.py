"""The one-shot ingestion: all that is pending, no matter what fails, and nothing twice."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
import pytest

from fastfeast_assets.assets.stopping import Stopping
from fastfeast_assets.automation.claims import COMMAND_TAG
from fastfeast_assets.automation.ingest import Progress, ingest_pending
from fastfeast_assets.checks.landing_names import NAMES_KEY
from fastfeast_assets.commands.ingest_report import IngestReport
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.withdraw import Withdrawal, look, withdraw
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
        patch.setattr(Warehouse, "dbt_environment", lambda *_, **__: nowhere)
        first = ingest_pending(settings, instance=instance)
    assert not first.is_success
    assert not first.is_transformed
    assert [run.job for run in first.failed_runs] == ["transform"]
    [error] = first.failed_runs[0].errors
    assert "the database says: " in error
    assert error.endswith('database "nowhere" does not exist')
    second = ingest_pending(settings, instance=instance)
    assert second.reports == []
    assert second.is_success
    assert second.is_transformed
    assert facts(warehouse) == 1


def test_a_table_that_does_not_add_up_holds_back_what_depends_on_it_until_it_is_withdrawn(
    settings: Settings,
    landing: LandingZone,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
    contracts: Mapping[str, Contract],
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
    path = f"stream/{DAY}/08/orders.json"
    report = IngestReport(again, [], [], [], 0.0).as_json()
    assert report["blocked_sources"] == ["orders"]
    [uneven] = report["uneven_files"]
    assert uneven["path"] == path
    assert "2 rows in" in uneven["reason"]
    with warehouse.connect() as connection:
        found = look(connection, contracts, path)
    assert isinstance(found, Withdrawal)
    withdraw(warehouse, contracts, found, reason="changed by hand")
    landing.stream("orders", order(3), hour=9)
    assert ingest_pending(settings, instance=instance).is_success
    assert facts(warehouse) == 1


def test_a_file_just_written_is_waited_for_once(
    settings: Settings,
    landing: LandingZone,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landing.batch("cities")
    settings = settings.model_copy(update={"settle_seconds": 3600})
    waits: list[float] = []
    monkeypatch.setattr(Stopping, "wait", lambda _, seconds: waits.append(seconds))
    seen: list[Progress] = []
    summary = ingest_pending(settings, instance=instance, on_progress=seen.append)
    assert waits == [10.0]
    assert [progress.stage for progress in seen] == ["wait"]
    assert [file.source for file in summary.discovery.unsettled] == ["cities"]
    assert summary.reports == []


def check(instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation | None:
    """The latest result of the check on names."""
    record = instance.get_latest_asset_check_evaluation_record(NAMES_KEY)
    return record.evaluation if record is not None else None


def test_a_near_miss_keeps_the_check_on_names_from_passing(
    settings: Settings,
    landing: LandingZone,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
) -> None:
    """Also where nothing is to be loaded; and the check passes only when the whole zone is well."""

    def hourly() -> dg.AssetCheckEvaluation | None:
        job = definitions.resolve_job_def("check_service_levels")
        only_names = job.get_subset(asset_check_selection={NAMES_KEY})
        assert only_names.execute_in_process(instance=instance).success
        return check(instance)

    near = landing.put(f"stream/{DAY}/9/orders.json", "[]")
    landing.put("notes.txt", "hello")
    assert ingest_pending(settings, instance=instance).is_success
    found = check(instance)
    assert found is not None
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.metadata["near_misses"].value == 1
    assert found.metadata["other_unknown_names"].value == 1
    landing.batch("cities")
    assert ingest_pending(settings, instance=instance).is_success
    for found in (check(instance), hourly()):
        assert found is not None
        assert not found.passed
    near.unlink()
    found = hourly()
    assert found is not None
    assert found.passed
    assert found.metadata["other_unknown_names"].value == 1
    landing.put("master/Teams.csv", "")
    ingest_pending(settings, instance=instance, is_loading=False)
    found = check(instance)
    assert found is not None
    assert found.passed, "an ingestion that does not look says nothing"


@pytest.mark.parametrize("folder", [" 5", "2026-11- 2", "9999-12-31", "0005-01-01", "2026-02-30"])
def test_a_folder_that_is_no_partition_starts_no_run(
    settings: Settings, landing: LandingZone, instance: dg.DagsterInstance, folder: str
) -> None:
    """` 5` was once taken for an hour, and Dagster's own error told of it."""
    landing.put(f"batch/{folder}/cities.json", "[]")
    landing.put(f"stream/{DAY}/{folder}/orders.json", "[]")
    landing.put(f"stream/{folder}/23/orders.json", "[]")
    summary = ingest_pending(settings, instance=instance)
    assert summary.is_success
    assert (summary.reports, instance.get_runs_count()) == ([], 0)
    found = summary.discovery
    assert len(found.unknown) + len(found.future) == 3
