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
from fastfeast_assets.ingest.landing_root import (
    Found,
    LandingPath,
    LandingRoot,
    NameFilter,
    Status,
    Trouble,
)
from fastfeast_assets.ingest.watch import LocalWatch


@dataclass(frozen=True)
class LocalPath(LandingPath):
    """A regular file.

    Attributes:
        path: Where it is; of a link, what it leads to.
    """

    path: str

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
        self._root = directory.resolve()

    def files(
        self, folders: Iterable[str] | None = None, *, is_wanted: NameFilter = lambda name: True
    ) -> Iterator[Found]:
        """Everything that is no folder, in order; links are not followed into folders."""
        prefix = len(os.path.join(self._root, ""))
        names = _walk(self._root) if folders is None else _listed(self._root, folders)
        for folder, name in names:
            if is_wanted(name):
                path = os.path.join(folder, name)
                target, status = self._looked_at(path)
                if status is not None:
                    yield Found(path[prefix:], LocalPath(target), status)

    def watch(self, start: str = "", left_out: Sequence[str] = ()) -> LocalWatch:
        """A memory of folders by their times of change."""
        return LocalWatch(self._root, start, left_out)

    def relative(self, name: str) -> str:
        """A path below the directory, also of one that is given as the shell names it."""
        absolute = Path(name).expanduser().absolute().resolve()
        if absolute.is_relative_to(self._root):
            return absolute.relative_to(self._root).as_posix()
        return Path(name).as_posix()

    def trouble(self) -> Trouble | None:
        """Whether the directory exists and may be listed."""
        place = self._directory
        if not place.exists():
            advice = "set FASTFEAST_LANDING, make the directory, or run `make demo`"
            return Trouble(f"{place} does not exist", advice, is_absent=True)
        if not place.is_dir():
            return Trouble(f"{place} is no directory", "set FASTFEAST_LANDING")
        if not os.access(place, os.R_OK | os.X_OK):
            return Trouble(f"{place} may not be read", "grant read and search on it")
        return None

    def _looked_at(self, path: str) -> tuple[str, Status | str | None]:
        """Where a file is and its status; or why it is none to load; or None when it is gone.

        A link within the root is the file that it leads to.
        """
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                target = Path(path).resolve()
                if not target.is_relative_to(self._root):
                    return path, "a link out of the landing zone; put the file itself here"
                try:
                    path, status = os.fspath(target), target.lstat()
                except FileNotFoundError:
                    return path, "a link to nothing"
        except FileNotFoundError:
            return path, None
        except OSError as error:
            return path, f"cannot be looked at: {error.strerror}"
        return path, _status(status) if stat.S_ISREG(status.st_mode) else "not a regular file"


def _status(status: os.stat_result) -> Status:
    # A time of writing can be set at will; the time of change is the clock's.
    written = (status.st_mtime, status.st_ctime)
    # A file that is renamed or copied into place keeps the time of its content, not this one.
    return Status(status.st_size, status.st_ctime_ns, fingerprint(status), written)


def _walk(root: Path) -> Iterator[tuple[str, str]]:
    """Folder and name of whatever is no folder, in order; links are not followed."""
    for folder, folders, names in os.walk(root, followlinks=False):
        folders.sort()
        linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in sorted(names + linked):
            yield folder, name


def _listed(root: Path, folders: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Like `_walk`, of these folders alone; one that is gone or closed holds nothing."""
    for relative in folders:
        folder = os.path.join(root, relative)
        try:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        for name in sorted(names):
            yield folder, name
