"""Which code is at work: what fails by a defect is tried again once the code is another.

Belongs here: a digest of this package and of the libraries that read, judge and store a file.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("contracts", "ingest", "warehouse")
LIBRARIES = ("numpy", "pandas", "pandera", "psycopg", "pyarrow")
DIGITS = 16


@cache
def code_version() -> str:
    """16 hex digits that change with the code; read once a process."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    for library in LIBRARIES:
        digest.update(f"{library} {version(library)}".encode())
    return digest.hexdigest()[:DIGITS]
