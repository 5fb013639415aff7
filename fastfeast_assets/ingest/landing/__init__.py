"""From the address of a landing zone to the landing zone.

Belongs here: the choice between a directory and an object store, which nothing else makes.
"""

from __future__ import annotations

from pathlib import Path

from fastfeast_assets.ingest.landing.local_root import LocalRoot
from fastfeast_assets.ingest.landing.root import LandingRoot


def open_landing(address: str | Path) -> LandingRoot:
    """The landing zone at an address of the settings; connects to nothing.

    Args:
        address: A directory, which may be absent, or the URL of a prefix in an object store.
    """
    if isinstance(address, str) and "://" in address:
        # fsspec is only needed, and only costs time, where there is an object store.
        from fastfeast_assets.ingest.landing.object_root import ObjectRoot

        return ObjectRoot(address)
    return LocalRoot(Path(address))
