"""Which folders of the landing zone are worth a look now, so that looking again costs little.

Belongs here: remembering folders between looks. What stands in a folder is for `discover` to say,
whether a file is done for the ledger.

A folder is quiet when nothing in it waits and it has not changed of late. A quiet folder is looked
at again when its time of change moves, and at every sweep, because a file that is overwritten in
place does not move it. All of this is a memory of the process: a new one begins with a sweep.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SWEEP_SECONDS = 600.0
# As long as a folder is this young, files in it may still be overwritten in place.
YOUNG_SECONDS = 600.0


@dataclass
class _Folder:
    changed_ns: int
    folders: list[str]
    is_quiet: bool = False
    looked_at: float = 0.0


@dataclass
class LandingWatch:
    """Gives the folders of a tree in the order in which they should be looked at.

    Attributes:
        start: Top of the tree, below the resolved landing root.
        left_out: Folders in it that another watch has.
    """

    start: Path
    left_out: Collection[Path] = ()
    _known: dict[str, _Folder] = field(default_factory=dict)
    _swept_at: float = 0.0

    def folders(self, now: float) -> list[str]:
        """Folders that are not quiet: never seen ones first, then those seen longest ago.

        Args:
            now: Seconds since the epoch.
        """
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            for folder in self._known.values():
                folder.is_quiet = False
        alive = dict(self._walk())
        self._known = alive
        waiting = [(path, folder) for path, folder in alive.items() if not folder.is_quiet]
        waiting.sort(key=lambda item: (item[1].looked_at, -item[1].changed_ns))
        return [path for path, _ in waiting]

    def looked(self, folders: Collection[str], waiting: Collection[str], now: float) -> None:
        """Note what a look showed.

        Args:
            folders: Those that were looked at.
            waiting: Those of them in which something is left to do.
            now: Seconds since the epoch, from before the look.
        """
        for path in folders:
            folder = self._known.get(path)
            if folder is not None:
                folder.looked_at = now
                is_old = now - folder.changed_ns / 1e9 > YOUNG_SECONDS
                folder.is_quiet = is_old and path not in waiting

    def _walk(self) -> Iterator[tuple[str, _Folder]]:
        """All folders that exist, with what is remembered of them."""
        left_out = set(map(os.fspath, self.left_out))
        stack = [os.fspath(self.start)]
        while stack:
            path = stack.pop()
            folder = self._remembered(path)
            if folder is not None:
                yield path, folder
                stack += [child for child in folder.folders if child not in left_out]

    def _remembered(self, path: str) -> _Folder | None:
        try:
            changed_ns = os.stat(path, follow_symlinks=False).st_mtime_ns
            folder = self._known.get(path)
            if folder is not None and folder.is_quiet and folder.changed_ns == changed_ns:
                return folder
            # Clocks of file systems are coarse: a lively folder is listed whatever its time says.
            with os.scandir(path) as entries:
                folders = [item.path for item in entries if item.is_dir(follow_symlinks=False)]
        except OSError:
            return None
        return _Folder(changed_ns, folders, looked_at=0.0 if folder is None else folder.looked_at)
