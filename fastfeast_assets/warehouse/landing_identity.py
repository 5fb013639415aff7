"""Whether a landing zone is the one that a warehouse is loaded from.

A zone is known by the id that lies in it, else by the one that FASTFEAST_LANDING_ID gives it, else
by its place. An id that lies there speaks before a variable, which another zone may stand under.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import psycopg

from fastfeast_assets.ingest.landing import open_landing
from fastfeast_assets.ingest.landing.identity import (
    MARK_FILE,
    IdentityUnreadableError,
    ZoneIdentity,
)
from fastfeast_assets.ingest.landing.root import LandingRoot, Trouble
from fastfeast_assets.settings import Settings


@dataclass(frozen=True)
class Zone:
    """A landing zone as a warehouse keeps it.

    Attributes:
        name: What it is known by: an id or a place.
        address: Where it was then.
    """

    name: str
    address: str


def another_zone(known: Zone, settings: Settings) -> str | None:
    """Why the landing zone of the settings is not the known one, and what to set.

    None when it is; and when it does not exist, as nothing can be loaded from it then.

    Raises:
        IdentityUnreadableError: It does not let itself be told from others.
    """
    root = open_landing(settings.landing)
    present = root.identity()
    if present is None or known.name == present.place:
        return None
    name = _name(present, settings)
    if name != known.name:
        return _difference(known, present, name)
    is_elsewhere = present.mark is not None and present.address != known.address
    if is_elsewhere and root.has_twin(known.address, known.name):
        return (
            f"the landing zone {present.address} is a copy of {known.address}, from which this"
            f" warehouse is loaded and which is still there: set FASTFEAST_LANDING={known.address}"
        )
    return None


def _name(present: ZoneIdentity, settings: Settings) -> str:
    return present.mark or settings.landing_id or present.place


def _difference(known: Zone, present: ZoneIdentity, name: str) -> str:
    if _is_place(known.name):
        here = f"is {present.place}" if _is_place(name) else f"has the id {name}"
        which = f"which is {known.name}; this one {here}"
    elif _is_place(name):
        return (
            f"the landing zone {present.address} has no id, and the one of this warehouse, at"
            f" {known.address}, has the id {known.name}. Is it mounted? If it is the zone and lost"
            f" {MARK_FILE}, write the id there or set FASTFEAST_LANDING_ID={known.name}; if it is"
            " not, set FASTFEAST_LANDING"
        )
    else:
        which = f"which is {known.address} with the id {known.name}; this one has the id {name}"
    return (
        f"the landing zone {present.address} is not the one of this warehouse, {which}: set"
        " FASTFEAST_LANDING, and of an object store also its endpoint"
    )


def _is_place(name: str) -> bool:
    # No id has a slash, and every address has one.
    return "/" in name


def lost(connection: psycopg.Connection, root: LandingRoot) -> Trouble | None:
    """Why nothing can be read from a landing zone that has been read from.

    None for one that has never been there, or that cannot be told from a zone to come.

    Args:
        connection: To the warehouse, of any age.
        root: The landing zone.
    """
    trouble = root.trouble()
    if trouble is None:
        return None
    if not trouble.is_absent:
        return trouble
    if connection.execute("select to_regclass('ops.pipeline_file_log')").fetchone() == (None,):
        return None
    loaded = "select exists (select from ops.pipeline_file_log where is_loaded)"
    if connection.execute(loaded).fetchone() != (True,):
        return None
    return Trouble(
        f"{trouble.text}, and files have been loaded from it",
        "mount it, or set FASTFEAST_LANDING to where it is now",
        is_absent=True,
    )


def named(settings: Settings) -> Zone:
    """The landing zone of the settings, given an id where it has none and can hold one.

    Raises:
        IdentityUnreadableError: It does not exist, or does not let itself be told from others.
    """
    root = open_landing(settings.landing)
    present = _existing(root)
    if present.mark is None and settings.landing_id is None and root.leave_mark(uuid.uuid4().hex):
        # Perhaps that of somebody who was quicker.
        present = _existing(root)
    return Zone(_name(present, settings), present.address)


def seen(settings: Settings) -> Zone:
    """What `named` would give, nameless where that would put an id into it.

    Raises:
        IdentityUnreadableError: It does not exist, or does not let itself be told from others.
    """
    present = _existing(open_landing(settings.landing))
    return Zone(present.mark or settings.landing_id or "", present.address)


def _existing(root: LandingRoot) -> ZoneIdentity:
    present = root.identity()
    if present is None:
        raise IdentityUnreadableError(f"{root.address} does not exist: set FASTFEAST_LANDING")
    return present
