"""`fastfeast roles`: who may do what in the warehouse, and separate logins for it."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from fastfeast_assets.commands.console import print_json, stderr, stdout, table
from fastfeast_assets.commands.errors import CommandError
from fastfeast_assets.commands.quarantine_options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from psycopg import sql
    from pydantic import SecretStr

    from fastfeast_assets.settings import Settings

NEXT = (
    "Give each login a password (in psql: \\password fastfeast_loader), or a rule in pg_hba.conf;"
    " then set\n"
    "  FASTFEAST_WAREHOUSE_URL  as fastfeast_loader\n"
    "  FASTFEAST_TRANSFORM_URL  as fastfeast_transformer, the same database\n"
    "  FASTFEAST_DAGSTER_URL    as fastfeast_console, database {dagster}"
)


def roles(
    is_printing: Annotated[
        bool, typer.Option("--sql", help="Print the statements, for an administrator to give.")
    ] = False,
    is_applying: Annotated[
        bool, typer.Option("--apply", help="Give them, as the role of FASTFEAST_ADMIN_URL.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the roles and whether they have their rights; make separate logins.

    Without options nothing is changed. With one role for all, which is the default, there is only
    the analysts' role beside it. --apply makes one login that loads, one for dbt, one for the
    console, and roles to read, and gives each table to its owner; it may be given again. Its role
    must be allowed to make roles, and be a superuser or own what there is; without
    FASTFEAST_ADMIN_URL it is that of the warehouse.

    [bold]Examples[/bold]

    What is there:  fastfeast roles

    For an administrator to read and give:  fastfeast roles --sql > roles.sql
    """
    from fastfeast_assets.settings import load_settings

    if is_printing and is_applying:
        raise CommandError("--sql and --apply exclude each other", next_step="give one of them")
    settings = load_settings()
    if is_printing:
        _print(settings)
    elif is_applying:
        _apply(settings)
    else:
        _show(settings, as_json=as_json)


def _print(settings: Settings) -> None:
    from fastfeast_assets.warehouse.roles import separate

    with closing(_administrator(settings)) as connection:
        warehouse, dagster = connection.info.dbname, _dagster_database(settings, connection)
        lines = [
            "-- fastfeast roles --sql: separate logins for loading, transforms, console, readers.",
            "-- For a superuser, or the owner of what there is who may make roles; in psql.",
            r"\set ON_ERROR_STOP on",
            rf"\connect {_quoted(warehouse)}",
            *_block(separate.in_warehouse(has_dagster=dagster == warehouse), connection),
        ]
        if dagster != warehouse:
            lines += [
                _database_unless_there(connection, dagster),
                rf"\connect {_quoted(dagster)}",
                *_block(separate.in_dagster(), connection),
            ]
    typer.echo("\n".join(lines))


def _database_unless_there(connection: psycopg.Connection, name: str) -> str:
    from psycopg import sql

    from fastfeast_assets.warehouse.server import create_database_statement

    create = create_database_statement(connection, name).as_string(connection)
    composed = sql.SQL("select {} where not exists (select from pg_database where datname = {})")
    text = composed.format(sql.Literal(create), sql.Literal(name)).as_string(connection)
    return rf"{text} \gexec"


def _block(statements: Iterator[sql.Composed], connection: psycopg.Connection) -> list[str]:
    return ["begin;", *(f"{it.as_string(connection)};" for it in statements), "commit;"]


def _apply(settings: Settings) -> None:
    from fastfeast_assets.warehouse.connection import connect, url_of
    from fastfeast_assets.warehouse.roles import separate
    from fastfeast_assets.warehouse.server import create_database

    with closing(_administrator(settings)) as connection, _refusal(connection):
        warehouse, dagster = connection.info.dbname, _dagster_database(settings, connection)
        separate.apply(connection, separate.in_warehouse(has_dagster=dagster == warehouse))
        if dagster != warehouse:
            create_database(connection, dagster)
            with closing(
                connect(url_of(_administrators_url(settings), dbname=dagster), autocommit=True)
            ) as other:
                separate.apply(other, separate.in_dagster())
        _report(connection)
    stdout().print(NEXT.format(dagster=dagster), markup=False)


