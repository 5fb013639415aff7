"""A landing zone that is a directory: names, links, rights and times of a file system."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fastfeast_assets.ingest.errors import FileChangedError, FileRejectedError
from fastfeast_assets.ingest.landing.identity import IdentityUnreadableError, ZoneIdentity
from fastfeast_assets.ingest.landing.local_folder import (
    DEEPEST,
    TOO_DEEP,
    advice,
    depth_of,
    listing_of,
)
from fastfeast_assets.ingest.landing.local_mark import leave_mark, read_mark
from fastfeast_assets.ingest.landing.root import (
    Found,
    LandingPath,
    LandingRoot,
    NameFilter,
    Status,
    Trouble,
)
from fastfeast_assets.ingest.landing.watch import LocalWatch


@dataclass(frozen=True)
class LocalPath(LandingPath):
    """A regular file.

    Attributes:
        path: Where it is; of a link, what it leads to.
    """

    path: str
    is_link: bool = False

    @property
    def place(self) -> str:
        """Its path."""
        return self.path

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Open the file, following no link in the last part of its path."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise FileChangedError("the file is gone") from error
        except OSError as error:
            problem = f"cannot be opened: {error.strerror}; grant read access"
            raise FileRejectedError(problem) from error
        with os.fdopen(descriptor, "rb") as stream:
            yield stream

    def ensure_unchanged(self, stream: BinaryIO, expected: str) -> None:
        """Check that descriptor and path still are the content with this fingerprint."""
        try:
            is_same = (
                fingerprint(os.fstat(stream.fileno()))
                == fingerprint(os.lstat(self.path))
                == expected
            )
        except OSError:
            is_same = False
        if not is_same:
            raise FileChangedError("the file changed while it was read")

    def delete(self, expected: str) -> None:
        """Delete the file, never what has taken its place."""
        try:
            status = os.lstat(self.path)
            if not stat.S_ISREG(status.st_mode) or fingerprint(status) != expected:
                raise FileChangedError("the file changed")
            os.unlink(self.path)
        except FileNotFoundError as error:
            raise FileChangedError("the file is gone") from error
        except OSError as error:
            raise FileRejectedError(
                f"cannot be deleted: {error.strerror}; grant write on its folder, or let who"
                " delivers the files delete them"
            ) from error


def fingerprint(status: os.stat_result) -> str:
    """What changes whenever the file does: size, times, inode."""
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"


class LocalRoot(LandingRoot):
    """A directory, which may be absent.

    Args:
        directory: Links in its own path are followed, links out of it are not.
    """

    def __init__(self, directory: Path) -> None:
        self.address = os.fspath(directory)
        self._directory = directory
        self._root = os.path.realpath(directory)

    def files(
        self, folders: Iterable[str] | None = None, *, is_wanted: NameFilter = lambda name: True
    ) -> Iterator[Found]:
        """Everything that is no folder, folder by folder; links are not followed into folders.

        A folder that cannot be listed or is too deep is among it, with the reason.
        """
        waiting = [""] if folders is None else [*folders][::-1]
        while waiting:
            folder = waiting.pop()
            listing = listing_of(self._root, folder)
            if listing.problem and is_wanted(_last(folder)):
                yield self._found(folder, listing.problem)
            for name in listing.names:
                if is_wanted(name):
                    relative = f"{folder}/{name}" if folder else name
                    place = os.path.join(self._root, relative)
                    target, status = self._looked_at(place)
                    if status is not None:
                        yield Found(relative, LocalPath(target, target != place), status)
            if depth_of(folder) == DEEPEST:
                yield from (self._found(deeper, TOO_DEEP) for deeper in listing.folders)
            elif folders is None:
                waiting += reversed(listing.folders)

    def _found(self, folder: str, problem: str) -> Found:
        return Found(folder or ".", LocalPath(os.path.join(self._root, folder)), problem)

    def watch(self, start: str = "", left_out: Sequence[str] = ()) -> LocalWatch:
        """A memory of folders by their times of change."""
        return LocalWatch(self._root, start, left_out)

    def relative(self, name: str) -> str:
        """A path below the directory, also of one that is given as the shell names it."""
        folder, last = os.path.split(os.path.abspath(os.path.expanduser(name)))
        # Of a link its own name counts, not what it leads to.
        place = os.path.join(os.path.realpath(folder), last)
        prefix = os.path.join(self._root, "")
        return place.removeprefix(prefix) if place.startswith(prefix) else Path(name).as_posix()

    def trouble(self) -> Trouble | None:
        """Whether the directory exists and may be listed."""
        place = self._directory
        if not place.exists():
            advice = "set FASTFEAST_LANDING, make the directory, or run `fastfeast demo`"
            return Trouble(f"{place} does not exist", advice, is_absent=True)
        if not place.is_dir():
            return Trouble(f"{place} is no directory", "set FASTFEAST_LANDING")
        if not os.access(place, os.R_OK | os.X_OK):
            return Trouble(f"{place} may not be read", "grant read and search on it")
        return None

    def identity(self) -> ZoneIdentity | None:
        """The id in the directory, and path and inode, which other machines see alike."""
        try:
            status = os.stat(self._root)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            problem = f"{self._root} cannot be looked at: {error.strerror}; grant search on it"
            raise IdentityUnreadableError(problem) from error
        if not stat.S_ISDIR(status.st_mode):
            return None
        place = f"{self._root} (inode {status.st_ino})"
        return ZoneIdentity(read_mark(self._root), self._root, place)

    def leave_mark(self, mark: str) -> bool:
        """Put an id into the directory, where it may be written."""
        return leave_mark(self._root, mark)

    def has_twin(self, address: str, mark: str) -> bool:
        """Whether the address is a directory that holds the same id and is not this one."""
        try:
            return read_mark(address) == mark and not os.path.samefile(address, self._root)
        except (OSError, ValueError, IdentityUnreadableError):
            return False

    def _looked_at(self, path: str) -> tuple[str, Status | str | None]:
        """Where a file is and its status; or why it is none to load; or None when it is gone.

        A link within the root is the file that it leads to. Nothing that one path does to the look
        at it gets in the way of its neighbours.
        """
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                return self._linked(path)
        except (FileNotFoundError, NotADirectoryError):
            return path, None
        except (OSError, ValueError, RuntimeError) as error:
            return path, f"cannot be looked at: {advice(error)}"
        return path, _status(status) if stat.S_ISREG(status.st_mode) else "not a regular file"

    def _linked(self, path: str) -> tuple[str, Status | str]:
        try:
            # The system follows only so many links, and none in circles.
            status = os.stat(path)
            target = os.path.realpath(path, strict=True)
        except (FileNotFoundError, NotADirectoryError):
            return path, "a link to nothing"
        if not target.startswith(os.path.join(self._root, "")):
            return path, "a link out of the landing zone; put the file itself here"
        if stat.S_ISDIR(status.st_mode):
            return path, "a link to a folder; put the folder itself here"
        return target, _status(status) if stat.S_ISREG(status.st_mode) else "not a regular file"


def _status(status: os.stat_result) -> Status:
    # A time of writing can be set at will; the time of change is the clock's.
    written = (status.st_mtime, status.st_ctime)
    # A file that is renamed or copied into place keeps the time of its content, not this one.
    return Status(status.st_size, status.st_ctime_ns, fingerprint(status), written)


def _last(path: str) -> str:
    return path.rpartition("/")[2]
