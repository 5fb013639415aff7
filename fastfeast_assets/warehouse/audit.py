"""The audit log: who did what by command, with the values before and after.

Written in the transaction of what it describes, so that neither is there without the other.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg.types.json import Jsonb

Action = Literal[
    "release",
    "refresh",
    "discard",
    "reprocess",
    "withdraw",
    "prune",
    "upgrade",
    "accept",
    "erase",
    "rotate",
]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One thing that was changed.

    Attributes:
        action: What was done; `refresh` gives a quarantined row its present reasons, `accept` a
            warehouse another identity.
        target: To what: `quarantine/17`, a path below the landing root, `raw.orders/2026-11`,
            `warehouse/identity`, `person/customers/17`, `warehouse/pii_key`.
        old: Values before, None when there were none.
        new: Values after. Never a personal value in either.
    """

    action: Action
    target: str
    old: Values | None
    new: Values | None


def write(connection: psycopg.Connection, entries: Iterable[Entry]) -> None:
    """Add entries in the present transaction."""
    user = operating_system_user()
    with (
        connection.cursor() as cursor,
        cursor.copy("copy ops.audit_log (os_user, action, target, old, new) from stdin") as copy,
    ):
        for entry in entries:
            copy.write_row((user, entry.action, entry.target, _jsonb(entry.old), _jsonb(entry.new)))


def operating_system_user() -> str:
    """Name of the user of this process; its number where a container knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _jsonb(values: Values | None) -> Jsonb | None:
    return None if values is None else Jsonb(dict(values))
