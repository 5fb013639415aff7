"""Runs in this process, recorded by a Dagster instance like any other.

Belongs here: launching the jobs for a plan. Deciding what to run is for `ingest`.
"""

from collections.abc import Collection, Sequence

import dagster as dg

from fastfeast_assets.assets.ops import OPS_GROUP
from fastfeast_assets.assets.raw import raw_key
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.automation.claims import COMMAND_TAG
from fastfeast_assets.automation.jobs import LOAD_JOBS, SLA_JOB, TRANSFORM_JOB
from fastfeast_assets.automation.plan import LoadRun
from fastfeast_assets.build import build_definitions
from fastfeast_assets.settings import Blueprint


class Runner:
    """Launches the jobs of the platform, one after the other.

    Args:
        platform: The resource of its assets.
        blueprint: What its definitions are built from.
        instance: Where runs are recorded.
    """

    def __init__(
        self, platform: Platform, blueprint: Blueprint, instance: dg.DagsterInstance
    ) -> None:
        self._instance = instance
        self._definitions = build_definitions(
            platform=platform, blueprint=blueprint, contracts=platform.contracts
        )

    def load(self, load: LoadRun, *, retry_failed: bool) -> tuple[str, dg.ExecuteInProcessResult]:
        """Load a range of partitions of some sources into raw."""
        keys = [raw_key(source) for source in load.sources]
        ops = {
            key.to_python_identifier(): {"config": {"retry_failed": retry_failed}} for key in keys
        }
        return self._execute(LOAD_JOBS[load.cadence], keys, load.tags, {"ops": ops})

    def transform(self, blocked_sources: Collection[str]) -> tuple[str, dg.ExecuteInProcessResult]:
        """Build everything behind raw, except what depends on the blocked sources."""
        keys = self._behind_raw(blocked_sources)
        return self._execute(TRANSFORM_JOB, keys, {}, {})

    def refresh_levels(self) -> tuple[str, dg.ExecuteInProcessResult]:
        """Build what changes by the passing of time, without the checks that go by the clock."""
        job = self._definitions.resolve_job_def(SLA_JOB)
        return self._execute(TRANSFORM_JOB, sorted(job.asset_layer.executable_asset_keys), {}, {})

    def _behind_raw(self, blocked_sources: Collection[str]) -> list[dg.AssetKey]:
        """Assets of the transform job that need no blocked source.

        The assets of `ops` stand behind every raw table and yet tell the truth about a blocked
        one, so that nothing is held back on their account.
        """
        graph = self._definitions.resolve_asset_graph()
        job = self._definitions.resolve_job_def(TRANSFORM_JOB)
        held = {raw_key(source) for source in blocked_sources}
        frontier = list(held)
        while frontier:
            for child in graph.get(frontier.pop()).child_keys:
                if child not in held and graph.get(child).group_name != OPS_GROUP:
                    held.add(child)
                    frontier.append(child)
        return sorted(set(job.asset_layer.executable_asset_keys) - held)

    def _execute(
        self,
        name: str,
        keys: Sequence[dg.AssetKey],
        tags: dict[str, str],
        run_config: dict[str, object],
    ) -> tuple[str, dg.ExecuteInProcessResult]:
        whole = self._definitions.resolve_job_def(name)
        # A selection of assets alone would bring the checks along that go by the clock.
        checks = {
            key for key in whole.asset_layer.asset_graph.asset_check_keys if key.asset_key in keys
        }
        job = whole.get_subset(asset_selection=set(keys), asset_check_selection=checks)
        result = job.execute_in_process(
            instance=self._instance,
            tags={**tags, **COMMAND_TAG},
            run_config=run_config,
            raise_on_error=False,
        )
        return name, result
