"""Waiting for what other processes do: looks again and again, and gives up."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

LOG_LINES = 80
Seen = TypeVar("Seen")


def until(
    look: Callable[[], Seen],
    what: str,
    seconds: float = 60.0,
    *,
    pause: float = 0.05,
    log: Path | None = None,
) -> Seen:
    """The first look that sees something; fails when none does in time, with the end of a log."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > end:
            said = log.read_text().splitlines()[-LOG_LINES:] if log else []
            raise AssertionError("\n".join([f"{what}: not within {seconds:.0f} s", *said]))
        time.sleep(pause)
    return seen


def free_port() -> int:
    """A port of the loopback interface that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers_at(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
