"""What a landing sensor does about the pending files: launch or wait. Pure.

Belongs here: the rules of a tick. Finding the pending files is for `landing_look`, which runs they
make for `plan`, talking to Dagster for `sensors`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fastfeast_assets.automation.claims import Claim
from fastfeast_assets.automation.partitions import partition_of
from fastfeast_assets.automation.plan import LoadRun, plan_loads
from fastfeast_assets.automation.sensor_state import Attempt, SensorState, digest_of
from fastfeast_assets.contracts.model import Cadence, Contract
from fastfeast_assets.ingest.landing.discover import LandingFile
from fastfeast_assets.settings import Blueprint

# After the first run of a partition's files, how long to wait before the next ones; the last wait
# comes again and again, since what hinders a run may go away without a file changing.
BACKOFF_SECONDS = (30, 120, 600, 3600)
MAXIMUM_FILES_A_TICK = 2000
MAXIMUM_RUNS = 10


@dataclass(frozen=True)
class Launch:
    """A run to request.

    Attributes:
        load: Its partitions and sources.
        run_key: Never given twice.
        attempt: 1 for the first run of these files.
        files: How many files it is about.
    """

    load: LoadRun
    run_key: str
    attempt: int
    files: int


@dataclass(frozen=True)
class Decision:
    """What a tick comes to.

    Attributes:
        launches: The runs to request.
        state: To remember.
        in_flight: Partitions that a run is at work on.
        backing_off: Partitions whose run failed and that wait for the next try.
        given_up: Partitions whose run somebody has terminated, with files that are the same still.
        failing: Of partitions whose runs fail again and again, those that wait for the next hour.
        postponed: Files that are left for later ticks, because enough is under way.
    """

    launches: list[Launch]
    state: SensorState
    in_flight: list[str]
    backing_off: list[str]
    given_up: list[str]
    failing: list[str]
    postponed: int


def decide(
    pending: Sequence[LandingFile],
    claims: Sequence[Claim],
    state: SensorState,
    *,
    cadence: Cadence,
    contracts: Mapping[str, Contract],
    blueprint: Blueprint,
    now: float,
    is_whole: bool = True,
    recent: Sequence[Claim] = (),
) -> Decision:
    """Decide about the pending files of a cadence.

    Args:
        pending: In the order of their partitions.
        claims: Of the runs that have not ended.
        state: Of the tick before.
        cadence: Of all the files.
        contracts: All contracts by source.
        blueprint: Business clock and first partition.
        now: Seconds since the epoch.
        recent: Of the newest runs, whatever became of them, the newest first.
        is_whole: Whether `pending` is all there is; otherwise no attempt is forgotten.
    """
    by_partition: dict[str, list[LandingFile]] = {}
    for file in pending:
        by_partition.setdefault(partition_of(file, cadence, blueprint), []).append(file)
    attempts = {k: a for k, a in state.attempts.items() if k in by_partition or not is_whole}
    in_flight: list[str] = []
    backing_off: list[str] = []
    given_up: list[str] = []
    failing: list[str] = []
    chosen: list[LandingFile] = []
    postponed = 0
    # A backfill of many runs holds up no sensor.
    is_enough = sum(claim.is_sensors for claim in claims) >= MAXIMUM_RUNS
    for key, files in sorted(by_partition.items()):
        free = [f for f in files if not any(c.covers(f.source, cadence, key) for c in claims)]
        if not free:
            in_flight.append(key)
            continue
        attempt = _next_attempt(attempts.get(key), free)
        if attempt.tries > 1 and _is_terminated(key, free, cadence, recent):
            given_up.append(key)
        elif now < attempt.not_before:
            is_hourly = attempt.tries > len(BACKOFF_SECONDS)
            (failing if is_hourly else backing_off).append(key)
        elif is_enough or len(chosen) + len(free) > MAXIMUM_FILES_A_TICK:
            postponed += len(free)
        else:
            chosen += free
            attempts[key] = begun(attempt, now)
    launches, postponed_runs = _launches(
        chosen, attempts, state.serial, cadence=cadence, contracts=contracts, blueprint=blueprint
    )
    after = dataclasses.replace(state, serial=state.serial + len(launches), attempts=attempts)
    return Decision(
        launches, after, in_flight, backing_off, given_up, failing, postponed + postponed_runs
    )


def _is_terminated(
    key: str, files: Sequence[LandingFile], cadence: Cadence, recent: Sequence[Claim]
) -> bool:
    """Whether a person ended the last run of these files: whoever cancels means it."""
    last = (c for c in recent if any(c.covers(file.source, cadence, key) for file in files))
    newest = next(last, None)
    return newest is not None and newest.is_canceled


def begun(attempt: Attempt, now: float) -> Attempt:
    """An attempt whose run is requested now: no further one before its wait is over."""
    wait = BACKOFF_SECONDS[min(attempt.tries, len(BACKOFF_SECONDS)) - 1]
    return dataclasses.replace(attempt, not_before=int(now) + wait)


def _next_attempt(before: Attempt | None, files: Iterable[LandingFile]) -> Attempt:
    """The coming attempt at these files; others than before begin anew."""
    digest = digest_of(f"{file.relative_path} {file.fingerprint}" for file in files)
    if before is None or before.digest != digest:
        return Attempt(digest, 1, 0)
    return dataclasses.replace(before, tries=before.tries + 1)


def _launches(
    chosen: Sequence[LandingFile],
    attempts: dict[str, Attempt],
    serial: int,
    *,
    cadence: Cadence,
    contracts: Mapping[str, Contract],
    blueprint: Blueprint,
) -> tuple[list[Launch], int]:
    """The runs for these files, early partitions first, and how many files found no run."""
    placed = [(file, partition_of(file, cadence, blueprint)) for file in chosen]
    launches: list[Launch] = []
    postponed = 0
    for load in plan_loads(chosen, contracts, blueprint):
        files = {
            file.relative_path: (key, file.fingerprint)
            for file, key in placed
            if file.source in load.sources and load.first <= key <= load.last
        }
        if len(launches) == MAXIMUM_RUNS:
            postponed += len(files)
            for key, _ in files.values():
                attempts.pop(key, None)
            continue
        attempt = max(attempts[key].tries for key, _ in files.values())
        parts = [f"{path} {mark}" for path, (_, mark) in files.items()]
        run_key = digest_of([*parts, f"attempt {attempt}", f"serial {serial + len(launches)}"])
        launches.append(Launch(load, run_key, attempt, len(files)))
    return launches, postponed
