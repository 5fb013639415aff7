"""Runs whose process has ended without saying so are marked as failed.

Dagster's own monitoring does it for the console, with the launcher of `storage`; here is the rule,
and the same for commands, which need no daemon. Rules and reasons: docs/adr/0027.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from fastfeast_assets.automation.claims import COMMAND_TAG, LAUNCHED
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.connection import connect
from fastfeast_assets.warehouse.server import DAGSTER_SCHEMA, dagster_storage_url

if TYPE_CHECKING:
    from fastfeast_assets.automation.storage import ProvedRunStorage

# A restart of the server takes away the proof of runs that live; they have it again by then.
PATIENCE_SECONDS = 15.0
LOOK_SECONDS = 1.0
REASON = "The process of this run has ended: it no longer proves that it lives."
STARTING = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING)


class Watch:
    """Looks again and again at who proves to live.

    Args:
        storage: Where the proofs are.
        patience_seconds: A run that has proved nothing for so long, at each look, is dead.
    """

    def __init__(self, storage: ProvedRunStorage, patience_seconds: float) -> None:
        self._storage = storage
        self._patience_seconds = patience_seconds
        self._silent_since: dict[str, float] = {}

    @classmethod
    def of(cls, instance: dg.DagsterInstance, patience_seconds: float) -> Watch | None:
        """That of an instance; None when its storage knows no proofs."""
        from fastfeast_assets.automation.storage import ProvedRunStorage

        storage = instance.run_storage
        if not isinstance(storage, ProvedRunStorage):
            return None
        return cls(storage, patience_seconds)

    def look(self, run_ids: Collection[str]) -> tuple[set[str], set[str]]:
        """Who of some runs is dead, and who is silent and perhaps dead."""
        living = self._storage.living(run_ids)
        now = time.monotonic()
        for run_id in living:
            self._silent_since.pop(run_id, None)
        silent = {
            run_id: self._silent_since.setdefault(run_id, now)
            for run_id in run_ids
            if run_id not in living
        }
        dead = {run_id for run_id, at in silent.items() if now - at >= self._patience_seconds}
        for run_id in dead:
            del self._silent_since[run_id]
        return dead, silent.keys() - dead


def has_unfinished_runs(settings: Settings) -> bool:
    """Whether Dagster knows a run that is neither in the queue nor at its end.

    Its table is asked directly: opening Dagster's storage takes a second, and a command that has
    nothing to do is done sooner.
    """
    url = dagster_storage_url(settings)
    with connect(url, autocommit=True, path=DAGSTER_SCHEMA) as connection:
        if connection.execute("select to_regclass('runs')").fetchone() == (None,):
            return False
        statuses = [status.value for status in LAUNCHED]
        found = connection.execute(
            "select exists (select from runs where status = any(%s))", [statuses]
        ).fetchone()
    return found == (True,)


def close_abandoned(instance: dg.DagsterInstance) -> None:
    """Mark the runs of commands that died as failed.

    The caller is the only ingestion, so that no such run is just being started.
    """
    _close_dead(instance, COMMAND_TAG, Watch.of(instance, 0.0), grace_seconds=0.0)


def close_dead_runs(
    instance: dg.DagsterInstance, *, on_wait: Callable[[str], None] = lambda text: None
) -> None:
    """Mark the runs that do not prove that they live as failed, or as canceled.

    Only when there is a silent one does it take time: that of the patience.

    Args:
        instance: Where the runs are recorded; one that keeps nothing has no dead runs.
        on_wait: Told once why it takes time.
    """
    watch = Watch.of(instance, PATIENCE_SECONDS)
    grace = instance.run_monitoring_start_timeout_seconds
    is_told = False
    while silent := _close_dead(instance, None, watch, grace_seconds=grace):
        if not is_told:
            on_wait(f"{len(silent)} runs of before do not answer; {PATIENCE_SECONDS:.0f} s")
        is_told = True
        time.sleep(LOOK_SECONDS)


def _close_dead(
    instance: dg.DagsterInstance,
    tags: Mapping[str, str] | None,
    watch: Watch | None,
    *,
    grace_seconds: float,
) -> set[str]:
    """Look once; returns the silent runs that are perhaps dead."""
    if watch is None:
        return set()
    records = instance.get_run_records(dg.RunsFilter(statuses=LAUNCHED, tags=tags))
    judged = {
        record.dagster_run.run_id: record.dagster_run
        for record in records
        if record.dagster_run.status not in STARTING
        or time.time() - record.update_timestamp.timestamp() >= grace_seconds
    }
    dead, silent = watch.look(judged)
    for run_id in dead:
        if judged[run_id].status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(judged[run_id], REASON)
        else:
            instance.report_run_failed(judged[run_id], REASON)
    return silent
