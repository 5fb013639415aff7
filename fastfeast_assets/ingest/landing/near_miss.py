"""What a name that no contract has was perhaps meant to be.

Belongs here: the reason that a stranger is reported with, and the source that it reads like. It is
a hint for the person who mends the name: nothing is loaded by it. A reason is made of contracted
names and dates alone, never of the stranger's own letters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing.folding import folded, is_one_slip
from fastfeast_assets.ingest.landing.layout import (
    FOLDERS,
    TOPS,
    Top,
    belongs,
    formats_in,
    is_temporary,
    moment_of,
    top_of,
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


READ = {"csv": "csv", "json": "json", "jsonl": "json", "ndjson": "json"}
UNREAD = _words("avro dat feather ods orc parquet psv sqlite tab tsv xls xlsx xml yaml yml")
PACKED = _words("7z br bz2 gz gzip lz4 rar snappy tar tgz xz z zip zst zstd")
# What stands beside a file and is no data.
BESIDE = _words("crc ctl done index log manifest md md5 metadata ok ready schema sha1 sha256 sql")
MARKS = _words("backup bak copy final full kopie new of old orig txt upload")
_WORD = re.compile(r"[a-z0-9]+")
_MARK = re.compile(r"v?[0-9]+")
_AROUND = re.compile(r"[0-9]*([a-z]+)[0-9]*")
_DAY = re.compile(
    r"[^0-9]*([0-9]{4})(?:[^0-9]+([0-9]{1,2})[^0-9]+([0-9]{1,2})|([0-9]{2})([0-9]{2}))[^0-9]*"
)
_HOUR = re.compile(r"[^0-9]*([0-9]{1,2})(?:[^0-9]00)?[^0-9]*")
_ANY_DAY = date(2000, 1, 1)
# A shorter name differs from many words by one letter.
SHORTEST = 5


class Stranger(NamedTuple):
    """Why a name is unknown.

    Attributes:
        reason: For the person who must act.
        source: The contract whose file it reads like; None when it reads like nothing.
    """

    reason: str
    source: str | None = None


class _Reading(NamedTuple):
    """What the words of a file's name say; no source when they are none of a contract."""

    source: str | None = None
    suffix: str | None = None
    is_packed: bool = False
    is_unread: bool = False


def stranger_of(relative: str, contracts: Mapping[str, Contract]) -> Stranger:
    """Why a path is none of the layout, and what it reads like.

    Args:
        relative: Path below the landing root; none that the layout knows.
        contracts: All contracts by source.
    """
    *folders, name = relative.split("/")
    # What is put away in a folder of such a name is not meant to be loaded.
    if not any(map(is_temporary, folders)):
        reading = _read(name, contracts)
        if reading.source is not None:
            return Stranger(
                _advice(folders, name, contracts[reading.source], reading), reading.source
            )
        for folder in folders:
            source, _, suffix = folder.rpartition(".")
            if source in contracts and suffix in READ:
                reason = f"{folder} is a folder here; put one file of that name in its place"
                return Stranger(reason, source)
    if not folders or top_of(folders[0]) is None:
        return Stranger("outside master/, batch/ and stream/")
    return Stranger("no contract has this name")


def _advice(folders: Sequence[str], name: str, contract: Contract, reading: _Reading) -> str:
    """What is wrong with a name that reads like a file of a source, and what to do."""
    source = contract.source
    top = _like_top(folders, contract)
    if not belongs(contract, top):
        right: Top = "stream" if contract.cadence == "stream" else "batch"
        return (
            f"{source} is a {contract.cadence} source and does not belong under {top}/;"
            f" it belongs in {FOLDERS[right]}"
        )
    formats = formats_in(contract, top)
    right_name = f"{source}.{reading.suffix if reading.suffix in formats else formats[0]}"
    if reading.is_packed:
        return f"reads like {right_name}, packed; unpack it"
    if reading.is_unread or (reading.suffix is not None and reading.suffix not in formats):
        where = " in master/" if top == "master" else ""
        return f"{source} comes as {' or '.join(formats)}{where}; deliver {right_name}"
    is_right_place = moment_of(tuple(folders), _ANY_DAY) is not None
    if is_right_place:
        return f"reads like {right_name}; rename or remove it"
    place = _like_folder(folders, top)
    if place is not None:
        return f"reads like {place}/{right_name}; rename or remove it"
    verb = "move" if name == right_name else f"name it {right_name} and move"
    return f"in a folder of another name or depth than the layout's; {verb} it to {FOLDERS[top]}"


