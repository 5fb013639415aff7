"""What commands need before they can work: settings, contracts, a connection, a log file."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from fastfeast_assets.commands.errors import CommandError

if TYPE_CHECKING:
    import psycopg

    from fastfeast_assets.settings import Settings

LOG_BYTES = 10_000_000
LOG_FILES = 5
NOTHING_YET = "nothing is set up yet"
FIRST_STEPS = (
    "run `fastfeast demo` for a simulated day, or `fastfeast ingest DIR` for files of your own"
)


def log_path(settings: Settings) -> Path:
    """The log of the commands."""
    return settings.home / "logs" / "fastfeast.log"


def log_to_file(settings: Settings) -> Path:
    """Send the log of this process, INFO and above, to a file instead of the terminal.

    Returns:
        Path of the file; it is rotated at 10 MB, five files are kept.
    """
    close_files()
    path = log_path(settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise CommandError(
            f"FASTFEAST_HOME {settings.home} is no directory: a file, or a link to nothing",
            next_step="name another one, or move that away",
        ) from error
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, RotatingFileHandler) and handler.baseFilename == str(path):
            return path
    handler = RotatingFileHandler(
        path, maxBytes=LOG_BYTES, backupCount=LOG_FILES - 1, encoding="utf-8"
    )
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
    )
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    return path


def close_files() -> None:
    """What this process writes from now on is nobody else's business."""
    os.umask(0o077)


def has_embedded_cluster(settings: Settings) -> bool:
    """Whether the embedded server of this home has ever been started."""
    from fastfeast_assets.warehouse.server import data_directory

    return (data_directory(settings) / "PG_VERSION").exists()


@contextmanager
def warehouse_connection(settings: Settings) -> Iterator[psycopg.Connection]:
    """A read-only look at the warehouse: nothing is created in it, it needs only be readable.

    One snapshot for all queries; the embedded server is started if it was stopped.

    Raises:
        CommandError: Nothing has been set up yet.
    """
    from psycopg import IsolationLevel

    from fastfeast_assets.warehouse import Warehouse

    if settings.warehouse_url is None and not has_embedded_cluster(settings):
        raise CommandError(NOTHING_YET, next_step=FIRST_STEPS)
    with Warehouse(settings).connect() as connection:
        connection.read_only = True
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        if not has_table(connection, "ops.quarantine"):
            raise CommandError(
                f"the database {connection.info.dbname} holds no warehouse: {NOTHING_YET}",
                next_step=FIRST_STEPS,
            )
        yield connection


def has_table(connection: psycopg.Connection, name: str) -> bool:
    """Whether a table or view of this qualified name exists."""
    return connection.execute("select to_regclass(%s)", [name]).fetchone() != (None,)
