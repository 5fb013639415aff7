"""Which folders of the landing zone are worth a look now, so that looking again costs little.

Belongs here: remembering folders between looks. What stands in a folder is for `discover` to say,
whether a file is done for the ledger.

A folder is quiet when nothing in it waits and it has not changed of late. A quiet folder is looked
at again when its time of change moves, where folders have one, and at every sweep: a file that is
overwritten in place does not move it. All of this is a memory of the process: a new one begins
with a sweep.
"""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from fastfeast_assets.ingest.landing.local_folder import DEEPEST, depth_of, listing_of

SWEEP_SECONDS = 600.0
# As long as a folder is this young, files in it may still be overwritten in place.
YOUNG_SECONDS = 600.0


@dataclass
class Folder:
    """What is remembered of a folder.

    Attributes:
        changed_ns: When it last changed, as far as it is known; nanoseconds since the epoch.
        folders: Those in it, where a watch remembers them.
        is_closed: Whether it could not be listed; its time says nothing about when it can be.
        is_quiet: Whether a look at it would show nothing new.
        looked_at: When it was looked at last; seconds since the epoch.
    """

    changed_ns: int = 0
    folders: Sequence[str] = ()
    is_closed: bool = False
    is_quiet: bool = False
    looked_at: float = 0.0


class LandingWatch(ABC):
    """Gives folders, by their path below the root, in the order in which to look at them.

    Attributes:
        step: How many of them to look at before the clock is looked at.
    """

    step: int

    def __init__(self) -> None:
        self._known: dict[str, Folder] = {}
        self._swept_at = 0.0

    def folders(self, now: float) -> list[str]:
        """Folders that are not quiet: never seen ones first, then those seen longest ago.

        Args:
            now: Seconds since the epoch.
        """
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            for folder in self._known.values():
                folder.is_quiet = False
        self._known = dict(self._alive())
        waiting = [(path, folder) for path, folder in self._known.items() if not folder.is_quiet]
        waiting.sort(key=lambda item: (item[1].looked_at, -item[1].changed_ns))
        return [path for path, _ in waiting]

    def looked(self, folders: Collection[str], waiting: Iterable[str], now: float) -> None:
        """Note what a look showed.

        Args:
            folders: Those that were looked at.
            waiting: Paths of files in them that are not done.
            now: Seconds since the epoch, from before the look.
        """
        busy = {self._folder_of(path) for path in waiting}
        for path in folders:
            folder = self._known.get(path)
            if folder is not None:
                folder.looked_at = now
                self._note(path, folder, now, is_busy=path in busy)

    def _note(self, path: str, folder: Folder, now: float, *, is_busy: bool) -> None:
        """Decide whether a folder is quiet after a look."""
        folder.is_quiet = now - folder.changed_ns / 1e9 > YOUNG_SECONDS and not is_busy

    @abstractmethod
    def _alive(self) -> Iterator[tuple[str, Folder]]:
        """All folders that exist, with what is remembered of them."""

    @abstractmethod
    def _folder_of(self, path: str) -> str:
        """The folder in which a look shows this file."""


class LocalWatch(LandingWatch):
    """Watches a directory tree; a folder that has changed is told by its time.

    Args:
        root: The resolved landing root.
        start: Top of the tree, below it.
        left_out: Folders in the tree that another watch has.
    """

    step = 500

    def __init__(self, root: str, start: str, left_out: Collection[str]) -> None:
        super().__init__()
        self._root = root
        self._start = start
        self._left_out = frozenset(left_out)

    def _alive(self) -> Iterator[tuple[str, Folder]]:
        stack = [self._start]
        while stack:
            path = stack.pop()
            folder = self._remembered(path)
            if folder is not None:
                yield path, folder
                stack += [child for child in folder.folders if child not in self._left_out]

    def _remembered(self, path: str) -> Folder | None:
        """What is remembered of a folder, or what stands in it now; None when it is gone."""
        folder = self._known.get(path)
        try:
            status = os.stat(os.path.join(self._root, path), follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            changed_ns = 0  # The look at it says why.
        else:
            changed_ns = status.st_mtime_ns
            if not stat.S_ISDIR(status.st_mode):
                return None
            is_known = folder is not None and folder.is_quiet and not folder.is_closed
            if folder is not None and is_known and folder.changed_ns == changed_ns:
                return folder
        # Clocks of file systems are coarse: a lively folder is listed whatever its time says.
        listing = listing_of(self._root, path)
        return Folder(
            changed_ns,
            listing.folders if depth_of(path) < DEEPEST else (),
            is_closed=bool(listing.problem),
            looked_at=0.0 if folder is None else folder.looked_at,
        )

    def _folder_of(self, path: str) -> str:
        return os.path.dirname(path)
