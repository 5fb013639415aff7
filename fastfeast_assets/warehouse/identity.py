"""What a warehouse knows of itself: what its rows rest on and no row tells.

Belongs here: the one row of `ops.identity`. Who is let pass by it is in `identity_guard`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date

import psycopg

from fastfeast_assets.ingest.landing.identity import IdentityUnreadableError
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import audit
from fastfeast_assets.warehouse.landing_identity import Zone, named, seen

TARGET = "warehouse/identity"


class IdentityError(Exception):
    """The settings do not belong to this warehouse; the text says what to set."""


class UnknownIdentityError(IdentityError):
    """The warehouse holds loads of a time when identities were not kept."""

    def __init__(self) -> None:
        super().__init__(
            "this warehouse holds loads and does not know yet whose it is: with the settings that"
            " it was loaded with, run `fastfeast upgrade`, which shows what it would write"
        )


@dataclass(frozen=True)
class Identity:
    """Whose a warehouse is.

    Attributes:
        timezone: Its business clock.
        start_date: Its first daily partition.
        landing: What its landing zone is known by: an id or a place.
        landing_address: Where that zone was.
    """

    timezone: str
    start_date: date
    landing: str
    landing_address: str

    @property
    def zone(self) -> Zone:
        """The landing zone."""
        return Zone(self.landing, self.landing_address)

    def texts(self) -> dict[str, str]:
        """Its values by name, for the audit log and for people."""
        return {name: str(value) for name, value in asdict(self).items()}


def stored(connection: psycopg.Connection) -> Identity | None:
    """The identity of this warehouse; None when no file was ever tried.

    Raises:
        UnknownIdentityError: Files were loaded in a time when identities were not kept.
    """
    # In one snapshot: whoever loads the first file writes both.
    row = connection.execute(
        "select exists (select from ops.pipeline_file_log),"
        " timezone, start_date, landing, landing_address"
        " from (values (true)) as always (is_the_one)"
        " left join ops.identity using (is_the_one)"
    ).fetchone()
    if row is None or row[1] is None:
        if row is not None and row[0]:
            raise UnknownIdentityError
        return None
    return Identity(*row[1:])


def present(settings: Settings) -> Identity:
    """What a warehouse takes from these settings; puts an id into a landing zone without one.

    Raises:
        IdentityError: The landing zone does not exist or does not let itself be told from others.
    """
    return _identity(settings, named)


def proposed(settings: Settings) -> Identity:
    """As `present`, but puts nothing into the landing zone; without a name for one without an id.

    Raises:
        IdentityError: The landing zone does not exist or does not let itself be told from others.
    """
    return _identity(settings, seen)


def _identity(settings: Settings, zone_of: Callable[[Settings], Zone]) -> Identity:
    try:
        zone = zone_of(settings)
    except IdentityUnreadableError as error:
        raise IdentityError(str(error)) from error
    return Identity(settings.timezone, settings.start_date, zone.name, zone.address)


def take(connection: psycopg.Connection, identity: Identity) -> bool:
    """Give a warehouse its identity unless it has one, after any other first load.

    Returns:
        Whether it has this one from here.
    """
    cursor = connection.execute(
        "insert into ops.identity (timezone, start_date, landing, landing_address)"
        " values (%(timezone)s, %(start_date)s, %(landing)s, %(landing_address)s)"
        " on conflict do nothing",
        asdict(identity),
    )
    return cursor.rowcount == 1


def upgrade(connection: psycopg.Connection, settings: Settings) -> Identity:
    """Give a warehouse of a time when identities were not kept its own, with an audit entry.

    Raises:
        IdentityError: The landing zone does not exist or does not let itself be told from others;
            or somebody was quicker.
    """
    identity = present(settings)
    with connection.transaction():
        if not take(connection, identity):
            raise IdentityError("another process was quicker: look again with `fastfeast upgrade`")
        entry = audit.Entry("upgrade", TARGET, None, identity.texts())
        audit.write(connection, [entry])
    return identity


def replace(connection: psycopg.Connection, old: Identity, new: Identity) -> None:
    """Give a warehouse another identity, with an audit entry of what is another."""
    connection.execute(
        "update ops.identity set timezone = %(timezone)s, start_date = %(start_date)s,"
        " landing = %(landing)s, landing_address = %(landing_address)s,"
        " taken_at = clock_timestamp()",
        asdict(new),
    )
    was, becomes = dict(old.texts().items() - new.texts().items()), new.texts()
    entry = audit.Entry("accept", TARGET, was, {name: becomes[name] for name in was})
    audit.write(connection, [entry])
