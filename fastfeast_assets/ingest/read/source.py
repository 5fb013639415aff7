"""From the bytes of an open landing file to its hash and its text."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from fastfeast_assets.ingest.errors import FileRejectedError

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 64
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Longer marks before those that they begin with.
FOREIGN_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip or a spreadsheet (xlsx)",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\x00": "xz",
    b"\xd0\xcf\x11\xe0": "a spreadsheet (xls)",
    b"PAR1": "Parquet",
    b"%PDF-": "PDF",
}


@dataclass(frozen=True)
class Content:
    """What was seen of a file's bytes before they were read as text.

    Attributes:
        hash: MD5, 32 hex digits; it names content, it protects nothing.
        lines: Physical lines, ended by LF, CRLF or CR, the last one perhaps by nothing.
    """

    hash: str
    lines: int


def content_of(stream: BinaryIO) -> Content:
    """Hash the whole stream and count its lines.

    Raises:
        FileRejectedError: It cannot be read.
    """
    stream.seek(0)
    digest = hashlib.md5(usedforsecurity=False)
    lines = 0
    last = b""
    while block := _read(stream, BLOCK_BYTES):
        digest.update(block)
        lines += block.count(b"\n") + block.count(b"\r") - (last + block).count(b"\r\n")
        last = block[-1:]
    return Content(digest.hexdigest(), lines + (last not in (b"", b"\n", b"\r")))


def _read(stream: BinaryIO, size: int) -> bytes:
    try:
        return stream.read(size)
    except OSError as error:
        raise FileRejectedError(f"cannot be read: {error.strerror}; check the disk") from error


@contextmanager
def text_of(stream: BinaryIO) -> Iterator[io.TextIOWrapper]:
    """The stream from its start as text without byte-order mark; bad bytes become surrogates.

    Raises:
        FileRejectedError: It is empty or visibly another encoding or format.
    """
    stream.seek(0)
    head = _read(stream, HEAD_BYTES)
    if not head:
        raise FileRejectedError("the file is empty (0 bytes)")
    if foreign := _foreign(head):
        raise FileRejectedError(f"not UTF-8 but {foreign}; export it as plain UTF-8")
    if head.startswith(BYTE_ORDER_MARK * 2):
        raise FileRejectedError("it begins with two byte-order marks; export it with one or none")
    stream.seek(len(BYTE_ORDER_MARK) if head.startswith(BYTE_ORDER_MARK) else 0)
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
    try:
        yield text
    finally:
        text.detach()


def _foreign(head: bytes) -> str | None:
    """The encoding or format that a file's first bytes tell, or None."""
    for mark, name in FOREIGN_MARKS.items():
        if head.startswith(mark):
            return name
    # ASCII characters in two or four bytes each, without a mark.
    for name, width in (("UTF-32", 4), ("UTF-16", 2)):
        whole = head[: len(head) // width * width]
        characters = [whole[i : i + width] for i in range(0, len(whole), width)]
        if characters and all(c.count(0) == width - 1 for c in characters):
            return name
    return None
