"""Bringing the marts up to date at the end of a command that changed what raw holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.console import Console

from fastfeast_assets.commands.console import stderr
from fastfeast_assets.commands.context import log_path
from fastfeast_assets.commands.ingest import run_ingest

if TYPE_CHECKING:
    from fastfeast_assets.settings import Settings


def follow(settings: Settings, console: Console, *, is_wanted: bool) -> None:
    """Run the transform, or say how to.

    Raises:
        typer.Exit: It failed, code 1; or was stopped by a signal.
    """
    if not is_wanted:
        console.print("The marts follow with the next `fastfeast ingest`.")
        return
    report = run_ingest(settings, is_loading=False)
    if report.summary.is_success:
        console.print(f"Marts brought up to date in {report.transform_seconds:.1f} s.")
        return
    report.print(stderr(), settings.landing)
    stderr().print(f"\nLog: {log_path(settings)}", markup=False, soft_wrap=True)
    raise typer.Exit(report.exit_code)
