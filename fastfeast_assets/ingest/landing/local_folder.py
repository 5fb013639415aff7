"""One folder of a directory tree, listed: what stands in it, or why that cannot be known.

Belongs here: what looks and watches over a directory share.
"""

from __future__ import annotations

import os
from typing import NamedTuple

# The layout needs three levels below the root.
DEEPEST = 8
TOO_DEEP = f"more than {DEEPEST} folders deep; it is not looked into: move or remove it"
LISTING = "cannot be listed, so nobody knows what stands in it"


class Listing(NamedTuple):
    """What stands in a folder; nothing in one that is gone.

    Attributes:
        names: Of all that is no folder, in order; links are none.
        folders: Those in it, by their path below the root, in order.
        problem: Why it could not be listed, and what to do.
    """

    names: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    problem: str = ""


def listing_of(root: str, relative: str) -> Listing:
    """List a folder without following a link to it or above it.

    Args:
        root: The resolved landing root.
        relative: Path below it, with `/`; empty for the root itself.
    """
    above = f"{relative}/" if relative else ""
    names: list[str] = []
    folders: list[str] = []
    try:
        if _is_behind_link(root, relative):
            return Listing()
        with os.scandir(os.path.join(root, relative)) as entries:
            for entry in entries:
                (folders if _is_folder(entry) else names).append(entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return Listing()
    except OSError as error:
        return Listing(problem=f"{LISTING}: {advice(error)}")
    return Listing(tuple(sorted(names)), tuple(above + name for name in sorted(folders)))


def depth_of(relative: str) -> int:
    """How many folders lead from the root into this one."""
    return relative.count("/") + 1 if relative else 0


def advice(error: Exception) -> str:
    """What the system says, and what to do about it; no path is quoted."""
    what = error.strerror if isinstance(error, OSError) else None
    if isinstance(error, PermissionError):
        return f"{what}; grant read and search on it and on the folders above it"
    return f"{what or type(error).__name__}; mend or remove it"


def _is_behind_link(root: str, relative: str) -> bool:
    place = root
    for name in relative.split("/") if relative else ():
        place = os.path.join(place, name)
        if os.path.islink(place):
            return True
    return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False  # The look at it as a file says what is wrong.
