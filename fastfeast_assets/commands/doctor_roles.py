"""What `fastfeast doctor` says of the roles: their rights, and the login of dbt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, LiteralString

import psycopg

from fastfeast_assets.commands.findings import Finding, error_text, failed, passed, warned
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.connection import ServerError
from fastfeast_assets.warehouse.roles.grants import differences
from fastfeast_assets.warehouse.roles.rights import OF_TRANSFORMER
from fastfeast_assets.warehouse.roles.separate import known

if TYPE_CHECKING:
    from fastfeast_assets.settings import Settings

FOREIGN: LiteralString = """
select nspname, pg_get_userbyid(nspowner) from pg_namespace
where nspname = any(%s) and not pg_has_role(nspowner, 'usage')
order by nspname
"""


def check_roles(connection: psycopg.Connection, settings: Settings) -> Iterator[Finding]:
    """Whether who reads and who transforms may do what they must, and no more."""
    yield _rights_of_roles(connection)
    if settings.transform_url is not None:
        yield _login_of_dbt(settings)


def _rights_of_roles(connection: psycopg.Connection) -> Finding:
    title = "rights of roles"
    found = differences(connection)
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        return warned(
            title,
            f"{found[0].role} has not the rights that it must have{more}",
            f"{found[0].statement} (`fastfeast roles` lists all; the next start of any command"
            " gives what our role may give)",
        )
    present = [role.name.removeprefix("fastfeast_") for role, exists in known(connection) if exists]
    return passed(title, ", ".join(present) or "no roles but our own")


def _login_of_dbt(settings: Settings) -> Finding:
    title = "login of dbt"
    try:
        connection = Warehouse(settings).connect_for_dbt()
    except (ServerError, OSError, psycopg.Error) as error:
        return failed(title, error_text(error), "check FASTFEAST_TRANSFORM_URL")
    with connection:
        row = connection.execute(FOREIGN, [list(OF_TRANSFORMER)]).fetchone()
        user = connection.info.user
    if row is not None:
        return failed(
            title,
            f"schema {row[0]} belongs to {row[1]}, and {user} may not change it",
            "fastfeast roles --apply, or set FASTFEAST_TRANSFORM_URL to the login of its owner",
        )
    return passed(title, user)
