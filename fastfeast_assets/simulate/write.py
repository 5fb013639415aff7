"""Writing one landing file: under a temporary name, then renamed into place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fastfeast_assets.simulate.render import FileFormat


class RowWriter:
    """Appends rendered rows to an open file.

    Attributes:
        rows_written: Rows so far.
        bytes_written: Bytes so far.
    """

    def __init__(self, handle: BinaryIO, file_format: FileFormat) -> None:
        self._handle = handle
        self._format = file_format
        self.rows_written = 0
        self.bytes_written = 0

    def append(self, rows: Any) -> None:
        """Appends a pyarrow string array of rows as `render.rows` makes them."""
        if len(rows) == 0:
            return
        _, offsets_buffer, data = rows.buffers()
        offsets = np.frombuffer(offsets_buffer, dtype=np.int32)
        start, stop = offsets[rows.offset], offsets[rows.offset + len(rows)]
        if self._format == "json" and self.rows_written == 0:
            start += 1  # the first object of an array has no comma before it
        self.raw(memoryview(data)[start:stop])
        self.rows_written += len(rows)

    def raw(self, content: bytes | memoryview) -> None:
        """Appends bytes as they are."""
        self.bytes_written += self._handle.write(content)


@contextmanager
def landing_file(
    path: Path, file_format: FileFormat, columns: Iterable[str]
) -> Iterator[RowWriter]:
    """Opens a landing file for writing; it appears under its name only when complete.

    Args:
        path: Where the file goes; folders are made. A file in its place is replaced.
        file_format: `csv` (header line first) or `json` (one array).
        columns: Names for the CSV header.

    Yields:
        The writer to append rows to. On an error the temporary file is removed and nothing else
        changes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as handle:
            writer = RowWriter(handle, file_format)
            writer.raw(b"[" if file_format == "json" else f"{','.join(columns)}\n".encode())
            yield writer
            if file_format == "json":
                writer.raw(b"\n]\n")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
