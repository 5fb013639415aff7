"""Which version of fastfeast_assets is at work, and which have been at work on a warehouse."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import version

import psycopg
from packaging.version import Version

from fastfeast_assets.warehouse.upgrade.errors import NewerWarehouseError

PACKAGE = "fastfeast-assets"


@cache
def this_version() -> str:
    """The version of this process; what is installed later does not change it."""
    return version(PACKAGE)


def warehouse_version(connection: psycopg.Connection) -> str | None:
    """The newest version that has been at work here; None where versions are not kept yet."""
    if connection.execute("select to_regclass('ops.warehouse_version')").fetchone() == (None,):
        return None
    return _newest(connection.execute("select version from ops.warehouse_version").fetchall())


def ensure_not_newer(connection: psycopg.Connection, *, migration: int) -> None:
    """Refuse to work on a warehouse of a newer version, as it stands at this moment.

    In a transaction, the warehouse also stays of this version until it ends: an upgrade waits for
    those who have read this.

    Args:
        connection: To a warehouse.
        migration: The newest one that this process knows.

    Raises:
        NewerWarehouseError: A newer version was at work here.
    """
    row = connection.execute("select max(version) from ops.schema_migration").fetchone()
    applied = int(row[0]) if row and row[0] is not None else 0
    newest = warehouse_version(connection)
    is_newer = newest is not None and Version(newest) > Version(this_version())
    if is_newer or applied > migration:
        raise NewerWarehouseError(
            f"this warehouse is of fastfeast {newest or '(unknown)'}, migration {applied}, and this"
            f" is fastfeast {this_version()}, migration {migration}: use"
            f" {f'fastfeast {newest}' if is_newer else 'the later one'} or newer; nothing was"
            " changed"
        )


def record_version(connection: psycopg.Connection, *, migration: int) -> None:
    """Note that this version is at work here now."""
    connection.execute(
        "insert into ops.warehouse_version (version, migration)"
        " values (%(version)s, %(migration)s)",
        {"version": this_version(), "migration": migration},
    )


def is_recorded(connection: psycopg.Connection, *, migration: int) -> bool:
    """Whether this version was the last to bring the warehouse to the present."""
    row = connection.execute(
        "select version, migration from ops.warehouse_version order by version_id desc limit 1"
    ).fetchone()
    return row == (this_version(), migration)


def _newest(rows: Iterable[tuple[str]]) -> str | None:
    return max((row[0] for row in rows), key=Version, default=None)
