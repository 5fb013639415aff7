"""`fastfeast dump`: a backup of a database."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from fastfeast_assets.commands.console import stderr
from fastfeast_assets.commands.errors import USAGE, CommandError
from fastfeast_assets.commands.server import DATABASE_HELP, Database, url_of_database

POLL_SECONDS = 0.1


def dump(
    file: Annotated[Path, typer.Argument(help="Where to write; it must not exist.")],
    database: Annotated[Database, typer.Option(help=DATABASE_HELP)] = Database.WAREHOUSE,
) -> None:
    """Write a backup of a database, for pg_restore.

    The file is there when it is whole, and is yours alone to read: it holds all that the warehouse
    holds. Roles, the PII key and the landing files are not part of it.

    [bold]Example[/bold]

    fastfeast dump warehouse.dump
    """
    from rich.filesize import decimal

    from fastfeast_assets.warehouse.client import bundled, connection_of

    if file.exists():
        raise CommandError(
            f"{file} exists already", next_step="choose another name", exit_code=USAGE
        )
    if not file.parent.is_dir():
        raise CommandError(
            f"{file.parent} is no directory", next_step=f"mkdir -p {file.parent}", exit_code=USAGE
        )
    environment, arguments = connection_of(url_of_database(database))
    command = [os.fspath(bundled("pg_dump")), "--format=custom", *arguments]
    console = stderr()
    part = file.with_name(f".{file.name}.part-{os.getpid()}")
    started = time.perf_counter()
    try:
        with (
            os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out,
            tempfile.TemporaryFile() as said,
            console.status("Dumping ...") as status,
            subprocess.Popen(command, stdout=out, stderr=said, env=environment) as process,  # noqa: S603
        ):
            while process.poll() is None:
                time.sleep(POLL_SECONDS)
                status.update(f"Dumping ... {decimal(part.stat().st_size)}")
            if process.returncode != 0:
                said.seek(0)
                raise CommandError(
                    f"pg_dump failed: {said.readline().decode(errors='replace').strip()}",
                    next_step="the server must not be newer than PostgreSQL 18, and the role must"
                    " be able to read every table",
                )
        os.link(part, file)
    finally:
        part.unlink(missing_ok=True)
    seconds = time.perf_counter() - started
    console.print(
        f"Wrote {file}, {decimal(file.stat().st_size)} in {seconds:.1f} s."
        " docs/guides/operate.md tells how it is restored.",
        markup=False,
        soft_wrap=True,
    )
