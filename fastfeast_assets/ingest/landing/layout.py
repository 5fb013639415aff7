"""The layout of the landing zone: which path is a file of which source and partition.

Belongs here: names that are exactly right. A name is what it parses back to, or unknown; what an
unknown one was perhaps meant to be is in `near_miss`.

    master/<source>.csv    batch/YYYY-MM-DD/<source>.csv|json    stream/YYYY-MM-DD/HH/<source>.*
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Literal, get_args

from fastfeast_assets.contracts.model import Contract

Top = Literal["master", "batch", "stream"]
TOPS: tuple[Top, ...] = get_args(Top)
FOLDERS: Mapping[Top, str] = {
    "master": "master/",
    "batch": "batch/YYYY-MM-DD/",
    "stream": "stream/YYYY-MM-DD/HH/",
}
MASTER_FORMATS = ("csv",)
# Written by exporters and systems around the data; neither loaded nor reported.
BYSTANDERS = frozenset({"metadata.json", "_SUCCESS", ".DS_Store", "Thumbs.db", "lost+found"})
_TEMPORARY = re.compile(
    r"[._~].*|.*(\.tmp|\.part|\.partial|\.crdownload|\.swp|~)", re.IGNORECASE | re.DOTALL
)
# In these digits alone, and from the year 1000 on, where `%Y` writes what was read.
_DAY = re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}")
_HOUR = re.compile(r"[01][0-9]|2[0-3]")


@dataclass(frozen=True)
class Place:
    """What a path says of its file.

    Attributes:
        source: The contract it belongs to.
        at: Start of its partition on the business clock.
        top: The first folder.
        rank: 0 for the format that the contract names first there, more for those after it.
    """

    source: str
    at: datetime
    top: Top
    rank: int


def place_of(relative: str, contracts: Mapping[str, Contract], start: date) -> Place | None:
    """Where the layout puts this path; None when it is none of the layout.

    Args:
        relative: Path below the landing root.
        contracts: All contracts by source.
        start: First daily partition, to which `master/` belongs.
    """
    *folders, name = relative.split("/")
    source, _, suffix = name.rpartition(".")
    contract = contracts.get(source)
    top = top_of(folders[0]) if folders else None
    if contract is None or top is None or not belongs(contract, top):
        return None
    formats = formats_in(contract, top)
    at = moment_of(tuple(folders), start)
    if at is None or suffix not in formats:
        return None
    return Place(source, at, top, formats.index(suffix))


def top_of(folder: str) -> Top | None:
    """The first folder of the layout that is named so."""
    return next((top for top in TOPS if top == folder), None)


def belongs(contract: Contract, top: Top) -> bool:
    """Whether files of the source stand below this folder."""
    return (top == "stream") == (contract.cadence == "stream")


def formats_in(contract: Contract, top: Top) -> tuple[str, ...]:
    """The formats in which a source comes below a folder, the preferred one first."""
    return MASTER_FORMATS if top == "master" else contract.formats


def siblings(relative: str, contract: Contract) -> tuple[str, ...]:
    """The paths of the same source and partition in its other formats, the preferred one first.

    At most one of them all is loaded at a time.

    Args:
        relative: Path of a file of the layout.
        contract: Of its source.
    """
    stem, _, suffix = relative.rpartition(".")
    top = top_of(relative.partition("/")[0])
    formats = formats_in(contract, top) if top is not None else ()
    return tuple(f"{stem}.{other}" for other in formats if other != suffix)


@lru_cache(maxsize=1024)
def moment_of(folders: tuple[str, ...], start: date) -> datetime | None:
    """The start of the partition of a folder, by its names from the root; many files share one."""
    match folders:
        case ("master",):
            return datetime(start.year, start.month, start.day)  # noqa: DTZ001
        case ("batch", day):
            return _moment(day, "00")
        case ("stream", day, hour):
            return _moment(day, hour)
    return None


def _moment(day: str, hour: str) -> datetime | None:
    if not _DAY.fullmatch(day) or not _HOUR.fullmatch(hour):
        return None
    try:
        return datetime.fromisoformat(f"{day}T{hour}:00:00")
    except ValueError:
        return None


def is_wanted(name: str) -> bool:
    """Whether a file of this name is worth a look: no bystander, and not being written."""
    return name not in BYSTANDERS and not is_temporary(name)


def is_temporary(name: str) -> bool:
    """Whether a name says that it is for the time being, or private to those who write there."""
    return _TEMPORARY.fullmatch(name) is not None
