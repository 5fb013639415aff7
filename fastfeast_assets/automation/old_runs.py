"""Retention of Dagster's own storage: old runs leave with their events.

A run stays that holds what the present state rests on: the latest materialization of an asset's
partition, or the latest evaluation of a check. Freshness states are not tied to runs and stay.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

import dagster as dg
import psycopg
from dagster import AssetRecordsFilter, RunsFilter

from fastfeast_assets.warehouse import audit

PAGE = 1_000
AUDITED_RUNS = 100
FINISHED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


def old_runs(
    instance: dg.DagsterInstance, checks: Collection[dg.AssetCheckKey], before: datetime
) -> list[str]:
    """The finished runs created before a moment that nothing present rests on, oldest first."""
    kept = runs_in_use(instance, checks)
    found: list[str] = []
    cursor: str | None = None
    filters = RunsFilter(statuses=FINISHED, created_before=before)
    while records := instance.get_run_records(filters, limit=PAGE, cursor=cursor):
        run_ids = [record.dagster_run.run_id for record in records]
        found += [run_id for run_id in run_ids if run_id not in kept]
        cursor = run_ids[-1]
    return found[::-1]


def runs_in_use(instance: dg.DagsterInstance, checks: Collection[dg.AssetCheckKey]) -> set[str]:
    """The runs that hold a latest materialization of a partition or evaluation of a check."""
    used: set[str] = set()
    for key in instance.get_asset_keys():
        used.update(_runs_of_partitions(instance, key))
    for check in checks:
        record = instance.get_latest_asset_check_evaluation_record(check)
        if record is not None:
            used.add(record.run_id)
    return used


def _runs_of_partitions(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[str]:
    """The run of the latest materialization of each partition; None counts as one."""
    seen: set[str | None] = set()
    cursor: str | None = None
    while True:
        page = instance.fetch_materializations(
            AssetRecordsFilter(asset_key=key), limit=PAGE, cursor=cursor
        )
        for record in page.records:
            if record.partition_key not in seen:
                seen.add(record.partition_key)
                yield record.event_log_entry.run_id
        cursor = page.cursor
        if not page.has_more:
            return


def prune_runs(
    instance: dg.DagsterInstance, connection: psycopg.Connection, run_ids: Sequence[str]
) -> None:
    """Delete runs; the audit log of the warehouse names them.

    Args:
        instance: Whose runs they are.
        connection: To the warehouse. Dagster's storage is another database: the entry comes first.
        run_ids: Of the runs.
    """
    for start in range(0, len(run_ids), AUDITED_RUNS):
        batch = list(run_ids[start : start + AUDITED_RUNS])
        with connection.transaction():
            audit.write(
                connection, [audit.Entry("prune", "dagster/runs", {"run_ids": batch}, None)]
            )
        for run_id in batch:
            delete_run(instance, run_id)


def delete_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run, its events and what its steps printed."""
    instance.delete_run(run_id)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
