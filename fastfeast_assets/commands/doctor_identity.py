"""Whether the settings belong to the warehouse, for `fastfeast doctor` and `fastfeast status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastfeast_assets.commands.context import has_table
from fastfeast_assets.commands.findings import Finding, failed, passed
from fastfeast_assets.warehouse.identity import Identity, UnknownIdentityError, stored
from fastfeast_assets.warehouse.identity_guard import differences
from fastfeast_assets.warehouse.upgrade.errors import NewerWarehouseError
from fastfeast_assets.warehouse.upgrade.migrations import newest_migration
from fastfeast_assets.warehouse.version import ensure_not_newer

if TYPE_CHECKING:
    import psycopg

    from fastfeast_assets.settings import Settings

TITLE = "identity of the warehouse"
ADVICE = "see docs/runbooks/another-identity.md; until then nothing is loaded or transformed"


def check_identity(connection: psycopg.Connection, settings: Settings) -> Finding:
    """Clock, first partition and landing zone, of the settings and of the warehouse."""
    if problems := identity_problems(connection, settings):
        return failed(TITLE, "; ".join(problems), ADVICE)
    known = _known(connection)
    if known is None:
        return passed(TITLE, "none yet, the first load gives it one")
    return passed(
        TITLE, f"{known.timezone}, from {known.start_date}, landing zone {known.landing_address}"
    )


def identity_problems(connection: psycopg.Connection, settings: Settings) -> list[str]:
    """Why nothing is loaded with these settings; empty when they belong to the warehouse.

    A look at a warehouse of any age; it changes nothing.
    """
    try:
        if has_table(connection, "ops.schema_migration"):
            ensure_not_newer(connection, migration=newest_migration())
        known = _known(connection)
    except (UnknownIdentityError, NewerWarehouseError) as error:
        return [str(error)]
    if known is None:
        return []
    found = differences(connection, known, settings)
    return [difference.text for difference in found if not difference.is_accepted]


def _known(connection: psycopg.Connection) -> Identity | None:
    if has_table(connection, "ops.identity"):
        return stored(connection)
    if not has_table(connection, "ops.pipeline_file_log"):
        return None
    row = connection.execute("select exists (select from ops.pipeline_file_log)").fetchone()
    if row == (True,):
        raise UnknownIdentityError
    return None
