"""The progress of an ingestion: a moving bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich import progress as bars
from rich.console import Console

from fastfeast_assets.commands.console import plain, shortened

if TYPE_CHECKING:
    from fastfeast_assets.automation.ingest import Progress

MESSAGE_WIDTH = 60
STAGES = {"wait": "Waiting", "load": "Loading", "transform": "Transforming"}


class ProgressView(Protocol):
    """Shows the steps of an ingestion.

    Attributes:
        transform_started: `time.perf_counter()` when the transform began, 0.0 before.
    """

    transform_started: float

    def note(self, text: str) -> None:
        """Say what goes on now."""

    def show(self, step: Progress) -> None:
        """Show a step."""

    def say(self, text: str) -> None:
        """Tell something that must not be missed."""

    def close(self) -> None:
        """Leave the terminal as it was, before the process ends at once."""


@contextmanager
def shown_progress(console: Console) -> Iterator[ProgressView]:
    """The view that suits the console."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        bars.SpinnerColumn(),
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(bar_width=24),
        bars.TextColumn("{task.fields[count]}", markup=False),
        bars.TimeElapsedColumn(),
    )
    with bars.Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as display:
        yield _Bar(display)


class _Lines:
    """One line a run and a failed file."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.transform_started = 0.0

    def note(self, text: str) -> None:
        """Say nothing: nothing has happened yet."""

    def show(self, step: Progress) -> None:
        """Print the step, unless it is a file that went well."""
        if step.stage == "transform":
            self.transform_started = time.perf_counter()
        if step.stage != "file":
            self._print(f"{STAGES[step.stage]} {step.message}")
        elif step.report is not None and step.report.status == "failed":
            self._print(f"Failed {step.report.relative_path}")

    def say(self, text: str) -> None:
        """Print it."""
        self._print(text[0].upper() + text[1:])

    def close(self) -> None:
        """Nothing has been changed."""

    def _print(self, text: str) -> None:
        self._console.print(plain(text), markup=False, soft_wrap=True)


class _Bar:
    """A bar over the files, then over the transform."""

    def __init__(self, display: bars.Progress) -> None:
        self._display = display
        self._task = display.add_task("", total=None, count="")
        self.transform_started = 0.0

    def note(self, text: str) -> None:
        """Say what goes on now."""
        self._display.update(self._task, description=text)

    def show(self, step: Progress) -> None:
        """Move the bar."""
        if step.stage == "transform":
            self.transform_started = time.perf_counter()
            self._display.update(self._task, visible=False)
            self._task = self._display.add_task("", total=None, count="")
        description = f"{STAGES.get(step.stage, 'Loading')} {step.message}"
        self._display.update(self._task, description=shortened(description, MESSAGE_WIDTH))
        if step.stage in ("load", "file"):
            self._display.update(
                self._task,
                completed=step.files_done,
                total=step.files_total,
                count=f"{step.files_done}/{step.files_total} files",
            )

    def say(self, text: str) -> None:
        """Print it above the bar."""
        self._display.console.print(text[0].upper() + text[1:], style="yellow", markup=False)

    def close(self) -> None:
        """Show the cursor, which a bar hides."""
        self._display.console.show_cursor()
