"""Which files stand in the landing zone, and which of them are ready to be read.

Only names and file status are looked at here, never content; whether a file is done is the
ledger's knowledge. The layout is that of the contracts:

    master/<source>.csv    batch/YYYY-MM-DD/<source>.csv|json    stream/YYYY-MM-DD/HH/<source>.*
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Literal

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing_root import LandingPath, LandingRoot, Status

DAY_KEY = "%Y-%m-%d"
HOUR_KEY = "%Y-%m-%d-%H:%M"
DEPTHS = {"master": 0, "batch": 1, "stream": 2}
# Written by exporters and systems around the data; neither loaded nor reported.
BYSTANDERS = frozenset({"metadata.json", "_SUCCESS", ".DS_Store", "Thumbs.db"})
TEMPORARY = re.compile(r"^[._~].*|.*(\.tmp|\.part|\.partial|\.crdownload|\.swp|~)$", re.IGNORECASE)


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


@dataclass(frozen=True)
class Finding:
    """Something in the landing zone that is not loaded, and why."""

    relative_path: str
    reason: str


@dataclass(frozen=True)
class Discovery:
    """What stands in the landing zone.

    Attributes:
        files: Ready to be read, in the order of partition and source.
        unsettled: Changed a moment ago; perhaps still being written.
        future: Dated after the partition that is being filled now; they wait.
        refused: Links out of the landing zone, no regular file, dated before the first partition.
        unknown: Names that no contract has.
    """

    files: list[LandingFile] = field(default_factory=list)
    unsettled: list[LandingFile] = field(default_factory=list)
    future: list[Finding] = field(default_factory=list)
    refused: list[Finding] = field(default_factory=list)
    unknown: list[Finding] = field(default_factory=list)


def discover(
    landing: LandingRoot,
    contracts: Mapping[str, Contract],
    *,
    now: datetime,
    settle_seconds: float,
    start_date: date,
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
        sources: Only these sources; default all.
        folders: Only what stands in these folders, as a watch names them; default the whole zone.
    """
    found = Discovery()
    clock = now.replace(tzinfo=None)
    for relative, path, status in landing.files(folders, is_wanted=_is_wanted):
        if isinstance(status, str):
            found.refused.append(Finding(_printable(relative), status))
            continue
        place = _place(relative, contracts, start_date)
        if isinstance(place, str):
            found.unknown.append(Finding(_printable(relative), place))
            continue
        if sources is not None and place.source not in sources:
            continue
        file = _landing_file(path, status, relative, place)
        if place.at.date() < start_date:
            reason = (
                "dated before the first partition; set FASTFEAST_START_DATE to "
                f"{place.at.date()} or earlier"
            )
            found.refused.append(Finding(relative, reason))
        elif place.at > clock:
            reason = "dated in the future; it waits until its time has come"
            found.future.append(Finding(relative, reason))
        elif _is_unsettled(status, now, settle_seconds):
            found.unsettled.append(file)
        else:
            found.files.append(file)
    found.files.sort(key=lambda file: (file.partition_at, file.relative_path))
    return found


@dataclass(frozen=True)
class _Place:
    source: str
    at: datetime
    cadence: Literal["master", "batch", "stream"]


def _place(relative: str, contracts: Mapping[str, Contract], start: date) -> _Place | str:
    """Where the layout puts this path, or why it does not."""
    parts = relative.split("/")
    folders, name = parts[:-1], parts[-1]
    source, _, suffix = name.rpartition(".")
    contract = contracts.get(source)
    if not folders or folders[0] not in DEPTHS:
        return "outside master/, batch/ and stream/"
    top, dated = folders[0], folders[1:]
    if contract is None:
        return "no contract has this name"
    if (top == "stream") != (contract.cadence == "stream"):
        return f"{source} is a {contract.cadence} source and does not belong under {top}/"
    if suffix not in (contract.formats if top != "master" else ("csv", *contract.formats)):
        return f"{source} comes as {' or '.join(contract.formats)}"
    if len(dated) != DEPTHS[top]:
        return "in a folder of the wrong depth"
    at = _moment(tuple(dated)) if dated else datetime(start.year, start.month, start.day)  # noqa: DTZ001
    if at is None:
        return "in a folder whose name is no date or hour"
    return _Place(source, at, top)  # type: ignore[arg-type]


@lru_cache(maxsize=1024)
def _moment(folders: tuple[str, ...]) -> datetime | None:
    """The start of a day's or an hour's folder; many files share one."""
    widths = (10, 2)
    if any(len(text) != width for text, width in zip(folders, widths, strict=False)):
        return None
    formats = (DAY_KEY, "%H")[: len(folders)]
    try:
        return datetime.strptime(" ".join(folders), " ".join(formats))  # noqa: DTZ007
    except ValueError:
        return None


def _is_wanted(name: str) -> bool:
    return name not in BYSTANDERS and not TEMPORARY.match(name)


def _landing_file(path: LandingPath, status: Status, relative: str, place: _Place) -> LandingFile:
    return LandingFile(
        source=place.source,
        path=path,
        relative_path=relative,
        partition_key=place.at.strftime(HOUR_KEY if place.cadence == "stream" else DAY_KEY),
        partition_at=place.at,
        size=status.size,
        landed_ns=status.landed_ns,
        fingerprint=status.fingerprint,
        is_master=place.cadence == "master",
    )


def _is_unsettled(status: Status, now: datetime, settle_seconds: float) -> bool:
    """Whether the file changed a moment ago; a time of change ahead of the clock says nothing."""
    if not status.written:
        return False
    present = now.timestamp()
    changed = next((time for time in status.written if time <= present), status.written[-1])
    return present - changed < settle_seconds


def _printable(relative: str) -> str:
    return relative.encode("utf-8", "backslashreplace").decode("utf-8")
