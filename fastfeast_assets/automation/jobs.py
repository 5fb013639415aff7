"""The jobs: what is launched together.

`load_*` bring files into raw, `transform` brings raw into the marts, `ingest_*` do both in one
run. Which partitions a run covers is said when it is launched.
"""

from collections.abc import Mapping, Sequence

import dagster as dg

from fastfeast_assets.contracts.model import Cadence

LOAD_JOBS: Mapping[Cadence, str] = {"batch": "load_batch", "stream": "load_streams"}
INGEST_JOBS: Mapping[Cadence, str] = {"batch": "ingest_batch", "stream": "ingest_streams"}
TRANSFORM_JOB = "transform"


def build_jobs(
    raw_keys: Mapping[Cadence, Sequence[dg.AssetKey]],
    transform: dg.AssetSelection,
) -> list["dg.JobDefinition | dg.UnresolvedAssetJobDefinition"]:
    """All jobs.

    Args:
        raw_keys: Keys of the raw assets by cadence.
        transform: Everything that is made from raw.
    """
    jobs: list[dg.JobDefinition | dg.UnresolvedAssetJobDefinition] = [
        dg.define_asset_job(
            TRANSFORM_JOB, transform, description="Everything behind raw, to the marts."
        )
    ]
    for cadence, keys in raw_keys.items():
        raw = dg.AssetSelection.assets(*keys)
        jobs.append(
            dg.define_asset_job(
                LOAD_JOBS[cadence],
                raw,
                description=f"Landing files of the {cadence} sources into raw.",
            )
        )
        jobs.append(
            dg.define_asset_job(
                INGEST_JOBS[cadence],
                raw | transform,
                description=f"Landing files of the {cadence} sources, all the way to the marts.",
            )
        )
    return jobs
