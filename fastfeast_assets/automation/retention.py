"""The nightly retention: what only records the past of the machinery leaves by itself.

Data do not: rows of raw and of the quarantine leave when a person calls `fastfeast prune`.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import Field

from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.automation.jobs import RETENTION_JOB
from fastfeast_assets.automation.old_runs import old_runs, prune_runs
from fastfeast_assets.warehouse.retention_ops import KEEP_DAYS, prune_superseded


class RetentionConfig(dg.Config):
    """How long what the job prunes is kept."""

    log_days: int = Field(
        default=KEEP_DAYS["log"],
        ge=1,
        description="Attempts at files that a later one has replaced.",
    )
    run_days: int = Field(
        default=KEEP_DAYS["dagster"], ge=1, description="Dagster's runs, with their events."
    )


def build_retention_job(checks: Collection[dg.AssetCheckKey]) -> dg.JobDefinition:
    """The job of one step.

    Args:
        checks: All checks; runs that hold the latest result of one stay.
    """

    @dg.op(description="Take out old attempts and runs, never data.")
    def prune(
        context: dg.OpExecutionContext,
        config: RetentionConfig,
        platform: dg.ResourceParam[Platform],
    ) -> None:
        platform.ensure_identity()
        now = datetime.now(UTC)
        with platform.warehouse.connect(autocommit=True) as connection:
            attempts = prune_superseded(connection, now - timedelta(days=config.log_days))
            old = old_runs(context.instance, checks, now - timedelta(days=config.run_days))
            prune_runs(context.instance, connection, old)
        context.log.info(f"pruned {attempts} replaced attempts and {len(old)} runs")

    @dg.job(name=RETENTION_JOB, description="Old attempts and runs leave; data stay.")
    def retention() -> None:
        prune()

    return retention
