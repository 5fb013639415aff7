"""Which runs bring the pending files into raw. Pure.

A run covers a range of partitions of some sources of one cadence. Dagster records every partition
of the range as materialized, so a range holds landed partitions only; sources whose ranges are the
same share a run, because a run costs more than a small file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

import dagster as dg

from fastfeast_assets.automation.partitions import (
    PARTITION,
    build_partitions,
    contiguous_ranges,
    partition_of,
    range_tags,
)
from fastfeast_assets.contracts.model import Cadence, Contract
from fastfeast_assets.ingest.landing.discover import LandingFile
from fastfeast_assets.settings import Blueprint


@dataclass(frozen=True)
class LoadRun:
    """One run of raw assets.

    Attributes:
        cadence: Of all its sources.
        first: Key of its first partition.
        last: Key of its last partition, included.
        sources: Whose raw tables it loads.
    """

    cadence: Cadence
    first: str
    last: str
    sources: tuple[str, ...]

    @property
    def tags(self) -> dict[str, str]:
        """The run tags that say which partitions the run covers."""
        if self.first == self.last:
            return {PARTITION: self.first}
        return range_tags(self.first, self.last)


def plan_loads(
    files: Iterable[LandingFile], contracts: Mapping[str, Contract], blueprint: Blueprint
) -> list[LoadRun]:
    """The runs for these files: batch sources before streams, early partitions first."""
    partitions: dict[Cadence, dg.TimeWindowPartitionsDefinition] = {
        cadence: build_partitions(cadence, blueprint) for cadence in get_args(Cadence)
    }
    keys: dict[str, set[str]] = {}
    for file in files:
        cadence = contracts[file.source].cadence
        keys.setdefault(file.source, set()).add(partition_of(file, cadence, blueprint))
    runs: dict[tuple[Cadence, str, str], list[str]] = {}
    for source in sorted(keys):
        cadence = contracts[source].cadence
        for first, last in contiguous_ranges(keys[source], partitions[cadence]):
            runs.setdefault((cadence, first, last), []).append(source)
    return [LoadRun(*where, tuple(sources)) for where, sources in sorted(runs.items())]
