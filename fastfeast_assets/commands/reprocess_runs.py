"""What `fastfeast reprocess` has loaded, recorded in Dagster by the runs of an ingestion.

These runs find the files done and say the same about them as runs that load them: they record the
materialization of each partition and the results of all checks, from the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from fastfeast_assets.commands.context import log_to_file
from fastfeast_assets.commands.quiet import quiet

if TYPE_CHECKING:
    from fastfeast_assets.assets.resources import Platform
    from fastfeast_assets.ingest.landing.discover import LandingFile


def record(platform: Platform, files: Sequence[LandingFile]) -> list[str]:
    """Run the raw assets of the files' partitions.

    Args:
        platform: Whose landing zone and warehouse hold the files.
        files: Files that were just loaded, or failed.

    Returns:
        Job and id of the runs that failed.
    """
    if not files:
        return []
    settings = platform.settings
    with quiet(log_to_file(settings)):
        from fastfeast_assets.automation.dead_runs import close_abandoned, close_dead_runs
        from fastfeast_assets.automation.ingest import alone
        from fastfeast_assets.automation.instance import open_instance
        from fastfeast_assets.automation.plan import plan_loads
        from fastfeast_assets.automation.runs import Runner

        with (
            closing(platform.warehouse.connect(autocommit=True)) as connection,
            alone(connection),
            open_instance(settings) as instance,
        ):
            close_abandoned(instance)
            runner = Runner(platform, settings, instance)
            loads = plan_loads(files, platform.contracts, settings)
            results = [runner.load(load, retry_failed=False) for load in loads]
            close_dead_runs(instance)
    return [f"{job} {result.run_id}" for job, result in results if not result.success]
