"""`fastfeast psql`: a shell on a database."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from fastfeast_assets.commands.server import DATABASE_HELP, Database, url_of_database

ANY_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True}


def psql(
    context: typer.Context,
    database: Annotated[Database, typer.Option(help=DATABASE_HELP)] = Database.WAREHOUSE,
) -> None:
    """Open psql on a database; the embedded server is started if need be.

    Further arguments go to psql. No password stands in the list of processes. The machine's own
    psql is used, or else the one that comes along.

    [bold]Examples[/bold]

    fastfeast psql

    fastfeast psql -c "select * from fact_order limit 5"
    """
    from fastfeast_assets.warehouse.client import connection_of, interactive

    environment, arguments = connection_of(url_of_database(database))
    program = os.fspath(interactive("psql"))
    os.execve(program, [program, *arguments, *context.args], environment)  # noqa: S606 - no shell
