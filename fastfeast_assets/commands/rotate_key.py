"""`fastfeast rotate-key`: another PII key, with both hashes side by side until it is finished."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from fastfeast_assets.commands.console import moment, number, plain, print_json, stdout, table
from fastfeast_assets.commands.context import log_to_file, warehouse_connection
from fastfeast_assets.commands.errors import USAGE, CommandError
from fastfeast_assets.commands.person_files import with_progress
from fastfeast_assets.commands.quarantine_options import JsonOption, YesOption

if TYPE_CHECKING:
    from fastfeast_assets.assets.resources import Platform
    from fastfeast_assets.ingest.landing.discover import LandingFile
    from fastfeast_assets.warehouse.person.rotation import Rotation, State

GUIDE = "docs/guides/privacy.md has the steps"
NEXT = (
    "Both keys are needed now: put them where every program of the platform reads its settings, and"
    " start the console's again. `fastfeast rotate-key --yes` once more translates what later files"
    " bring; `--finish` ends it."
)
FINISHED = (
    "Remove FASTFEAST_PII_KEY_PREVIOUS from the settings and destroy the former key and its copies;"
    " old dumps and extracts are readable for who has it."
)


def rotate_key(
    is_status: Annotated[bool, typer.Option("--status", help="Only say how far it is.")] = False,
    is_finish: Annotated[
        bool, typer.Option("--finish", help="Forget the former key: its pairs leave.")
    ] = False,
    is_sure: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Move the hashes of persons to another PII key: after a leak, or by the calendar.

    The new key is FASTFEAST_PII_KEY, the former one FASTFEAST_PII_KEY_PREVIOUS. The landing files
    of persons that are still there are read, each value is hashed under both keys, and raw,
    quarantine, dimensions and histories change over in one transaction. [bold]ops.hash_pair[/bold]
    has both hashes, to join older extracts with. Hashes of persons who are in no file stay marked
    in [bold]ops.untranslated_hash[/bold] until a file brings them. Without --yes nothing is
    changed.

    [bold]Examples[/bold]

    Start, and again later to translate more:  fastfeast rotate-key --yes

    How far it is:  fastfeast rotate-key --status

    Forget the former key:  fastfeast rotate-key --finish --yes
    """
    from fastfeast_assets.assets.resources import Platform
    from fastfeast_assets.settings import load_settings
    from fastfeast_assets.warehouse.person.rotation import Rotation, RotationError, state

    if is_status and is_finish:
        raise CommandError("--status or --finish?", next_step="give one", exit_code=USAGE)
    settings = load_settings()
    log_to_file(settings)
    with warehouse_connection(settings):
        pass
    platform = Platform(settings)
    console = stdout()
    if is_status:
        with closing(platform.warehouse.connect(autocommit=True)) as connection:
            _show(console, state(connection), as_json=as_json)
        return
    try:
        rotation = Rotation(platform.warehouse, platform.contracts)
        if is_finish:
            _finish(platform, rotation, console, is_sure=is_sure, as_json=as_json)
        else:
            _start(platform, rotation, console, is_sure=is_sure, as_json=as_json)
    except RotationError as error:
        raise CommandError(str(error), next_step=GUIDE, exit_code=USAGE) from error


def _start(
    platform: Platform, rotation: Rotation, console: Console, *, is_sure: bool, as_json: bool
) -> None:
    landed = platform.look()
    files = [
        file
        for file in (*landed.files, *landed.unsettled)
        if platform.contracts[file.source].personal_columns
    ]
    if not is_sure:
        if as_json:
            print_json({"is_dry_run": True, "files": len(files)})
            return
        console.print(
            f"{number(len(files))} landing files of persons would be read, and the hashes that they"
            " explain changed over. Nothing was changed; --yes does it.",
            soft_wrap=True,
        )
        return
    with rotation.reading():
        read = (_read(rotation, platform, file) for file in with_progress(files))
        unread = [problem for problem in read if problem]
        after = rotation.change_over()
    _show(console, after, as_json=as_json, more={"files": len(files), "unread": unread})
    if not as_json:
        for problem in unread:
            console.print(plain(problem), markup=False, soft_wrap=True)
        console.print(NEXT, soft_wrap=True)


def _read(rotation: Rotation, platform: Platform, file: LandingFile) -> str:
    """Note the pairs of a file; gives why it could not be read."""
    from fastfeast_assets.ingest.errors import FileChangedError, FileRejectedError

    is_json = file.relative_path.endswith(".json")
    try:
        with file.path.opened() as stream:
            rotation.read(stream, platform.contracts[file.source], is_json=is_json)
    except (FileRejectedError, FileChangedError) as error:
        return f"{file.relative_path} could not be read: {error}"
    return ""


def _finish(
    platform: Platform, rotation: Rotation, console: Console, *, is_sure: bool, as_json: bool
) -> None:
    from fastfeast_assets.warehouse.person.rotation import state

    if not is_sure:
        with closing(platform.warehouse.connect(autocommit=True)) as connection:
            _show(console, state(connection), as_json=as_json, more={"is_dry_run": True})
        if not as_json:
            console.print(
                "The pairs would leave, and what is untranslated stay so: its files, when they come"
                " again, bring somebody new. Nothing was changed; --yes does it.",
                soft_wrap=True,
            )
        return
    _show(console, rotation.finish(), as_json=as_json)
    if not as_json:
        console.print(FINISHED, soft_wrap=True)


def _show(
    console: Console, found: State, *, as_json: bool, more: dict[str, Any] | None = None
) -> None:
    if as_json:
        print_json({**asdict(found), **(more or {})})
        return
    begin = moment(found.started_at) if found.started_at else "none is open"
    rows: list[tuple[str, object]] = [
        ("rotation", begin),
        ("values with both hashes", found.pairs),
        *((f"untranslated hashes of {name}", count) for name, count in found.untranslated.items()),
        ("erased persons' hashes under a former key", found.suppressed),
    ]
    console.print(table("PII key", ("", ""), rows))
