"""One object of an object store: its status, its content as a stream, its errors.

Belongs here: what the clients of the stores, each of which says it in its own way, say of objects.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

import fsspec

from fastfeast_assets.ingest.errors import FileChangedError, FileRejectedError, StoreError
from fastfeast_assets.ingest.landing.root import LandingPath, Status

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER_BYTES = 1 << 20
TAGS = ("ETag", "etag", "generation")
TIMES = ("LastModified", "updated", "last_modified", "mtime", "modified", "created")


@contextmanager
def store_errors(doing: str) -> Iterator[None]:
    """Turn what a client raises into `StoreError`, except that something does not exist.

    Args:
        doing: What cannot be done.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # Clients raise what they like; none of it is a bug of ours.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise StoreError(f"{doing}: {lines[0]}") from error


def status_of(entry: Mapping[str, Any]) -> Status:
    """What a listing says of an object; it is complete, because a store shows no half ones."""
    size = int(entry["size"] or 0)
    time = next((entry[name] for name in TIMES if entry.get(name)), None)
    landed_ns = _nanoseconds(time)
    # A time may be finer in a listing than in the answer about one object. A tag is the same.
    tag = next((entry[name] for name in TAGS if entry.get(name)), landed_ns // 10**9)
    return Status(size, landed_ns, f"{size}:{tag}")


def _nanoseconds(time: object) -> int:
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    if isinstance(time, datetime):
        time = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    return round(time * 1e9) if isinstance(time, int | float) else 0


@dataclass(frozen=True)
class ObjectPath(LandingPath):
    """An object.

    Attributes:
        store: The client of its store.
        key: Its name there.
        fingerprint: Of its content when it was listed.
    """

    store: fsspec.AbstractFileSystem
    key: str
    fingerprint: str

    @property
    def place(self) -> str:
        """Its key."""
        return self.key

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Open the object; a block of it at a time comes over the network."""
        with self._errors("cannot be opened"):
            content = self.store.open(self.key, "rb", cache_type="readahead")
        with io.BufferedReader(_Stream(self, content), BUFFER_BYTES) as stream:
            yield stream

    def ensure_unchanged(self, stream: BinaryIO, expected: str) -> None:
        """Check that the store still has the content with this fingerprint."""
        with self._errors("cannot be looked at"):
            status = status_of(self.store.info(self.key))
        if status.fingerprint != expected:
            raise FileChangedError("the object changed while it was read")

    def delete(self, expected: str) -> None:
        """Delete the object; a bucket that keeps versions keeps it all the same."""
        with self._errors("cannot be looked at"):
            status = status_of(self.store.info(self.key))
        if status.fingerprint != expected:
            raise FileChangedError("the object changed")
        try:
            with self._errors("cannot be deleted"):
                self.store.rm_file(self.key)
        except StoreError as error:
            if isinstance(error.__cause__, PermissionError | NotImplementedError):
                raise FileRejectedError(
                    "cannot be deleted: grant the right to delete objects, or let a rule of the"
                    " bucket delete them"
                ) from error
            raise

    def read(self, content: BinaryIO, size: int) -> bytes:
        """The next bytes of what was opened."""
        try:
            with self._errors("cannot be read"):
                return content.read(size)
        except StoreError:
            # Some clients refuse to go on in an object that has another content by now.
            self.ensure_unchanged(content, self.fingerprint)
            raise

    @contextmanager
    def _errors(self, problem: str) -> Iterator[None]:
        try:
            with store_errors(f"{self.key} {problem}"):
                yield
        except FileNotFoundError as error:
            raise FileChangedError("the object is gone") from error
        except StoreError as error:
            if isinstance(error.__cause__, PermissionError) and self._is_listed():
                raise FileRejectedError(f"{problem}; grant the right to read it") from error
            raise

    def _is_listed(self) -> bool:
        """Whether the store lets us in at all, so that it is this object which is closed."""
        with store_errors(f"{self.key} cannot be listed"):
            return bool(self.store.ls(self.key.rpartition("/")[0]))


class _Stream(io.RawIOBase):
    """The content of an object as Python's own streams have it."""

    def __init__(self, path: ObjectPath, content: BinaryIO) -> None:
        super().__init__()
        self._path = path
        self._content = content

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        block = self._path.read(self._content, len(view))
        view[: len(block)] = block
        return len(block)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()

    def close(self) -> None:
        if not self.closed:
            self._content.close()
        super().close()