def _read(name: str, contracts: Mapping[str, Contract]) -> _Reading:
    """What a file's name says when marks of copies, dates and slips of the pen are looked past."""
    words = _WORD.findall(folded(name))
    if not BESIDE.isdisjoint(words):
        return _Reading()
    kinds = [_format(word) for word in words]
    other = UNREAD | PACKED
    rest = [w for w, kind in zip(words, kinds, strict=True) if kind is None and w not in other]
    unmarked = [word for word in rest if word not in MARKS and not _MARK.fullmatch(word)]
    stem = _WORD.findall(folded(name.partition(".")[0]))
    for compact in dict.fromkeys(map("".join, (stem, rest, unmarked))):
        source = _source(compact, tuple(contracts))
        if source is not None:
            return _Reading(
                source,
                next(filter(None, kinds), None),
                is_packed=not PACKED.isdisjoint(words),
                is_unread=not UNREAD.isdisjoint(words),
            )
    return _Reading()


def _format(word: str) -> str | None:
    """The format that a word of a name stands for, also with a slip in it."""
    if word in READ:
        return READ[word]
    if len(word) < 3 or word in UNREAD | PACKED:
        return None
    return next((READ[known] for known in ("json", "csv") if is_one_slip(word, known)), None)


def _source(compact: str, sources: tuple[str, ...]) -> str | None:
    """The source that letters without separators stand for, also with a slip in them."""
    around = _AROUND.fullmatch(compact)
    forms = (compact, around[1]) if around else (compact,)
    known = _without_separators(sources)
    exact = next((known[form] for form in forms if form in known), None)
    if exact is not None:
        return exact
    return next(
        (
            source
            for form in forms
            for plain, source in known.items()
            if len(plain) >= SHORTEST and is_one_slip(form, plain)
        ),
        None,
    )


@lru_cache(maxsize=8)
def _without_separators(sources: tuple[str, ...]) -> dict[str, str]:
    return {source.replace("_", ""): source for source in sources}


def _like_top(folders: Sequence[str], contract: Contract) -> Top:
    """The first folder that is meant: by its name, else by the source."""
    name = folded(folders[0]) if folders else ""
    usual: Top = "stream" if contract.cadence == "stream" else "batch"
    return next((top for top in TOPS if name == top or is_one_slip(name, top)), usual)


def _like_folder(folders: Sequence[str], top: Top) -> str | None:
    """The folder of the layout that is meant, where each name can be read as one."""
    if len(folders) != FOLDERS[top].count("/"):
        return None
    name = folded(folders[0])
    dated = (*map(_like_day, folders[1:2]), *map(_like_hour, folders[2:3]))
    meant = (top, *filter(None, dated))
    is_clear = name == top or is_one_slip(name, top)
    return "/".join(meant) if is_clear and moment_of(meant, _ANY_DAY) is not None else None


def _like_day(folder: str) -> str | None:
    found = _DAY.fullmatch(folded(folder))
    if found is None:
        return None
    year, month, day = filter(None, found.groups())
    return f"{year}-{month:0>2}-{day:0>2}"


def _like_hour(folder: str) -> str | None:
    found = _HOUR.fullmatch(folded(folder))
    return f"{found[1]:0>2}" if found is not None else None
