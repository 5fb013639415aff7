"""One look of a landing sensor: which files are pending, within a budget of time.

Belongs here: discovery and ledger, put together and repeated. What is done about it is for
`decide`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.contracts.model import Cadence
from fastfeast_assets.ingest.landing.discover import Discovery, Finding, LandingFile
from fastfeast_assets.ingest.landing.root import Trouble
from fastfeast_assets.ingest.landing.watch import LandingWatch
from fastfeast_assets.warehouse import ledger
from fastfeast_assets.warehouse.landing_identity import lost

# After this long a look ends with what it has.
BUDGET_SECONDS = 20.0
# So often a zone is asked whether it is there at all; of an object store that takes two requests.
TROUBLE_SECONDS = 10.0
STREAM_FOLDER = "stream"


@dataclass
class Look:
    """What stands in a cadence's part of the landing zone and is not done.

    Attributes:
        pending: Ready files that the ledger does not know as done, in the order of partitions.
        unsettled: Files that are still being written.
        future: Files dated in the future.
        problems: What is not loaded and a person should mend: near misses and refused files.
        strangers: Unknown names that read like nothing.
        is_whole: Whether the budget sufficed; the rest comes first at the next look.
    """

    pending: list[LandingFile] = field(default_factory=list)
    unsettled: list[LandingFile] = field(default_factory=list)
    future: list[Finding] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)
    strangers: list[Finding] = field(default_factory=list)
    is_whole: bool = True


class LandingLostError(Exception):
    """A landing zone that was read from cannot be read; the text says what to do."""


class LandingLook:
    """Looks again and again, at a cost that follows what changed.

    Args:
        cadence: Streams are watched in their own folder, all the rest with the batch sources.
    """

    def __init__(self, cadence: Cadence) -> None:
        self._cadence = cadence
        self._watched = ""
        self._watch: LandingWatch | None = None
        self._trouble: Trouble | None = None
        self._asked_at = -TROUBLE_SECONDS

    def __call__(self, platform: Platform) -> Look:
        """Look at the landing zone of a platform.

        Raises:
            LandingLostError: Files have been loaded from it, and it cannot be read.
        """
        now, started = time.time(), time.monotonic()
        self._ensure_there(platform, started)
        watch = self._watch_of(platform)
        folders = watch.folders(now)
        look = Look()
        for first in range(0, len(folders), watch.step):
            # The first step is taken whatever the time, or a slow zone would never be looked at.
            if first and time.monotonic() - started > BUDGET_SECONDS:
                look.is_whole = False
                break
            step = folders[first : first + watch.step]
            found = platform.look(folders=step)
            pending = self._pending(platform, found)
            look.pending += pending
            look.unsettled += found.unsettled
            look.future += found.future
            look.problems += found.problems
            look.strangers += found.strangers
            waiting = [file.relative_path for file in (*pending, *found.unsettled)]
            waiting += [finding.relative_path for finding in found.future]
            watch.looked(step, waiting, now)
        look.pending.sort(key=lambda file: (file.partition_at, file.relative_path))
        return look

    def _ensure_there(self, platform: Platform, now: float) -> None:
        if now - self._asked_at >= TROUBLE_SECONDS:
            with closing(platform.warehouse.connect(autocommit=True)) as connection:
                self._trouble = lost(connection, platform.landing)
            self._asked_at = now
        if self._trouble is not None:
            raise LandingLostError(f"{self._trouble.text}: {self._trouble.advice}")

    def _watch_of(self, platform: Platform) -> LandingWatch:
        if self._watch is None or self._watched != platform.landing.address:
            self._watched = platform.landing.address
            is_stream = self._cadence == "stream"
            start, left_out = (STREAM_FOLDER, ()) if is_stream else ("", (STREAM_FOLDER,))
            self._watch = platform.landing.watch(start, left_out)
        return self._watch

    def _pending(self, platform: Platform, found: Discovery) -> Sequence[LandingFile]:
        if not found.files:
            return []
        with closing(platform.warehouse.connect(autocommit=True)) as connection:
            return ledger.pending(connection, found.files)
