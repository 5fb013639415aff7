"""The progress of tests: a moving bar on a terminal, a line for each run of them anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import progress as bars
from rich.console import Console

ShowTests = Callable[[str, int, int], None]


@contextmanager
def shown_tests(console: Console) -> Iterator[ShowTests]:
    """The view that suits the console: called with what goes on, tests done, and of how many."""
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (
        bars.SpinnerColumn(),
        bars.TextColumn("Checking {task.description}", markup=False),
        bars.BarColumn(bar_width=24),
        bars.TextColumn("{task.fields[count]}", markup=False),
        bars.TimeElapsedColumn(),
    )
    with bars.Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as display:
        task = display.add_task("", total=None, count="")

        def show(text: str, done: int, total: int) -> None:
            count = f"{done}/{total} tests" if total else ""
            display.update(task, description=text, completed=done, total=total or None, count=count)

        yield show


def _lines(console: Console) -> ShowTests:
    said: list[str] = []

    def show(text: str, _done: int, _total: int) -> None:
        if said[-1:] != [text]:
            said.append(text)
            console.print(f"Checking {text}", markup=False, soft_wrap=True)

    return show
