"""Keeping libraries off the terminal: what Dagster and dbt print goes to the log file."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO


@dataclass(frozen=True)
class Streams:
    """The terminal, for as long as `sys.stdout` and `sys.stderr` lead to the log."""

    out: TextIO
    err: TextIO


@contextmanager
def quiet(log: Path) -> Iterator[Streams]:
    """Send everything that this process and its children print to a log file.

    Dagster captures the output of steps at the level of file descriptors, so the streams given
    are copies of the original descriptors.

    Args:
        log: The file; what is printed is appended.
    """
    with ExitStack() as stack:
        sink = stack.enter_context(log.open("a", encoding="utf-8", errors="replace"))
        out, err = _kept(stack, sys.stdout, sink), _kept(stack, sys.stderr, sink)
        stack.enter_context(redirect_stdout(sink))
        stack.enter_context(redirect_stderr(sink))
        yield Streams(out, err)


def _kept(stack: ExitStack, stream: TextIO, sink: TextIO) -> TextIO:
    """A stream to where this one leads now; its descriptor, if it has one, leads to the sink."""
    try:
        descriptor = stream.fileno()
    except io.UnsupportedOperation:
        return stream
    stream.flush()
    saved = os.dup(descriptor)
    kept = os.fdopen(saved, "w", encoding=stream.encoding, errors="replace", buffering=1)
    os.dup2(sink.fileno(), descriptor)

    def restore() -> None:
        kept.flush()
        os.dup2(saved, descriptor)
        kept.close()

    stack.callback(restore)
    return kept
