"""What a landing sensor remembers from tick to tick, as the small text that Dagster keeps.

The ledger says which files are done; here is only what the ledger cannot know: how often runs have
been tried that never got as far as the ledger, and which strangers have been reported.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

VERSION = 1
MAXIMUM_ATTEMPTS = 1000
MAXIMUM_REPORTED = 1000
DIGEST_CHARACTERS = 12


@dataclass(frozen=True)
class Attempt:
    """The runs that have been requested for what a partition still lacks.

    Attributes:
        digest: Of the files that were pending; other files begin anew.
        tries: How many runs there have been.
        not_before: Seconds since the epoch; earlier there is no further one.
    """

    digest: str
    tries: int
    not_before: int


@dataclass(frozen=True)
class SensorState:
    """The cursor of a landing sensor.

    Attributes:
        serial: Grows with each run that is requested; part of the run keys, because Dagster never
            launches a run key twice and the ledger may ask for the same files again.
        attempts: By partition key, of partitions with pending files.
        reported: Digests of the findings that have been reported, oldest first.
    """

    serial: int
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    reported: tuple[str, ...] = ()

    @classmethod
    def read(cls, cursor: str | None, now: float) -> SensorState:
        """The state in a cursor; an unreadable or missing one begins anew, with fresh run keys."""
        fresh = cls(serial=int(now))
        try:
            content = json.loads(cursor or "{}")
            if content.get("version") != VERSION:
                return fresh
            return cls(
                serial=int(content["serial"]),
                attempts={key: Attempt(*item) for key, item in content["attempts"].items()},
                reported=tuple(content["reported"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return fresh

    def write(self) -> str:
        """The cursor, bounded: the newest partitions and the first findings are kept."""
        kept = sorted(self.attempts.items())[-MAXIMUM_ATTEMPTS:]
        content = {
            "version": VERSION,
            "serial": self.serial,
            "attempts": {key: [a.digest, a.tries, a.not_before] for key, a in kept},
            "reported": self.reported[:MAXIMUM_REPORTED],
        }
        return json.dumps(content, separators=(",", ":"))


def digest_of(parts: Iterable[str]) -> str:
    """A short digest of some texts, in whatever order they come."""
    content = "\n".join(sorted(parts)).encode("utf-8", "surrogateescape")
    return hashlib.sha256(content).hexdigest()[:DIGEST_CHARACTERS]
