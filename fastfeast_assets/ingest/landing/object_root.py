"""A landing zone that is a prefix in an object store, by fsspec.

Belongs here: how it is listed. There are no folders and no times of change of folders, and a
listing costs requests, so it goes day by day, several days at a time.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import fsspec

from fastfeast_assets.ingest.errors import FileChangedError, FileRejectedError, StoreError
from fastfeast_assets.ingest.landing.identity import ZoneIdentity
from fastfeast_assets.ingest.landing.object_path import ObjectPath, status_of, store_errors
from fastfeast_assets.ingest.landing.root import Found, LandingRoot, NameFilter, Trouble
from fastfeast_assets.ingest.landing.watch import Folder, LandingWatch

# Listed without what is below them; each folder in them is listed by itself, to the bottom.
UPPER = ("", "batch", "stream")
LISTINGS_AT_ONCE = 8
FOLDERS_A_STEP = 32
# Longer than any business clock is behind UTC.
RECENT = timedelta(days=2)
# The same URL is another zone on another server. The variables, as the store's client ranks them.
ENDPOINTS: Mapping[str, Sequence[str]] = {"s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")}
ADVICE = "check FASTFEAST_LANDING, the credentials and their rights to list and to read"


class ObjectRoot(LandingRoot):
    """A prefix, which may hold nothing; nothing is asked of the store before it is needed.

    Args:
        address: Its URL.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        # What fsspec remembers of listings would hide new objects.
        self._store, base = fsspec.core.url_to_fs(address, use_listings_cache=False)
        self._base = base.rstrip("/")

    def files(
        self, folders: Iterable[str] | None = None, *, is_wanted: NameFilter = lambda name: True
    ) -> Iterator[Found]:
        """Every object; memory holds those of a few days at a time."""
        names = iter(self.folders() if folders is None else folders)
        with ThreadPoolExecutor(LISTINGS_AT_ONCE) as pool:
            while some := list(islice(names, FOLDERS_A_STEP)):
                for found in pool.map(self._objects, some):
                    yield from (item for item in found if is_wanted(_name(item.relative)))

    def folders(self, start: str = "", left_out: Collection[str] = ()) -> Iterator[str]:
        """The folders that are listed one by one: the days, and what stands beside them."""
        yield start
        for entry in self._list(start):
            relative = self._relative(entry)
            if entry["type"] != "directory" or relative in ("", start) or relative in left_out:
                continue
            if relative in UPPER:
                yield from self.folders(relative)
            else:
                yield relative

    def watch(self, start: str = "", left_out: Sequence[str] = ()) -> ObjectWatch:
        """A memory of days by their dates."""
        return ObjectWatch(self, start, left_out)

    def relative(self, name: str) -> str:
        """A path below the prefix, also of an object that is given by its URL."""
        return name.removeprefix(f"{self.address}/")

    def trouble(self) -> Trouble | None:
        """Whether the prefix can be listed and its first object be read."""
        first: Found | None = None
        try:
            if not self._list(""):
                advice = "check FASTFEAST_LANDING, or put the first file there"
                return Trouble(f"{self.address} holds nothing", advice, is_absent=True)
            for first in islice(self.files(), 1):
                with first.path.opened() as stream:
                    stream.read(1)
        except (StoreError, FileRejectedError, FileChangedError) as error:
            # Whatever object comes first, its name may tell of a person.
            name = first.relative if first is not None else ""
            text = str(error).replace(f"{self._base}/{name}", "an object in it") if name else error
            return Trouble(f"{text}", ADVICE)
        return None

    def identity(self) -> ZoneIdentity:
        """The URL, and the server where it is not the one that the scheme stands for."""
        names = ENDPOINTS.get(self.address.partition("://")[0], ())
        server = next((value for name in names if (value := os.environ.get(name))), "")
        # Credentials may stand in front of the host.
        host = server.rpartition("://")[2].rpartition("@")[2].rstrip("/")
        place = f"{self.address} at {host}" if host else self.address
        return ZoneIdentity(None, self.address, place)

    def leave_mark(self, mark: str) -> bool:
        """An object store is only read."""
        return False

    def has_twin(self, address: str, mark: str) -> bool:
        """No id ever lies in an object store."""
        return False

    def _objects(self, folder: str) -> list[Found]:
        """The objects of a folder; of an upper one only those right in it."""
        entries = self._list(folder, is_deep=folder not in UPPER)
        # A key that ends with a slash is a marker that some tools write for an empty folder.
        return [
            self._found(entry)
            for entry in entries
            if entry["type"] == "file" and not entry["name"].endswith("/")
        ]

    def _list(self, folder: str, *, is_deep: bool = False) -> list[Mapping[str, Any]]:
        key = f"{self._base}/{folder}" if folder else self._base
        with store_errors(f"{self.address} cannot be listed"):
            try:
                if is_deep:
                    return list(self._store.find(key, detail=True).values())
                return list(self._store.ls(key, detail=True))
            except FileNotFoundError:
                return []

    def _found(self, entry: Mapping[str, Any]) -> Found:
        status = status_of(entry)
        path = ObjectPath(self._store, str(entry["name"]), status.fingerprint)
        return Found(self._relative(entry), path, status)

    def _relative(self, entry: Mapping[str, Any]) -> str:
        return f"{entry['name']}/".removeprefix(f"{self._base}/").rstrip("/")


class ObjectWatch(LandingWatch):
    """Watches an object store by the day.

    The days of the present are always looked at. An older one is quiet when nothing has waited in
    it for a while; what is put there later is found by the next sweep.

    Args:
        root: What is watched.
        start: Top of it.
        left_out: Folders in it that another watch has.
    """

    step = FOLDERS_A_STEP

    def __init__(self, root: ObjectRoot, start: str, left_out: Collection[str]) -> None:
        super().__init__()
        self._root = root
        self._start = start
        self._left_out = left_out

    def _alive(self) -> Iterator[tuple[str, Folder]]:
        for path in self._root.folders(self._start, self._left_out):
            yield path, self._known.get(path) or Folder()

    def _note(self, path: str, folder: Folder, now: float, *, is_busy: bool) -> None:
        if is_busy:
            folder.changed_ns = round(now * 1e9)
        super()._note(path, folder, now, is_busy=is_busy or _is_present(path, now))

    def _folder_of(self, path: str) -> str:
        above = path.rpartition("/")[0]
        if above in UPPER:
            return above
        top, _, rest = above.partition("/")
        return f"{top}/{rest.partition('/')[0]}" if top in UPPER else top


def _is_present(folder: str, now: float) -> bool:
    """Whether files are expected here now: in recent days and in what is no day."""
    try:
        day = date.fromisoformat(_name(folder))
    except ValueError:
        return True
    return day >= datetime.fromtimestamp(now, tz=UTC).date() - RECENT


def _name(path: str) -> str:
    return path.rpartition("/")[2]