@contextmanager
def _refusal(connection: psycopg.Connection) -> Iterator[None]:
    """What the server refuses, with who else may do it."""
    import psycopg

    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise CommandError(
            f"role {connection.info.user} may not do that: {error.diag.message_primary}; nothing of"
            " this database was changed",
            next_step="set FASTFEAST_ADMIN_URL to the URL of an administrator, or give what --sql"
            " prints to one",
        ) from error


def _show(settings: Settings, *, as_json: bool) -> None:
    from fastfeast_assets.commands.context import warehouse_connection

    with warehouse_connection(settings) as connection:
        if as_json:
            print_json(_as_json(connection))
        else:
            _report(connection)


def _as_json(connection: psycopg.Connection) -> dict[str, object]:
    from fastfeast_assets.warehouse.roles.grants import differences
    from fastfeast_assets.warehouse.roles.separate import known

    return {
        "roles": [
            {"name": role.name, "purpose": role.purpose, "exists": exists}
            for role, exists in known(connection)
        ],
        "differences": [
            {"role": it.role, "statement": it.statement} for it in differences(connection)
        ],
    }


def _report(connection: psycopg.Connection) -> None:
    from fastfeast_assets.warehouse.roles.grants import differences
    from fastfeast_assets.warehouse.roles.separate import known

    found = differences(connection)
    rows = []
    for role, exists in known(connection):
        lacks = sum(it.role == role.name for it in found)
        state = "as it must be" if not lacks else f"{lacks} rights to mend"
        rows.append((role.name, role.purpose, state if exists else "not made"))
    stdout().print(table("roles", ("role", "for", "state"), rows))
    for difference in found:
        stdout().print(f"{difference.statement};", markup=False, soft_wrap=True)


def _administrators_url(settings: Settings) -> str:
    from fastfeast_assets.warehouse.server import warehouse_dsn

    url = settings.admin_url
    return warehouse_dsn(settings) if url is None else url.get_secret_value()


def _administrator(settings: Settings) -> psycopg.Connection:
    """The connection by which roles are made.

    Raises:
        CommandError: It is not one of the warehouse's database.
    """
    from fastfeast_assets.warehouse.connection import connect

    connection = connect(_administrators_url(settings), autocommit=True)
    _tell_another_server(settings, connection)
    named = _database_of(settings.warehouse_url)
    if named not in (None, connection.info.dbname):
        raise CommandError(
            f"FASTFEAST_ADMIN_URL leads to database {connection.info.dbname}, the warehouse is"
            f" {named}",
            next_step=f"end it with /{named}: most of the rights are those of one database",
        )
    return connection


def _tell_another_server(settings: Settings, connection: psycopg.Connection) -> None:
    """Say so where the administrator's way is not the warehouse's: to one server there are many."""
    ours = (connection.info.host, connection.info.port)
    for variable, url in (
        ("FASTFEAST_WAREHOUSE_URL", settings.warehouse_url),
        ("FASTFEAST_DAGSTER_URL", settings.dagster_url),
    ):
        named = _place_of(url)
        if named is not None and named != ours:
            stderr().print(
                f"Note: this is about the server at {ours[0]}, port {ours[1]}; {variable} names"
                f" {named[0]}, port {named[1]}. Are they the same?",
                markup=False,
                soft_wrap=True,
            )


def _place_of(url: SecretStr | None) -> tuple[str, int] | None:
    from psycopg.conninfo import conninfo_to_dict

    if url is None:
        return None
    parts = conninfo_to_dict(url.get_secret_value())
    return (str(parts["host"]), int(parts.get("port") or 5432)) if parts.get("host") else None


def _dagster_database(settings: Settings, connection: psycopg.Connection) -> str:
    from fastfeast_assets.warehouse.server import dagster_database

    return dagster_database(connection, named=_database_of(settings.dagster_url))


def _database_of(url: SecretStr | None) -> str | None:
    from psycopg.conninfo import conninfo_to_dict

    found = None if url is None else conninfo_to_dict(url.get_secret_value()).get("dbname")
    return None if found is None else str(found)


def _quoted(name: str) -> str:
    """A database for psql's `connect`, which takes a name with `=` in it for something else."""
    from psycopg.conninfo import make_conninfo

    text = make_conninfo(dbname=name).replace("'", "''").replace("\\", "\\\\")
    return f"-reuse-previous=on '{text}'"
