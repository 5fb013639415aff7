"""Work that ends in good order on Ctrl-C and SIGTERM, and at once on the second one.

It is done in a thread of its own: Dagster takes over the signals of the main thread while a run is
at work, ends that run as failed and tells nobody.
"""

from __future__ import annotations

import contextvars
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import FrameType
from typing import TypeVar

from fastfeast_assets.assets.stopping import Stopping

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
BY_SIGNAL = 128


def interruptible(
    work: Callable[[Stopping], T],
    *,
    on_first: Callable[[], None],
    on_second: Callable[[], None],
) -> tuple[T, int]:
    """Do something that looks at whether it should stop.

    Args:
        work: What to do.
        on_first: Called at the first signal, from its handler.
        on_second: Called before the process ends at the second one.

    Returns:
        What the work gives, and the exit code that the shell expects after a signal; 0 without.
    """
    stopping = Stopping()
    if threading.current_thread() is not threading.main_thread():
        return work(stopping), 0
    code = 0

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal code
        if code:
            with suppress(OSError, ValueError):
                on_second()
            # What is in a transaction is taken back by the server.
            os._exit(BY_SIGNAL + number)
        code = BY_SIGNAL + number
        stopping.request()
        # Who would read it may be gone, by the same Ctrl-C.
        with suppress(OSError, ValueError):
            on_first()

    with ThreadPoolExecutor(1) as pool:
        # What was to be ignored from the start, as by nohup or a shell's `&`, is.
        heeded = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, handle) for number in heeded}
        try:
            result = pool.submit(contextvars.copy_context().run, work, stopping).result()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return result, code
