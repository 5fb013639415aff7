"""What a landing zone can do, wherever it is: list its files, watch them, open them.

Belongs here: the terms that a directory (`local_root`) and an object store (`object_root`) share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO, NamedTuple

from fastfeast_assets.ingest.landing.identity import ZoneIdentity
from fastfeast_assets.ingest.landing.watch import LandingWatch

NameFilter = Callable[[str], bool]


class LandingPath(ABC):
    """Where one file is, for those who read it.

    Attributes:
        is_link: Whether its name only leads to where it is.
    """

    is_link: bool = False

    @property
    @abstractmethod
    def place(self) -> str:
        """What tells it from every other file; links share that of what they lead to."""

    @abstractmethod
    def opened(self) -> AbstractContextManager[BinaryIO]:
        """Open the file for reading; nothing is held of it but a buffer.

        Raises:
            FileChangedError: It is gone.
            FileRejectedError: It may not be read.
            StoreError: Its store cannot be reached.
        """

    @abstractmethod
    def ensure_unchanged(self, stream: BinaryIO, expected: str) -> None:
        """Check that the opened file still is the content with this fingerprint.

        Raises:
            FileChangedError: It was written to, replaced or removed meanwhile.
            StoreError: Its store cannot be reached.
        """

    @abstractmethod
    def delete(self, expected: str) -> None:
        """Delete the file for good, if it still is the content with this fingerprint.

        Raises:
            FileChangedError: It is another one by now, or gone.
            FileRejectedError: It may not be deleted.
            StoreError: Its store cannot be reached.
        """


class Status(NamedTuple):
    """What a listing says of a file.

    Attributes:
        size: Bytes.
        landed_ns: Since when it has stood here as it is, nanoseconds since the epoch.
        fingerprint: Changes whenever the file does; cheap, where a hash is not.
        written: When it may have been written last, seconds since the epoch; the next one speaks
            when one is ahead of the clock. Empty for a file that is complete when it is seen.
    """

    size: int
    landed_ns: int
    fingerprint: str
    written: Sequence[float] = ()


class Found(NamedTuple):
    """Something in a landing zone that is no folder.

    Attributes:
        relative: Its path below the root, with `/`.
        path: Where its content is.
        status: What is known of it, or why it is no file to load.
    """

    relative: str
    path: LandingPath
    status: Status | str


class Trouble(NamedTuple):
    """Why a landing zone cannot be used, and what to do about it."""

    text: str
    advice: str
    is_absent: bool = False


class LandingRoot(ABC):
    """A landing zone.

    Folders are named by their path below it, with `/`; the empty name is the zone itself.

    Attributes:
        address: Absolute path or URL.
    """

    address: str

    @abstractmethod
    def files(
        self, folders: Iterable[str] | None = None, *, is_wanted: NameFilter = lambda name: True
    ) -> Iterator[Found]:
        """Everything that is no folder; one that is gone or does not exist holds nothing.

        Args:
            folders: Only what a watch means by these folders; default the whole zone.
            is_wanted: Whether a file of this name is worth a look.
        """

    @abstractmethod
    def watch(self, start: str = "", left_out: Sequence[str] = ()) -> LandingWatch:
        """A memory of which folders are worth a look now.

        Args:
            start: Top of what is watched.
            left_out: Folders in it that another watch has.
        """

    @abstractmethod
    def relative(self, name: str) -> str:
        """A file's path below the root, whether it was given from there or from anywhere else."""

    @abstractmethod
    def trouble(self) -> Trouble | None:
        """What stands in the way of reading here: absence, rights, an unreachable store."""

    @abstractmethod
    def identity(self) -> ZoneIdentity | None:
        """What tells this landing zone from others; None while it does not exist.

        Raises:
            IdentityUnreadableError: There is something in the way.
        """

    @abstractmethod
    def leave_mark(self, mark: str) -> bool:
        """Put an id into it, unless one is there; whether one is there now."""

    @abstractmethod
    def has_twin(self, address: str, mark: str) -> bool:
        """Whether another zone with this id stands at an address, as far as can be seen."""
