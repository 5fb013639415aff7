"""Looking for a person in the landing files that still exist, with a bar for whoever waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich import progress as bars

from fastfeast_assets.commands.console import shortened, stderr

if TYPE_CHECKING:
    from fastfeast_assets.assets.resources import Platform
    from fastfeast_assets.ingest.judge.search import PersonSearch
    from fastfeast_assets.ingest.landing.discover import Discovery, LandingFile
    from fastfeast_assets.warehouse.person.places import Found

HOLDS = "delete or blank it at its source; `fastfeast prune --what landing` deletes loaded ones"
UNKNOWN = "not looked into: no file of a contract"
NAME_WIDTH = 60


def look_through(platform: Platform, search: PersonSearch) -> list[Found]:
    """The landing files that hold a person, and what could not be looked into."""
    from fastfeast_assets.warehouse.person.places import Found

    landed = platform.look()
    found: list[Found] = []
    for file in with_progress(_files(landed)):
        rows, note = _rows(platform, file, search)
        if rows or note:
            kind = "unread" if note else "file"
            found.append(Found(file.relative_path, rows, note=note or HOLDS, kind=kind))
    others = (*landed.unknown, *landed.refused, *landed.future)
    return found + [Found(it.relative_path, 0, note=UNKNOWN, kind="unread") for it in others]


def _files(landed: Discovery) -> list[LandingFile]:
    return [*landed.files, *landed.unsettled]


def _rows(platform: Platform, file: LandingFile, search: PersonSearch) -> tuple[int, str]:
    """How many rows of a file hold the person, or why that cannot be known."""
    from fastfeast_assets.ingest.errors import FileChangedError, FileRejectedError

    contract = platform.contracts[file.source]
    is_json = file.relative_path.endswith(".json")
    try:
        with file.path.opened() as stream:
            rows = platform.settings.chunk_rows
            return search.count(stream, contract, rows, is_json=is_json), ""
    except (FileRejectedError, FileChangedError) as error:
        return 0, f"could not be read: {error}"


def with_progress(files: Sequence[LandingFile]) -> Iterator[LandingFile]:
    """The files one by one, with a bar on a terminal."""
    console = stderr()
    if not console.is_terminal:
        yield from files
        return
    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(bar_width=24),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=console, transient=True) as display:
        task = display.add_task("Landing files", total=len(files))
        for file in files:
            display.update(task, description=shortened(file.relative_path, NAME_WIDTH))
            yield file
            display.advance(task)
