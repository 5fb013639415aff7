"""The tables that the command prints when it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from rich import box
from rich.table import Table

from fastfeast_assets.simulate.dirt import DirtKind
from fastfeast_assets.simulate.report import FileReport, SimulationReport


def summary(report: SimulationReport, *, is_per_file: bool) -> Table:
    """Returns the table of what was written, a line for each source or file."""
    table = Table(
        title="Written" if report.files else "Nothing written",
        caption="late: waits for tomorrow's members; orphans: their parent never becomes a fact",
    )
    table.add_column("file" if is_per_file else "source", no_wrap=True)
    for heading in ("files", "rows", "to reject", "late", "orphans"):
        table.add_column(heading, justify="right")
    groups: dict[str, list[FileReport]] = {}
    for file in report.files:
        groups.setdefault(file.path if is_per_file else file.source, []).append(file)
    for name, files in groups.items():
        table.add_row(name, *_figures(files))
    table.add_section()
    table.add_row("all", *_figures(report.files))
    return table


def _figures(files: Collection[FileReport]) -> list[str]:
    numbers = (
        len(files),
        sum(file.rows for file in files),
        sum(file.rejected for file in files),
        sum(file.late for file in files),
        sum(file.lasting_orphans for file in files),
    )
    return [f"{number:,}" for number in numbers]


def dirt_summary(report: SimulationReport) -> Table:
    """Returns the table of the damage that was done, a line for each kind."""
    counts: dict[str, Counter[DirtKind]] = {}
    for file in report.files:
        if file.dirt:
            counts.setdefault(file.source, Counter()).update(file.dirt)
    table = Table(
        title="Dirt by kind" if counts else "No dirt", box=box.SIMPLE, padding=(0, 1, 0, 0)
    )
    table.add_column("kind", no_wrap=True)
    for source in counts:
        table.add_column(source.replace("_", " "), justify="right")
    for kind in report.dirt:
        table.add_row(kind, *(f"{each[kind]:,}" if each[kind] else "" for each in counts.values()))
    return table
