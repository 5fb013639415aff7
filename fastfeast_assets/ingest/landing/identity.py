"""What tells one landing zone from another, wherever it is mounted.

Belongs here: the terms that a directory and an object store share. Whether it is the zone of a
warehouse is for `warehouse.identity` to say.
"""

from __future__ import annotations

from dataclasses import dataclass

# The layout takes no hidden name for a file to load.
MARK_FILE = ".fastfeast-landing-id"


class IdentityUnreadableError(Exception):
    """A landing zone does not let itself be told from others; the text says what to do."""


@dataclass(frozen=True)
class ZoneIdentity:
    """What a landing zone is known by.

    Attributes:
        mark: The id that lies in it; None where none does.
        address: Where it is, without links.
        place: What it is known by while it has no id; never the form of one.
    """

    mark: str | None
    address: str
    place: str
