"""`fastfeast person find|erase`: one person's data, without showing any of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from fastfeast_assets.commands.console import number, plain, print_json, stdout, table
from fastfeast_assets.commands.context import log_to_file, warehouse_connection
from fastfeast_assets.commands.errors import USAGE, CommandError
from fastfeast_assets.commands.groups import HelpfulGroup
from fastfeast_assets.commands.person_options import (
    AgentOption,
    CustomerOption,
    DriverOption,
    EmailOption,
    NationalIdOption,
    PhoneOption,
    asked_for,
)
from fastfeast_assets.commands.quarantine_options import JsonOption, YesOption

if TYPE_CHECKING:
    from fastfeast_assets.assets.resources import Platform
    from fastfeast_assets.warehouse.person.places import Found
    from fastfeast_assets.warehouse.person.subject import Member, Person, Value

person = typer.Typer(
    cls=HelpfulGroup,
    rich_markup_mode="rich",
    help="One person's data: where it is, and taking it out.",
)

ONLY_FILES = (
    "Text in notes, names and uncontracted columns is hashed under keys that nobody keeps, and a"
    " name is no key: what they say of a person can be found in the landing files only."
)
EVENTS = (
    "a name or a hash, perhaps of a namesake; `fastfeast prune --what dagster` takes out old events"
)
LISTED_KEYS = 8


@person.command()
def find(
    phone: PhoneOption = None,
    email: EmailOption = None,
    national_id: NationalIdOption = None,
    customer: CustomerOption = None,
    driver: DriverOption = None,
    agent: AgentOption = None,
    has_landing: Annotated[
        bool,
        typer.Option(
            "--landing/--no-landing", help="Also read the landing files that still exist."
        ),
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """List every place that holds a person: by count and key, never by value.

    A value on the command line stays in the shell's history and in the process list, where others
    of this machine read it. Give [bold]-[/bold] instead, and the value is asked for, or read from
    standard input.

    [bold]Examples[/bold]

    Asks for the phone:  fastfeast person find --phone -

    From a program:  fastfeast person find --email - --json < address.txt

    By number:  fastfeast person find --customer 17 --no-landing
    """
    asked = asked_for(
        {"phone": phone, "email": email, "national id": national_id},
        {"customers": customer, "drivers": driver, "agents": agent},
    )
    platform = _platform()
    someone, found = _find(platform, asked, has_landing=has_landing)
    if as_json:
        print_json(
            {
                "members": [asdict(member) for member in someone.members],
                "places": [asdict(item) for item in found],
                "landing_was_read": has_landing,
                "note": ONLY_FILES,
            }
        )
        return
    console = stdout()
    _print(console, found, "Found")
    if not found:
        console.print("Nothing of this person is known here.")
    console.print(ONLY_FILES, soft_wrap=True)
    if not has_landing:
        console.print("The landing files were not read.")


@person.command()
def erase(
    reason: Annotated[str, typer.Option(help="Why, for the audit log.", show_default=False)],
    phone: PhoneOption = None,
    email: EmailOption = None,
    national_id: NationalIdOption = None,
    customer: CustomerOption = None,
    driver: DriverOption = None,
    agent: AgentOption = None,
    has_notes: Annotated[
        bool,
        typer.Option(
            "--notes/--keep-notes",
            help="Also blank what people wrote in tickets of the person, or as the person.",
        ),
    ] = False,
    is_sure: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take a person out of raw, quarantine, dimensions and histories, and keep the person out.

    Rows, numbers, money and times stay; names, hashes and uncontracted values leave them, at once,
    in one transaction. Files that bring the person again, also by [bold]reprocess[/bold], are
    loaded without. The landing files themselves are not changed: [bold]find[/bold] names them. The
    reason is kept, so it should name a request, not a person. Without --yes all is worked out and
    nothing is changed.

    [bold]Example[/bold]

    fastfeast person erase --customer 17 --reason "request 2026-114" --yes
    """
    from fastfeast_assets.warehouse.person.erase import SeveralPersonsError
    from fastfeast_assets.warehouse.person.erase import erase as take_out
    from fastfeast_assets.warehouse.person.subject import UnknownPersonError

    if not reason.strip():
        raise CommandError("the reason is empty", next_step="say why", exit_code=USAGE)
    asked = asked_for(
        {"phone": phone, "email": email, "national id": national_id},
        {"customers": customer, "drivers": driver, "agents": agent},
    )
    platform = _platform()
    try:
        done = take_out(
            platform.warehouse,
            platform.contracts,
            asked,
            reason=reason.strip(),
            has_notes=has_notes,
            is_dry_run=not is_sure,
        )
    except UnknownPersonError as error:
        raise CommandError(str(error), exit_code=USAGE) from error
    except SeveralPersonsError as error:
        raise CommandError(
            str(error), next_step="erase them one by one, such as --customer 17", exit_code=USAGE
        ) from error
    if as_json:
        print_json(
            {
                "is_dry_run": not is_sure,
                "members": [asdict(member) for member in done.person.members],
                "others": [asdict(member) for member in done.person.others],
                "places": [asdict(item) for item in done.places],
                "suppressed_hashes": done.suppressed_hashes,
            }
        )
        return
    console = stdout()
    _print(console, done.places, "Erased" if is_sure else "To erase")
    if not done.places:
        console.print("Nothing of this person is stored" + (" any more." if is_sure else "."))
    for member in done.person.others:
        name = f"{member.source} {member.key}"
        console.print(
            f"{plain(name)} has or had one of the values, too: that one is not kept out of it.",
            soft_wrap=True,
        )
    if is_sure:
        console.print("Loads to come leave the person out. `fastfeast person find` names files.")
    else:
        console.print("Nothing was changed; --yes does it.")


