"""The home of an installation: where it is by default, and whether it can be one.

Belongs here: what is true of a home before anything runs in it. What is kept there is for those who
keep it.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

from platformdirs import user_state_path

from fastfeast_assets import installation

NAME = "fastfeast"
PRIVATE = 0o700
# What pg_ctl gives to a shell, and lists of hosts or directories are split at.
UNSUITABLE = re.compile(r'[,"$`\x00-\x1f]')
# By the server's socket, in bytes, without the closing zero: unix(7); macOS has four fewer.
LONGEST = (103 if sys.platform == "darwin" else 107) - len("/pg/.s.PGSQL.5432")


class NoHomeError(ValueError):
    """There is no place for a home; the text says what to do."""


def default_home() -> Path:
    """`.fastfeast` in a checkout; for a wheel a directory in the user's state directory.

    Raises:
        NoHomeError: The user has none.
    """
    if not installation.IS_WHEEL:
        return installation.PROJECT_ROOT / ".fastfeast"
    try:
        return user_state_path(NAME)
    except RuntimeError as error:
        raise NoHomeError(
            "this user has no home directory: set FASTFEAST_HOME to an absolute path"
        ) from error


def absolute(path: Path) -> Path:
    """A path that a person gave, as seen from where we are.

    Raises:
        NoHomeError: It begins with `~`, and the user has no home directory.
    """
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise NoHomeError(
            f"no home directory is known for {path}: name an absolute path"
        ) from error


def unsuitable(home: Path) -> str | None:
    """Why no server can be kept in a home, and what to do; None when one can."""
    length = len(os.fsencode(home))
    if length > LONGEST:
        return (
            f"the path of FASTFEAST_HOME, {home}, has {length} bytes, and the socket of a server in"
            f" it would be longer than the system allows: at most {LONGEST}, name a shorter one"
        )
    if found := UNSUITABLE.search(str(home)):
        return (
            f"the path of FASTFEAST_HOME holds {found[0]!r}, which programs of PostgreSQL or"
            " URLs read as something else: name a path without it"
        )
    if home.exists() and home.stat().st_mode & stat.S_IWOTH:
        return (
            f"everybody may write in {home}, so it cannot be FASTFEAST_HOME: name a"
            " directory of its own"
        )
    return None


def make_private(directory: Path) -> None:
    """Make a directory and those above it that are missing, for this user alone."""
    missing = [it for it in (directory, *directory.parents) if not it.exists()]
    for path in reversed(missing):
        # Not by the umask: it is anything as long as nothing has been started.
        path.mkdir(mode=PRIVATE, exist_ok=True)
