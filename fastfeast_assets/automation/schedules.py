"""What happens by the clock, on the business clock, without anyone clicking.

Belongs here: when. What the jobs do is in `jobs`.
"""

from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta

import dagster as dg

from fastfeast_assets.assets.lineage import Lineage
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.assets.transforms import untransformed_sources
from fastfeast_assets.automation.jobs import (
    CHECK_JOB,
    DEADLINE_JOB,
    LEVELS_JOB,
    REPORT_JOB,
    RETENTION_JOB,
    SLA_JOB,
    SLA_MODELS,
    TRANSFORM_JOB,
)
from fastfeast_assets.automation.selection import (
    OwnChecks,
    absent,
    checks_of,
    with_foundations,
)
from fastfeast_assets.checks.expected import DAY, since_midnight
from fastfeast_assets.contracts.model import Contract

# After the deadline, so that a file that came at the last minute has been loaded.
GRACE = timedelta(minutes=5)
REPORT_AFTER = timedelta(minutes=30)
# When the tables of the calendar are built.
CALENDAR_HOUR = 2
HAS_ORPHANS = """
select exists (select from ops.quarantine where rejection_stage = 'orphan' and status = 'open')
"""


def build_schedules(
    contracts: Iterable[Contract], timezone: str, lineage: Lineage, own_checks: OwnChecks
) -> list[dg.ScheduleDefinition]:
    """All schedules, running by default.

    Args:
        contracts: Whose latest daily deadline is watched.
        timezone: Of the business clock.
        lineage: Of the models.
        own_checks: The checks that come with each table.
    """
    crons = [contract.sla_cron for contract in contracts if contract.sla_cron is not None]
    deadline = max(map(since_midnight, crons), default=timedelta(hours=1)) % DAY

    def by_clock(name: str, job: str, cron: str, description: str) -> dg.ScheduleDefinition:
        @dg.schedule(
            name=name,
            job_name=job,
            cron_schedule=cron,
            execution_timezone=timezone,
            description=description,
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
        def due(platform: dg.ResourceParam[Platform]) -> dg.RunRequest:
            platform.ensure_identity()
            return dg.RunRequest()

        return due

    return [
        by_clock(
            "batch_deadline",
            DEADLINE_JOB,
            daily(deadline + GRACE),
            "After the deadline: which of the day's snapshots are missing.",
        ),
        by_clock(
            "daily_quality_report",
            REPORT_JOB,
            daily(deadline + REPORT_AFTER),
            "Yesterday in one page: files, rows, quarantine, orphans.",
        ),
        _sla_refresh(timezone),
        by_clock(
            "hourly_service_levels",
            LEVELS_JOB,
            "40 * * * *",
            "Whether every table is as young as promised, no file is missing and each name known.",
        ),
        by_clock(
            "retention",
            RETENTION_JOB,
            "30 3 * * *",
            "Replaced attempts and old runs leave. Data stay until `fastfeast prune` is called.",
        ),
        _nightly_check(timezone, lineage),
        _orphan_retry(timezone, lineage, own_checks),
    ]


def daily(time_of_day: timedelta) -> str:
    """The cron schedule of a time of day."""
    minutes = int((time_of_day % DAY).total_seconds() // 60)
    return f"{minutes % 60} {minutes // 60} * * *"


def _sla_refresh(timezone: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="sla_refresh",
        job_name=SLA_JOB,
        cron_schedule="*/5 * * * *",
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "Tickets whose service level has come due since, and whether the streams are on time."
        ),
    )
    def sla_refresh(platform: dg.ResourceParam[Platform]) -> dg.RunRequest | dg.SkipReason:
        platform.ensure_identity()
        with closing(platform.warehouse.connect(autocommit=True)) as connection:
            if absent(connection, SLA_MODELS):
                return dg.SkipReason("there are no tickets yet: nothing has been transformed")
        return dg.RunRequest()

    return sla_refresh


def _nightly_check(timezone: str, lineage: Lineage) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="nightly_check",
        job_name=CHECK_JOB,
        cron_schedule="0 4 * * *",
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "A thirtieth of all rows of the marts is tested, so that each is within a month, and"
            " whatever failed before until it passes."
        ),
    )
    def nightly_check(platform: dg.ResourceParam[Platform]) -> dg.RunRequest | dg.SkipReason:
        platform.ensure_identity()
        with closing(platform.warehouse.connect(autocommit=True)) as connection:
            if absent(connection, lineage.models):
                return dg.SkipReason("the marts are not all built yet")
        return dg.RunRequest()

    return nightly_check


def _orphan_retry(timezone: str, lineage: Lineage, own_checks: OwnChecks) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="orphan_retry",
        job_name=TRANSFORM_JOB,
        cron_schedule="20 * * * *",
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "Waiting orphans look for their parents again, and loads that no transform has seen"
            " are taken in, such as after a failed dbt run. The calendar once a night."
        ),
    )
    def orphan_retry(
        context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.RunRequest | dg.SkipReason:
        platform.ensure_identity()
        # Not simply everything: a table counts as fresh when it is built, with or without news.
        keys: set[dg.AssetKey] = set()
        reasons: list[str] = []
        with closing(platform.warehouse.connect(autocommit=True)) as connection:
            if sources := untransformed_sources(connection):
                keys.update(lineage.behind(sources))
                reasons.append(f"loads of {', '.join(sources)}")
            if connection.execute(HAS_ORPHANS).fetchone() == (True,):
                keys.update(lineage.facts())
                reasons.append("orphans wait")
            if context.scheduled_execution_time.hour == CALENDAR_HOUR:
                keys.update(lineage.calendar())
                reasons.append("nightly")
            selected = with_foundations(connection, lineage, keys)
        if not selected:
            return dg.SkipReason("no orphan waits and every load has been transformed")
        return dg.RunRequest(
            asset_selection=selected,
            asset_check_keys=checks_of(selected, own_checks),
            tags={"fastfeast/reason": "; ".join(reasons)},
        )

    return orphan_retry
