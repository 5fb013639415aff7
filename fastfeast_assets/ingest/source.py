"""From the bytes of an open landing file to its hash and its text."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from fastfeast_assets.ingest.errors import FileRejectedError

BLOCK_BYTES = 1 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
FOREIGN_MARKS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
}


def content_hash(stream: BinaryIO) -> str:
    """MD5 of the whole stream, 32 hex digits; it names content, it protects nothing."""
    stream.seek(0)
    digest = hashlib.md5(usedforsecurity=False)
    while block := _read(stream, BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _read(stream: BinaryIO, size: int) -> bytes:
    try:
        return stream.read(size)
    except OSError as error:
        raise FileRejectedError(f"cannot be read: {error.strerror}; check the disk") from error


@contextmanager
def text_of(stream: BinaryIO) -> Iterator[io.TextIOWrapper]:
    """The stream from its start as text without byte-order mark; bad bytes become surrogates.

    Raises:
        FileRejectedError: It is empty or visibly another encoding.
    """
    stream.seek(0)
    head = stream.read(4)
    if not head:
        raise FileRejectedError("the file is empty (0 bytes)")
    for mark, name in FOREIGN_MARKS.items():
        if head.startswith(mark):
            raise FileRejectedError(f"not UTF-8 but {name}; export it as plain UTF-8")
    stream.seek(len(BYTE_ORDER_MARK) if head.startswith(BYTE_ORDER_MARK) else 0)
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
    try:
        yield text
    finally:
        text.detach()
