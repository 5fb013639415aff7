"""`fastfeast url` and `fastfeast stop`: the address of the database server, and its end."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from fastfeast_assets.commands.console import stdout
from fastfeast_assets.commands.context import log_to_file
from fastfeast_assets.commands.errors import CommandError

DATABASE_HELP = "The star schema, or Dagster's own storage."


class Database(StrEnum):
    """The two databases of the platform."""

    WAREHOUSE = "warehouse"
    DAGSTER = "dagster"


def url(
    database: Annotated[Database, typer.Option(help=DATABASE_HELP)] = Database.WAREHOUSE,
) -> None:
    r"""Print the connection URL of a database, ready to connect to.

    Starts the embedded server if need be and makes what the database lacks. The URL is all that
    goes to stdout; it holds the password, if FASTFEAST_WAREHOUSE_URL has one, so keep it out of
    command lines: `fastfeast psql` opens a shell.

    [bold]Example[/bold]

    Python:  psycopg.connect(subprocess.check_output(\["fastfeast", "url"], text=True).strip())
    """
    typer.echo(url_of_database(database))


def url_of_database(database: Database) -> str:
    """The connection URL of a database that is there and of this version."""
    from fastfeast_assets.contracts.load import load_contracts
    from fastfeast_assets.settings import load_settings
    from fastfeast_assets.warehouse import Warehouse
    from fastfeast_assets.warehouse.server import dagster_storage_url

    settings = load_settings()
    log_to_file(settings)
    if database is Database.DAGSTER:
        return dagster_storage_url(settings)
    warehouse = Warehouse(settings)
    warehouse.prepare(load_contracts(settings.contracts_dir))
    return warehouse.dsn


def stop() -> None:
    """Stop the embedded PostgreSQL of this FASTFEAST_HOME; its data stays.

    The next command that needs the server starts it again. A server of your own
    (FASTFEAST_WAREHOUSE_URL) is left alone.

    [bold]Example[/bold]

    fastfeast stop
    """
    from fastfeast_assets.settings import load_settings
    from fastfeast_assets.warehouse.server import data_directory, running_pid, stop_server

    settings = load_settings()
    console = stdout()
    place = data_directory(settings)
    if stop_server(settings):
        if running_pid(settings) is not None:
            raise CommandError(
                f"the embedded PostgreSQL in {place} did not stop",
                next_step=f"see {place / 'log'}; end the programs that are connected and try again",
            )
        console.print(f"Stopped the embedded PostgreSQL in {place}.", markup=False, soft_wrap=True)
    elif settings.warehouse_url is not None:
        console.print(
            "FASTFEAST_WAREHOUSE_URL names a server of your own: it is left alone.", markup=False
        )
    else:
        console.print(f"No embedded PostgreSQL runs in {place}.", markup=False, soft_wrap=True)
