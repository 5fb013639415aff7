"""Which landing files `fastfeast reprocess` means, and what the ledger says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from fastfeast_assets.commands.errors import USAGE, CommandError
from fastfeast_assets.ingest.landing.discover import DAY_KEY, HOUR_KEY, LandingFile
from fastfeast_assets.ingest.landing.shown import shown
from fastfeast_assets.warehouse import ledger
from fastfeast_assets.warehouse.retention_landing import pruned_at

if TYPE_CHECKING:
    import psycopg

    from fastfeast_assets.assets.resources import Platform
    from fastfeast_assets.contracts.model import Contract

GONE = "not in the landing zone any more; what was loaded of it stays, unless you `withdraw` it"
PRUNED = (
    "deleted on {} by `fastfeast prune --what landing`: only who delivered it can deliver it again;"
    " what was loaded of it stays, unless you `withdraw` it"
)
UNSETTLED = "still being written"
WITHDRAWN = "withdrawn; name the file to load it again all the same"


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Attributes:
        paths: Files, below the landing root or as the shell names them.
        source: Only of this source.
        first: First partition: a day, or an hour such as `2026-11-20-08:00`.
        last: Last partition, included; a day stands for all its hours.
    """

    paths: Sequence[str] = ()
    source: str | None = None
    first: str | None = None
    last: str | None = None

    def admits(self, source: str, partition_key: str) -> bool:
        """Whether a file of this source and partition is asked for, other than by name."""
        if self.source not in (None, source):
            return False
        first, last = self.first or "", self.last or "9"
        return first <= partition_key and partition_key[: len(last)] <= last


@dataclass(frozen=True)
class Selection:
    """The files to load again, and those that cannot be, with the reason."""

    files: list[LandingFile] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


def wanted(
    paths: Sequence[str],
    source: str | None,
    partition: str | None,
    first: str | None,
    last: str | None,
    contracts: Mapping[str, Contract],
) -> Wanted:
    """The request, if it makes sense.

    Raises:
        CommandError: It names nothing, too much, or a source that no contract has.
    """
    has_range = bool(partition or first or last)
    problem = ""
    if partition and (first or last):
        problem = "--partition and --from or --to exclude each other"
    elif paths and (source or has_range):
        problem = "files and filters exclude each other"
    elif not paths and not has_range:
        problem = "which files?"
    elif source is not None and source not in contracts:
        problem = f"no contract has the source {source}"
    else:
        problem = next(filter(None, map(_misspelt, (partition, first, last))), "")
    if not problem and first and last and first[: len(last)] > last:
        problem = f"--from {first} is later than --to {last}"
    if problem:
        raise CommandError(
            problem,
            next_step="name files, or --partition, or --from and --to, with --source if need be",
            exit_code=USAGE,
        )
    return Wanted(paths, source, partition or first, partition or last)


def _misspelt(key: str | None) -> str:
    """Why a text is no key of a partition; empty when it is one."""
    for form in (DAY_KEY, HOUR_KEY):
        try:
            if key is None:
                return ""
            at = datetime.strptime(key, form)  # noqa: DTZ007
            if at.strftime(form) == key and at.minute == 0:
                return ""
        except ValueError:
            continue
    return f"{key} is no partition: a day is written 2026-11-20, an hour 2026-11-20-08:00"


def select(connection: psycopg.Connection, platform: Platform, request: Wanted) -> Selection:
    """The files of a request; those that only the ledger knows are named.

    A withdrawn file is loaded again when it is asked for by name alone.

    Raises:
        CommandError: A file is named that has never been there.
    """
    discovery = platform.look()
    findings = (*discovery.refused, *discovery.future, *discovery.unknown)
    problems = {item.relative_path: item.reason for item in findings}
    problems |= {file.relative_path: UNSETTLED for file in discovery.unsettled}
    ready = {file.relative_path: file for file in discovery.files}
    withdrawn: set[str] = set()
    if request.paths:
        names = list(dict.fromkeys(map(platform.landing.relative, request.paths)))
    else:
        found = [*discovery.files, *discovery.unsettled]
        names = [f.relative_path for f in found if request.admits(f.source, f.partition_key)]
        names += [name for name in _known(connection, request) if name not in set(names)]
        entries = ledger.latest(connection, names)
        withdrawn = {name for name, entry in entries.items() if entry.is_withdrawn}
    if request.paths:
        _ensure_known(connection, [name for name in names if name not in ready], problems, platform)
    selection = Selection()
    for name in names:
        if name in withdrawn:
            selection.left.append((name, WITHDRAWN))
        elif (file := ready.get(name)) is not None:
            selection.files.append(file)
        else:
            problem = problems.get(shown(name, platform.scrub))
            selection.left.append((name, problem or _gone(connection, name)))
    selection.files.sort(key=lambda file: (file.partition_at, file.relative_path))
    return selection


def _is_text(name: str) -> bool:
    """Whether the database can hold a name; the bytes of a shell need not be UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _ensure_known(
    connection: psycopg.Connection,
    absent: Sequence[str],
    problems: Mapping[str, str],
    platform: Platform,
) -> None:
    known = ledger.latest(connection, [name for name in absent if _is_text(name)])
    for name in absent:
        if name not in known and shown(name, platform.scrub) not in problems:
            raise CommandError(
                f"no file {shown(name, platform.scrub)} is in the landing zone, and none ever was",
                next_step="name it as it stands below the landing zone, such as"
                " stream/2026-11-20/08/orders.json",
                exit_code=USAGE,
            )


def _gone(connection: psycopg.Connection, name: str) -> str:
    """Why a file is not there."""
    at = pruned_at(connection, name)
    return GONE if at is None else PRUNED.format(at.date())


def _known(connection: psycopg.Connection, request: Wanted) -> list[str]:
    """The paths of the ledger that a request admits."""
    rows = connection.execute(
        "select file_path, source, file_type, partition_at from ops.pipeline_file_log"
        " where is_latest and withdrawn_at is null order by partition_at, file_path"
    ).fetchall()
    return [
        path
        for path, source, kind, at in rows
        if request.admits(source, at.strftime(HOUR_KEY if kind == "stream" else DAY_KEY))
    ]
