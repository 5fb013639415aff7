"""How commands write to the terminal: tables and lines for people, JSON for programs.

Belongs here: everything about the look. Texts from files are printed through `plain`, because a
landing file may hold control codes or what Rich takes for markup.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, TextIO

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

# Who reads a pipe has no width: a line of ours is a line there.
WIDTH_WITHOUT_TERMINAL = 1_000_000
MARKS = {"pass": ("green", "pass"), "warn": ("yellow", "warn"), "fail": ("red", "FAIL")}


def stdout(stream: TextIO | None = None) -> Console:
    """A console for results."""
    return _console(stream if stream is not None else sys.stdout)


def stderr(stream: TextIO | None = None) -> Console:
    """A console for progress, hints and errors."""
    return _console(stream if stream is not None else sys.stderr)


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, highlight=False)


def plain(value: object) -> str:
    """A value as one printable line; control and format characters are spelt out."""
    from fastfeast_assets.ingest.landing.shown import printable

    return printable("" if value is None else str(value))


def shortened(value: object, width: int) -> str:
    """A printable line of at most `width` characters."""
    text = plain(value)
    return text if len(text) <= width else text[: width - 1] + "…"


def number(value: float | None) -> str:
    """A count with thousands separated, nothing for none."""
    return "" if value is None else f"{value:,}"


def moment(value: datetime | None) -> str:
    """A moment in the reader's own zone, to the second."""
    return "" if value is None else value.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Iterable[str] = (),
    total: Sequence[object] | None = None,
) -> Table:
    """A table of printable cells.

    Args:
        title: Above the table.
        columns: Headings.
        rows: Cells; None is an empty one.
        right: The headings whose columns hold numbers.
        total: A last row, set apart.
    """
    numeric = set(right)
    result = _Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_header=any(columns),
    )
    for place, name in enumerate(columns):
        is_number = name in numeric
        result.add_column(
            name,
            justify="right" if is_number else "left",
            no_wrap=is_number or place == 0,
            overflow="fold",
        )
    for row in rows:
        result.add_row(*map(_cell, row))
    if total is not None:
        result.add_section()
        result.add_row(*map(_cell, total), style="bold")
    return result


class _Table(Table):
    """A table on a terminal; in a pipe its cells with tabs between them, for other programs."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What is printed."""
        if console.is_terminal:
            yield from super().__rich_console__(console, options)
            return
        heads = [str(column.header) for column in self.columns]
        cells = zip(*(column.cells for column in self.columns), strict=True)
        if self.title:
            yield Segment(f"{self.title}\n")
        for line in (heads, *cells) if self.show_header else cells:
            # Not a text, whose tabs would become spaces.
            yield Segment("\t".join(" ".join(str(cell).split()) for cell in line) + "\n")
        yield Segment("\n")


def _cell(value: object) -> Text:
    if isinstance(value, Text):
        return value
    return Text(number(value) if isinstance(value, int) else plain(value))


def print_json(value: Any) -> None:
    """Write a value as indented JSON, in characters that no terminal misreads."""
    sys.stdout.write(json.dumps(value, indent=2, default=_json) + "\n")


def _json(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)
