"""`fastfeast demo`: a simulated day through everything, and what the marts then say."""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich import progress as bars

from fastfeast_assets.commands.console import plain, stderr, stdout
from fastfeast_assets.commands.context import close_files
from fastfeast_assets.commands.ingest import run_ingest
from fastfeast_assets.installation import IS_WHEEL

if TYPE_CHECKING:
    from datetime import date

    from fastfeast_assets.settings import Settings
    from fastfeast_assets.simulate import Progress

WHERE_NEXT = (
    ("fastfeast dev", "every asset, check and run in the browser: http://127.0.0.1:3000"),
    ("fastfeast psql", "the star schema; select * from fact_order limit 5;"),
    ("fastfeast quarantine list", "what was refused, and why"),
    ("fastfeast status", "where things stand"),
    ("fastfeast simulate --help", "more days, more orders, more dirt"),
)
DICTIONARY = ("docs/reference/data-dictionary.md", "what every column means")


def demo() -> None:
    """Simulate a day, ingest it and show three answers; what `make demo` runs.

    Writes yesterday into the landing zone unless it holds a day already, so a second run is quick
    and changes nothing.

    [bold]Example[/bold]

    fastfeast demo
    """
    from fastfeast_assets.settings import load_settings

    settings = load_settings()
    close_files()
    started = time.perf_counter()
    day = _simulated(settings)
    out = stdout()
    if day is None:
        out.print(f"Using the files in {plain(settings.landing)}.", markup=False, soft_wrap=True)
    else:
        out.print(f"Simulated {day} in {plain(settings.landing)}.", markup=False, soft_wrap=True)
        # Written by this process and complete: there is nothing to wait for.
        settings = settings.model_copy(update={"settle_seconds": 0.0})
    report = run_ingest(settings)
    if not report.lines:
        out.print("Everything was loaded before; nothing has changed.")
    _print_warehouse(settings)
    if not report.summary.is_success:
        report.print(stderr(), settings.landing)
        raise typer.Exit(report.exit_code)
    out.print(f"Done in {time.perf_counter() - started:.0f} s. Where to look next:", style="bold")
    activate = Path(sys.executable).with_name("activate")
    on_path = ("source " + os.path.relpath(activate), "puts `fastfeast` on your path")
    steps = WHERE_NEXT if IS_WHEEL else (*WHERE_NEXT, DICTIONARY)
    if shutil.which("fastfeast") is None:
        steps = (on_path, *steps)
    for command, purpose in steps:
        out.print(f"  {command:<34} {purpose}", markup=False, soft_wrap=True)


def _simulated(settings: Settings) -> date | None:
    """Make sure that there is a day, with a bar while it is written."""
    from fastfeast_assets.commands.demo_day import ensure_day

    columns = (
        bars.SpinnerColumn(),
        bars.TextColumn("Simulating {task.description}", markup=False),
        bars.BarColumn(bar_width=24),
        bars.TimeElapsedColumn(),
    )
    console = stderr()
    with bars.Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as display:
        task = display.add_task("a day", total=None)

        def show(step: Progress) -> None:
            display.update(
                task,
                description=step.description,
                completed=step.orders_done,
                total=step.orders_total,
            )

        return ensure_day(settings, show)


def _print_warehouse(settings: Settings) -> None:
    from fastfeast_assets.commands.answers import print_answers
    from fastfeast_assets.commands.context import has_table
    from fastfeast_assets.commands.source_table import lines_of_ledger, source_table
    from fastfeast_assets.warehouse import Warehouse

    out = stdout()
    with closing(Warehouse(settings).connect(autocommit=True)) as connection:
        lines = lines_of_ledger(connection)
        if lines:
            out.print(source_table("What the warehouse holds", lines))
        if has_table(connection, "analytics.sla_compliance_by_agent_day"):
            print_answers(connection, out)
