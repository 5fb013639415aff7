"""The runtime lock, as the tools of this folder read it."""

from __future__ import annotations

import re
from pathlib import Path

RUNTIME = Path("requirements") / "runtime.txt"
_PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(lock: Path = RUNTIME) -> dict[tuple[str, str], list[str]]:
    """The SHA-256 of each file that may be installed, by name and version of the package."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if (package := _PACKAGE.match(line)) is not None:
            hashes = found.setdefault((normal(package[1]), package[2]), [])
        elif (file := _HASH.search(line)) is not None:
            hashes.append(file[1])
    return found
