"""What an operator may name as a landing zone: a directory, or the URL of an object store's prefix.

Belongs here: how its address is written. What stands there is for `ingest.landing`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

from fastfeast_assets.home import absolute

# Scheme of a URL and the package that speaks with such a store. What they have in common: an
# object is seen when it is complete, never half written.
OBJECT_STORES = {"s3": "s3fs", "gs": "gcsfs", "memory": "fsspec"}


def landing_address(text: str) -> str:
    """The address of a landing zone as the settings keep it: absolute path or URL.

    Raises:
        ValueError: It is a URL that cannot be used; the text says what to write instead.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        return str(absolute(Path(text)))
    if scheme in ("file", "local"):
        if not rest.startswith("/"):
            raise ValueError("three slashes begin the URL of a directory: file:///srv/landing")
        return str(Path(unquote(rest)))
    if scheme not in OBJECT_STORES:
        schemes = ", ".join(f"{name}://" for name in (*OBJECT_STORES, "file"))
        raise ValueError(f"must be a directory or begin with one of {schemes}")
    bucket = rest.partition("/")[0]
    if "@" in bucket:
        raise ValueError("holds credentials; put them into the variables of the store's client")
    if not bucket and scheme != "memory":
        raise ValueError(f"names no bucket; for example {scheme}://exports/landing")
    package = OBJECT_STORES[scheme]
    if find_spec(package) is None:
        raise ValueError(f"{scheme}:// needs a package more: pip install {package}")
    return f"{scheme}://{rest.strip('/')}"
