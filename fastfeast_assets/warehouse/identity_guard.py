"""Guard over the identity of a warehouse: clock, first partition and landing zone.

On another business clock a ticket that is due becomes breached, and files of another landing zone
take the place of those of the same paths. Settings that do not belong to the warehouse are refused
before anything is changed, unless a variable accepts them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import psycopg

from fastfeast_assets.ingest.landing.identity import IdentityUnreadableError
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import identity
from fastfeast_assets.warehouse.identity import Identity, IdentityError
from fastfeast_assets.warehouse.landing_identity import another_zone
from fastfeast_assets.warehouse.upgrade.migrations import newest_migration
from fastfeast_assets.warehouse.version import ensure_not_newer


class IdentityChangedError(IdentityError):
    """The settings say otherwise than the warehouse."""


@dataclass(frozen=True)
class Difference:
    """Something that the settings say otherwise than the warehouse.

    Attributes:
        what: Of what.
        text: What, and what to do about it.
        is_accepted: Whether the settings accept it.
    """

    what: Literal["timezone", "start_date", "landing"]
    text: str
    is_accepted: bool


def ensure(connection: psycopg.Connection, settings: Settings, *, is_dry_run: bool = False) -> None:
    """Let only those pass whose settings belong to this warehouse, and keep what they accept.

    Args:
        connection: To a warehouse with the present migrations.
        settings: Of who wants to pass.
        is_dry_run: Keep nothing.

    Raises:
        IdentityError: They do not belong to it, and do not accept that.
        NewerWarehouseError: A newer version has upgraded it meanwhile.
    """
    ensure_not_newer(connection, migration=newest_migration())
    known = identity.stored(connection)
    if known is not None:
        _pass(connection, known, settings, is_dry_run=is_dry_run)


def claim(connection: psycopg.Connection, settings: Settings) -> None:
    """As `ensure`, and in the transaction of the first file the warehouse takes its identity.

    Raises:
        IdentityError: The settings do not belong to this warehouse, and do not accept that.
        NewerWarehouseError: A newer version has upgraded it meanwhile.
    """
    ensure_not_newer(connection, migration=newest_migration())
    known = identity.stored(connection)
    if known is None:
        # Waits for another first file, whose identity may be another.
        identity.take(connection, identity.present(settings))
        known = identity.stored(connection)
    if known is not None:
        _pass(connection, known, settings, is_dry_run=False)


def differences(
    connection: psycopg.Connection, known: Identity, settings: Settings
) -> list[Difference]:
    """What the settings say otherwise than the warehouse."""
    found = []
    if settings.timezone != known.timezone:
        text = (
            f"FASTFEAST_TIMEZONE is {settings.timezone}, but this warehouse is on the clock of"
            f" {known.timezone}: set FASTFEAST_TIMEZONE={known.timezone}; or, if its files are on"
            " another clock from now on, FASTFEAST_ACCEPT_NEW_TIMEZONE=true once"
        )
        found.append(Difference("timezone", text, settings.accept_new_timezone))
    if settings.start_date != known.start_date:
        found.append(_another_start(connection, known, settings))
    if (zone := _another_zone(known, settings)) is not None:
        found.append(zone)
    return found


def _another_zone(known: Identity, settings: Settings) -> Difference | None:
    try:
        problem = another_zone(known.zone, settings)
    except IdentityUnreadableError as error:
        return Difference("landing", str(error), is_accepted=False)
    if problem is None:
        return None
    text = (
        f"{problem}; or, if this one is to be its zone and may replace files of the same paths,"
        " FASTFEAST_ACCEPT_NEW_LANDING=true once"
    )
    return Difference("landing", text, settings.accept_new_landing)


def _another_start(
    connection: psycopg.Connection, known: Identity, settings: Settings
) -> Difference:
    text = (
        f"FASTFEAST_START_DATE is {settings.start_date}, but the first partition of this warehouse"
        f" is {known.start_date}: set FASTFEAST_START_DATE={known.start_date}; "
    )
    first = _first_day(connection)
    if first is not None and first < settings.start_date:
        text += f"later than {first}, of which files are loaded, it cannot become"
        return Difference("start_date", text, is_accepted=False)
    text += (
        "or, if it is to be another, FASTFEAST_ACCEPT_NEW_START_DATE=true once: master files are"
        " then loaded again, into the new first partition"
    )
    return Difference("start_date", text, settings.accept_new_start_date)


def _first_day(connection: psycopg.Connection) -> date | None:
    """The earliest day of which a file is loaded, master files apart."""
    row = connection.execute(
        "select min(partition_at)::date from ops.pipeline_file_log"
        " where is_loaded and not starts_with(file_path, 'master/')"
    ).fetchone()
    return row[0] if row else None


def _pass(
    connection: psycopg.Connection, known: Identity, settings: Settings, *, is_dry_run: bool
) -> None:
    if _refuse(differences(connection, known, settings)) and not is_dry_run:
        with connection.transaction():
            _accept(connection, settings)


def _refuse(found: Sequence[Difference]) -> Sequence[Difference]:
    """All of them, when they are accepted."""
    refused = [difference.text for difference in found if not difference.is_accepted]
    if refused:
        raise IdentityChangedError("\n".join(refused))
    return found


def _accept(connection: psycopg.Connection, settings: Settings) -> None:
    """Keep what the settings say, unless somebody was quicker."""
    connection.execute("select from ops.identity for update")
    known = identity.stored(connection)
    if known is None:
        return
    others = {item.what for item in _refuse(differences(connection, known, settings))}
    new = dataclasses.replace(known, timezone=settings.timezone, start_date=settings.start_date)
    if "landing" in others:
        new = identity.present(settings)
    if others:
        identity.replace(connection, known, new)
