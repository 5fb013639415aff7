"""A person's wish that the work in this process ends, and who is told of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopping:
    """Uttered once, from any thread or a signal's handler; work looks at it between its steps."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._listeners: list[Callable[[], None]] = []

    def request(self) -> None:
        """Wish it."""
        self._event.set()
        for listener in tuple(self._listeners):
            listener()

    @property
    def is_requested(self) -> bool:
        """Whether it is wished."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Pause, until it is wished at the latest; whether it is."""
        return self._event.wait(seconds)

    @contextmanager
    def telling(self, listener: Callable[[], None]) -> Iterator[None]:
        """Have something called when it is wished, at once if it is already."""
        self._listeners.append(listener)
        try:
            if self.is_requested:
                listener()
            yield
        finally:
            self._listeners.remove(listener)
