"""PostgreSQL's own programs on our databases: where they are, and how they connect.

Passwords never stand in a command line, which every user of the machine can read.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from psycopg import pq
from psycopg.conninfo import make_conninfo

from fastfeast_assets.warehouse.connection import ServerError
from fastfeast_assets.warehouse.server_user import bundled_programs

# How libpq marks parameters that are shown as stars.
SECRET = b"*"
# What no program but ours has any business with.
OWN_SECRETS = {
    "FASTFEAST_PII_KEY",
    "FASTFEAST_PII_KEY_PREVIOUS",
    "FASTFEAST_WAREHOUSE_URL",
    "FASTFEAST_DAGSTER_URL",
}


def interactive(name: str) -> Path:
    """A program of the machine, which knows its terminal, or else the one that comes along."""
    found = shutil.which(name)
    return Path(found) if found else bundled(name)


def bundled(name: str) -> Path:
    """The program that comes along with the embedded server."""
    return bundled_programs() / name


def connection_of(url: str) -> tuple[dict[str, str], list[str]]:
    """What psql or pg_dump needs to connect as a URL says.

    Args:
        url: Of a database.

    Returns:
        Its environment, which is ours with libpq's variables and without our secrets, and arguments
        for what has no variable.

    Raises:
        ServerError: A secret of the URL has no variable.
    """
    environment = {name: value for name, value in os.environ.items() if name not in OWN_SECRETS}
    rest: dict[str, str] = {}
    for option in pq.Conninfo.parse(url.encode()):
        if not option.val:
            continue
        keyword, value = option.keyword.decode(), option.val.decode()
        if option.envvar is not None:
            environment[option.envvar.decode()] = value
        elif option.dispchar == SECRET:
            raise ServerError(
                f"the URL of the database holds {keyword}, which PostgreSQL's programs take from"
                " their command line only, where others can read it: use a password file (passfile)"
                " or a key without one"
            )
        else:
            rest[keyword] = value
    return environment, ["--dbname", make_conninfo(**rest)] if rest else []