def _platform() -> Platform:
    from fastfeast_assets.assets.resources import Platform
    from fastfeast_assets.settings import load_settings

    settings = load_settings()
    log_to_file(settings)
    with warehouse_connection(settings):
        pass
    return Platform(settings)


def _find(
    platform: Platform, asked: Member | Value, *, has_landing: bool
) -> tuple[Person, list[Found]]:
    from fastfeast_assets.commands.person_files import look_through
    from fastfeast_assets.ingest.judge.search import PersonSearch
    from fastfeast_assets.warehouse import identity_guard
    from fastfeast_assets.warehouse.person.events import count_events, names_of
    from fastfeast_assets.warehouse.person.find import find as look_up
    from fastfeast_assets.warehouse.person.places import Found
    from fastfeast_assets.warehouse.person.subject import UnknownPersonError, person_of
    from fastfeast_assets.warehouse.pii_key import is_newest_key, masker_of

    settings, contracts = platform.settings, platform.contracts
    with closing(platform.warehouse.connect(autocommit=True)) as connection:
        identity_guard.ensure(connection, settings, is_dry_run=True)
        is_newest_key(connection, settings)
        hashers = masker_of(connection, settings).hashers()
        try:
            someone = person_of(connection, contracts, hashers, asked)
        except UnknownPersonError as error:
            raise CommandError(str(error), exit_code=USAGE) from error
        found = look_up(connection, contracts, someone)
        texts = {*someone.own, *names_of(connection, contracts, someone)}
    if events := count_events(settings, texts):
        found.append(Found("dagster.event_logs", events, note=EVENTS, kind="kept"))
    if has_landing:
        keys = {source: set(someone.keys(source)) for source in contracts}
        wanted = someone.hashes

        def is_person(value: str) -> bool:
            return any(hasher.hash(value) in wanted for hasher in hashers)

        found += look_through(platform, PersonSearch(is_person, keys))
    return someone, found


def _print(console: Console, found: Sequence[Found], title: str) -> None:
    if not found:
        return
    rows: list[tuple[Any, ...]] = [(f.place, f.rows, _keys(f), f.note) for f in found]
    console.print(table(title, ("place", "rows", "keys", "note"), rows, right=("rows",)))
    total = sum(item.rows for item in found if item.kind == "person")
    console.print(f"{number(total)} rows of the person in the warehouse.")


def _keys(found: Found) -> str:
    shown = ", ".join(found.keys[:LISTED_KEYS])
    return f"{shown}, …" if len(found.keys) > LISTED_KEYS else shown
