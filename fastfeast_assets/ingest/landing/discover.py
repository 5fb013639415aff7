"""Which files stand in the landing zone, and which of them are ready to be read.

Only names and file status are looked at here, never content; whether a file is done is the
ledger's knowledge.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing.layout import Place, is_wanted, place_of
from fastfeast_assets.ingest.landing.near_miss import stranger_of
from fastfeast_assets.ingest.landing.root import LandingPath, LandingRoot, Status
from fastfeast_assets.ingest.landing.shown import Scrub, shown

DAY_KEY = "%Y-%m-%d"
HOUR_KEY = "%Y-%m-%d-%H:%M"


@dataclass(frozen=True)
class LandingFile:
    """A file of a source.

    Attributes:
        source: The contract it belongs to.
        path: Where its content is.
        relative_path: Path below the landing root, with `/`; its name in the ledger.
        partition_key: Its Dagster partition, `2026-11-20` or `2026-11-20-08:00`.
        partition_at: Start of the partition on the business clock.
        size: Bytes.
        landed_ns: Since when it has stood here as it is, nanoseconds since the epoch.
        fingerprint: Changes whenever the file does.
        is_master: Whether it is the cold start's copy.
    """

    source: str
    path: LandingPath
    relative_path: str
    partition_key: str
    partition_at: datetime
    size: int
    landed_ns: int
    fingerprint: str
    is_master: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the landing zone that is not loaded, and why.

    Attributes:
        relative_path: Where it is, fit to be shown anywhere: without personal values, printable,
            of bounded length. The path itself where its name is one of the layout.
        reason: What is wrong and what to do.
        near: The source whose file an unknown name reads like; None when it reads like nothing.
    """

    relative_path: str
    reason: str
    near: str | None = None


@dataclass(frozen=True)
class Discovery:
    """What stands in the landing zone.

    Attributes:
        files: Ready to be read, in the order of partition and source.
        unsettled: Changed a moment ago; perhaps still being written.
        future: Dated after the partition that is being filled now; they wait.
        refused: What cannot be looked at, links out of the landing zone, no regular file, dated
            before the first partition, a second format of what is loaded already.
        unknown: Names that are none of the layout.
    """

    files: list[LandingFile] = field(default_factory=list)
    unsettled: list[LandingFile] = field(default_factory=list)
    future: list[Finding] = field(default_factory=list)
    refused: list[Finding] = field(default_factory=list)
    unknown: list[Finding] = field(default_factory=list)

    @property
    def near_misses(self) -> list[Finding]:
        """The unknown names that read like contracted ones."""
        return [finding for finding in self.unknown if finding.near is not None]

    @property
    def problems(self) -> list[Finding]:
        """What a person should mend: near misses, then what is refused."""
        return [*self.near_misses, *self.refused]

    @property
    def strangers(self) -> list[Finding]:
        """The unknown names that read like nothing."""
        return [finding for finding in self.unknown if finding.near is None]


def discover(
    landing: LandingRoot,
    contracts: Mapping[str, Contract],
    *,
    now: datetime,
    settle_seconds: float,
    start_date: date,
    scrub: Scrub,
    sources: Collection[str] | None = None,
    folders: Iterable[str] | None = None,
) -> Discovery:
    """Look through the landing zone.

    Args:
        landing: Where it is; may be absent.
        contracts: All contracts by source.
        now: The present, with a zone: that of the business clock.
        settle_seconds: A file written to more recently than this is unsettled.
        start_date: First daily partition; master files belong to it.
        scrub: Takes personal values out of a name.
        sources: Only these sources; default all.
        folders: Only what stands in these folders, as a watch names them; default the whole zone.
    """
    clock = now.replace(tzinfo=None)
    placed: list[tuple[Place, LandingFile, bool]] = []
    future: list[Finding] = []
    refused: list[Finding] = []
    unknown: list[Finding] = []
    for relative, path, status in landing.files(folders, is_wanted=is_wanted):
        if isinstance(status, str):
            refused.append(Finding(shown(relative, scrub), status))
            continue
        place = place_of(relative, contracts, start_date)
        if place is None:
            reason, near = stranger_of(relative, contracts)
            unknown.append(Finding(shown(relative, scrub), reason, near))
            continue
        if sources is not None and place.source not in sources:
            continue
        if place.at.date() < start_date:
            reason = (
                "dated before the first partition; set FASTFEAST_START_DATE to "
                f"{place.at.date()} or earlier"
            )
            refused.append(Finding(relative, reason))
        elif place.at > clock:
            future.append(
                Finding(relative, "dated in the future; it waits until its time has come")
            )
        else:
            file = _landing_file(path, status, relative, place)
            placed.append((place, file, _is_unsettled(status, now, settle_seconds)))
    chosen, others = _one_format_each(placed)
    placed = sorted(chosen, key=lambda item: (item[1].partition_at, item[1].relative_path))
    return Discovery(
        files=[file for _, file, is_unsettled in placed if not is_unsettled],
        unsettled=[file for _, file, is_unsettled in placed if is_unsettled],
        future=future,
        refused=[*refused, *others],
        unknown=unknown,
    )


def _one_format_each(
    placed: Sequence[tuple[Place, LandingFile, bool]],
) -> tuple[list[tuple[Place, LandingFile, bool]], list[Finding]]:
    """Of a source that stands in a folder in several formats the one that its contract prefers.

    It counts also while it is still being written: nothing else takes its place meanwhile.
    """
    best: dict[str, tuple[Place, LandingFile, bool]] = {}
    for item in placed:
        stem = _stem(item[1].relative_path)
        if stem not in best or item[0].rank < best[stem][0].rank:
            best[stem] = item
    others = []
    for _, file, _ in placed:
        name, format_ = _name_and_format(best[_stem(file.relative_path)][1])
        if name != _name_and_format(file)[0]:
            reason = (
                f"{name} is loaded instead: the contract names {format_} first; remove one of the"
                " two"
            )
            others.append(Finding(file.relative_path, reason))
    return list(best.values()), others


def _stem(relative: str) -> str:
    return relative.rpartition(".")[0]


def _name_and_format(file: LandingFile) -> tuple[str, str]:
    name = file.relative_path.rpartition("/")[2]
    return name, name.rpartition(".")[2]


def _landing_file(path: LandingPath, status: Status, relative: str, place: Place) -> LandingFile:
    return LandingFile(
        source=place.source,
        path=path,
        relative_path=relative,
        partition_key=place.at.strftime(HOUR_KEY if place.top == "stream" else DAY_KEY),
        partition_at=place.at,
        size=status.size,
        landed_ns=status.landed_ns,
        fingerprint=status.fingerprint,
        is_master=place.top == "master",
    )


def _is_unsettled(status: Status, now: datetime, settle_seconds: float) -> bool:
    """Whether the file changed a moment ago; a time of change ahead of the clock says nothing."""
    if not status.written:
        return False
    present = now.timestamp()
    changed = next((time for time in status.written if time <= present), status.written[-1])
    return present - changed < settle_seconds
