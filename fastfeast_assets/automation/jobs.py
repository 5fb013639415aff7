"""The jobs: what is launched together.

`load_*` bring files into raw, `transform` brings raw into the marts, `ingest_*` do both in one
run. Which partitions a run covers is said when it is launched. The rest is for the clock.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from fastfeast_assets.assets.lineage import ANALYTICS, MARTS, RAW, Lineage
from fastfeast_assets.contracts.model import Cadence

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

LOAD_JOBS: Mapping[Cadence, str] = {"batch": "load_batch", "stream": "load_streams"}
INGEST_JOBS: Mapping[Cadence, str] = {"batch": "ingest_batch", "stream": "ingest_streams"}
TRANSFORM_JOB = "transform"
SLA_JOB = "refresh_sla"
LEVELS_JOB = "check_service_levels"
DEADLINE_JOB = "check_batch_deadline"
REPORT_JOB = "report_quality"
RETENTION_JOB = "retention"
CHECK_JOB = "check_slice"

# The models whose rows change by the passing of time.
SLA_MODELS = [dg.AssetKey([MARTS, "fact_ticket"])]
SLA_VIEW = dg.AssetKey([ANALYTICS, "v_ticket_sla_performance"])


def build_jobs(
    raw_keys: Mapping[Cadence, Sequence[dg.AssetKey]],
    transform: dg.AssetSelection,
    levels: dg.AssetSelection,
) -> "list[UnresolvedAssetJobDefinition]":
    """The jobs that load and transform.

    Args:
        raw_keys: Keys of the raw assets by cadence.
        transform: Everything that is made from raw.
        levels: The checks that go by the clock, which no load waits for.
    """
    jobs: list[UnresolvedAssetJobDefinition] = [
        dg.define_asset_job(
            TRANSFORM_JOB, transform - levels, description="Everything behind raw, to the marts."
        )
    ]
    for cadence, keys in raw_keys.items():
        raw = dg.AssetSelection.assets(*keys)
        jobs.append(
            dg.define_asset_job(
                LOAD_JOBS[cadence],
                raw - levels,
                description=f"Landing files of the {cadence} sources into raw.",
            )
        )
        jobs.append(
            dg.define_asset_job(
                INGEST_JOBS[cadence],
                (raw | transform) - levels,
                description=f"Landing files of the {cadence} sources, all the way to the marts.",
            )
        )
    return jobs


def build_clock_jobs(
    level_checks: Sequence[dg.AssetCheckKey],
    batch_keys: Sequence[dg.AssetKey],
    lineage: Lineage,
    report: dg.AssetKey,
) -> "list[UnresolvedAssetJobDefinition]":
    """The jobs of the schedules.

    Args:
        level_checks: Keys of the checks that go by the clock.
        batch_keys: Raw assets of the batch sources.
        lineage: Of the models.
        report: The asset that is the quality report.
    """
    refreshed = lineage.between(SLA_MODELS, SLA_VIEW)
    batch = set(batch_keys)
    streams = [
        key for key in level_checks if key.asset_key.path[0] == RAW and key.asset_key not in batch
    ]
    streams += [key for key in level_checks if key.asset_key in refreshed]
    sla = dg.AssetSelection.assets(*refreshed) - dg.AssetSelection.checks(*level_checks)
    return [
        dg.define_asset_job(
            SLA_JOB,
            sla | dg.AssetSelection.checks(*streams),
            description="Tickets whose service level has come due, and the age of the streams.",
        ),
        dg.define_asset_job(
            LEVELS_JOB,
            dg.AssetSelection.checks(*level_checks),
            description="The age of the data of every table, missing files, names of files.",
        ),
        dg.define_asset_job(
            DEADLINE_JOB,
            dg.AssetSelection.checks(*(key for key in level_checks if key.asset_key in batch)),
            description="Whether the snapshots of the day have been loaded, by source.",
        ),
        dg.define_asset_job(
            REPORT_JOB,
            dg.AssetSelection.assets(report),
            description="A day in one page, kept as the report's metadata.",
        ),
    ]
