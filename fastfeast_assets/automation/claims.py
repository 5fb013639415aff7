"""Which partitions the runs that have not ended are about.

Whoever launched them: a sensor, a schedule, a backfill in the UI or `fastfeast ingest`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from fastfeast_assets.assets.lineage import RAW
from fastfeast_assets.automation.jobs import INGEST_JOBS, LOAD_JOBS
from fastfeast_assets.automation.partitions import PARTITION, RANGE_END, RANGE_START
from fastfeast_assets.contracts.model import Cadence

LAUNCHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
UNFINISHED = [dg.DagsterRunStatus.QUEUED, *LAUNCHED]
MAXIMUM_RUNS = 200
SENSOR = "dagster/sensor_name"
# Of the runs of `fastfeast ingest` and `reprocess`.
COMMAND_TAG = {"fastfeast/command": "ingest"}
CADENCES: Mapping[str, Cadence] = {
    **{job: cadence for cadence, job in LOAD_JOBS.items()},
    **{job: cadence for cadence, job in INGEST_JOBS.items()},
}


@dataclass(frozen=True)
class Claim:
    """A run at work on a range of partitions.

    Attributes:
        sources: Whose raw tables it loads; None when it loads those of a whole cadence.
        cadence: Of these, where the job says it.
        first: Key of the first partition.
        last: Key of the last partition, included.
        is_sensors: Whether a sensor launched it.
        is_canceled: Whether somebody terminated it.
    """

    sources: frozenset[str] | None
    cadence: Cadence | None
    first: str
    last: str
    is_sensors: bool = False
    is_canceled: bool = False

    def covers(self, source: str, cadence: Cadence, key: str) -> bool:
        """Whether the run loads a source's partition. Keys of a cadence sort by time."""
        is_its_source = self.cadence == cadence if self.sources is None else source in self.sources
        return is_its_source and self.first <= key <= self.last


def unfinished_claims(instance: dg.DagsterInstance) -> list[Claim]:
    """The claims of the newest runs that are queued or in flight."""
    runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED), limit=MAXIMUM_RUNS)
    return [claim for run in runs if (claim := claim_of(run)) is not None]


def recent_claims(instance: dg.DagsterInstance) -> list[Claim]:
    """The claims of the newest runs, whatever became of them, the newest first."""
    runs = instance.get_runs(limit=MAXIMUM_RUNS)
    return [claim for run in runs if (claim := claim_of(run)) is not None]


def claim_of(run: dg.DagsterRun) -> Claim | None:
    """What a run loads, or None when it loads nothing."""
    first = run.tags.get(RANGE_START) or run.tags.get(PARTITION)
    last = run.tags.get(RANGE_END) or run.tags.get(PARTITION)
    if first is None or last is None:
        return None
    cadence = CADENCES.get(run.job_name)
    marks = SENSOR in run.tags, run.status == dg.DagsterRunStatus.CANCELED
    if run.asset_selection is not None:
        return Claim(_raw_sources(list(run.asset_selection)), None, first, last, *marks)
    return None if cadence is None else Claim(None, cadence, first, last, *marks)


def _raw_sources(keys: Sequence[dg.AssetKey]) -> frozenset[str]:
    return frozenset(key.path[1] for key in keys if len(key.path) == 2 and key.path[0] == RAW)
