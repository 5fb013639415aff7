"""Retention of Dagster's storage: the present state of assets and checks outlives old runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from fastfeast_assets.automation.old_runs import delete_run, old_runs

DAYS = dg.DailyPartitionsDefinition("2026-11-01")
LATER = datetime.now(UTC) + timedelta(days=1)


@dg.asset(partitions_def=DAYS)
def daily() -> None:
    """Materialized day by day."""


@dg.asset
def whole() -> None:
    """Materialized as a whole."""


@dg.asset_check(asset=whole)
def is_well() -> dg.AssetCheckResult:
    """Evaluated by itself."""
    return dg.AssetCheckResult(passed=True)


DEFINITIONS = dg.Definitions(
    assets=[daily, whole],
    asset_checks=[is_well],
    jobs=[
        dg.define_asset_job("days", [daily]),
        dg.define_asset_job("whole_job", dg.AssetSelection.assets(whole).without_checks()),
        dg.define_asset_job("check_job", dg.AssetSelection.checks(is_well)),
    ],
)
CHECKS = DEFINITIONS.resolve_asset_graph().asset_check_keys


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def run(instance: dg.DagsterInstance, job: str, partition: str | None = None) -> str:
    result = DEFINITIONS.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key=partition
    )
    assert result.success
    return result.run_id


def test_what_the_present_state_rests_on_stays(instance: dg.DagsterInstance) -> None:
    first, second = "2026-11-01", "2026-11-02"
    runs = [
        run(instance, "days", first),
        run(instance, "days", second),
        run(instance, "days", first),
        run(instance, "whole_job"),
        run(instance, "check_job"),
        run(instance, "whole_job"),
        run(instance, "check_job"),
    ]
    unfinished = instance.create_run_for_job(DEFINITIONS.resolve_job_def("whole_job"))
    earlier = datetime.now(UTC) - timedelta(days=1)
    assert old_runs(instance, CHECKS, earlier) == []
    old = old_runs(instance, CHECKS, LATER)
    assert old == [runs[0], runs[3], runs[4]]
    for run_id in old:
        delete_run(instance, run_id)
    assert old_runs(instance, CHECKS, LATER) == []
    left = {record.dagster_run.run_id for record in instance.get_run_records()}
    assert left == {*runs, unfinished.run_id} - set(old)
    assert instance.get_materialized_partitions(dg.AssetKey("daily")) == {first, second}
    assert instance.get_latest_materialization_event(dg.AssetKey("whole")) is not None
    record = instance.get_latest_asset_check_evaluation_record(
        dg.AssetCheckKey(dg.AssetKey("whole"), "is_well")
    )
    assert record is not None
    assert instance.all_logs(record.run_id)
