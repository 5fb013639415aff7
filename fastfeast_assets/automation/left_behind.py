"""The sensor of loads that no transform has seen, such as when their run was killed within dbt.

Their files are loaded, so that no landing sensor asks for them again.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from contextlib import closing

import dagster as dg

from fastfeast_assets.assets.lineage import Lineage
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.assets.transforms import untransformed, untransformed_sources
from fastfeast_assets.automation.claims import UNFINISHED, unfinished_claims
from fastfeast_assets.automation.decide import begun
from fastfeast_assets.automation.jobs import TRANSFORM_JOB
from fastfeast_assets.automation.selection import OwnChecks, checks_of, with_foundations
from fastfeast_assets.automation.sensor_state import Attempt, SensorState, digest_of
from fastfeast_assets.warehouse.locks import INGEST_LOCK, is_held

NAME = "left_behind"
INTERVAL_SECONDS = 5
LOADS = "loads"
PRIORITY = "1"


def build_left_behind_sensor(lineage: Lineage, own_checks: OwnChecks) -> dg.SensorDefinition:
    """The sensor.

    Args:
        lineage: Of the models that a load of some sources changes.
        own_checks: The checks that come with each table.
    """

    @dg.sensor(
        name=NAME,
        job_name=TRANSFORM_JOB,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Loads that no transform has seen and no run is at work on: their run was killed, or"
            " dbt failed. Builds what stands behind them."
        ),
    )
    def left_behind(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        platform.ensure_identity()
        now = time.time()
        state = SensorState.read(context.cursor, now)
        with closing(platform.warehouse.connect(autocommit=True)) as connection:
            loads = untransformed(connection)
            if not loads:
                none_left = dataclasses.replace(state, attempts={})
                return _skip("every load has been transformed", none_left)
            if is_held(connection, INGEST_LOCK):
                return _skip("a command is ingesting", state)
            if _is_under_way(context.instance):
                return _skip("a run is at work", state)
            attempt = _next_attempt(state, loads)
            if now < attempt.not_before:
                return _skip("the last transform failed; tried again later", state)
            # Once more: a run that has ended meanwhile has seen them.
            sources = untransformed_sources(connection)
            keys = with_foundations(connection, lineage, lineage.behind(sources))
        if not keys:
            return _skip("nothing stands behind these loads", state)
        after = dataclasses.replace(
            state, serial=state.serial + 1, attempts={LOADS: begun(attempt, now)}
        )
        request = dg.RunRequest(
            run_key=digest_of([attempt.digest, f"serial {state.serial}"]),
            asset_selection=keys,
            asset_check_keys=checks_of(keys, own_checks),
            tags={
                "dagster/priority": PRIORITY,
                "dagster/max_retries": "0",
                "fastfeast/reason": f"loads of {', '.join(sources)}",
                "fastfeast/attempt": str(attempt.tries),
            },
        )
        return dg.SensorResult(run_requests=[request], cursor=after.write())

    return left_behind


def _skip(reason: str, state: SensorState) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=reason, cursor=state.write())


def _is_under_way(instance: dg.DagsterInstance) -> bool:
    """Whether a run may still transform these loads."""
    runs = dg.RunsFilter(job_name=TRANSFORM_JOB, statuses=UNFINISHED)
    return bool(unfinished_claims(instance)) or bool(instance.get_runs(runs, limit=1))


def _next_attempt(state: SensorState, loads: Mapping[int, int]) -> Attempt:
    """The coming attempt. Tries are counted until no load is left behind, whichever they are.

    While something hinders every transform, each new file would otherwise begin them anew.
    """
    digest = digest_of(f"{load} {generation}" for load, generation in loads.items())
    before = state.attempts.get(LOADS)
    if before is None:
        return Attempt(digest, 1, 0)
    return Attempt(digest, before.tries + 1, before.not_before)
