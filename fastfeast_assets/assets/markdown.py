"""Tables and pictures for metadata, as Dagster's UI shows them: Markdown."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

# Bars of the picture, in a view of so many units.
WIDTH, HEIGHT, AXIS = 600, 120, 16
LOADED, REFUSED, WAITING = "#2f6fde", "#d9503f", "#e0a22b"


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as a table; a bar or a line break in a cell does not break it."""
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("\r", " ")


def bar_chart(bars: Sequence[tuple[str, int, int, int]]) -> str:
    """A picture of stacked bars as a Markdown image, complete in itself.

    Args:
        bars: Label, rows loaded, rows refused and rows that wait, each a bar from left to right.
    """
    highest = max((loaded + refused for _, loaded, refused, _ in bars), default=0) or 1
    step = WIDTH / max(len(bars), 1)
    shapes: list[str] = []
    for number, (label, loaded, refused, waiting) in enumerate(bars):
        title = escape(f"{label}: {loaded} loaded, {refused} refused, {waiting} waiting")
        parts = ((LOADED, loaded - waiting), (WAITING, waiting), (REFUSED, refused))
        left, base = number * step, float(HEIGHT)
        for color, rows in parts:
            size = rows / highest * (HEIGHT - AXIS)
            base -= size
            if rows > 0:
                shapes.append(
                    f'<rect x="{left:.1f}" y="{base:.1f}" width="{step * 0.8:.1f}"'
                    f' height="{max(size, 1):.1f}" fill="{color}"><title>{title}</title></rect>'
                )
    first, last = (escape(bars[0][0]), escape(bars[-1][0])) if bars else ("", "")
    text = 'font-family="sans-serif" font-size="10" fill="#777"'
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + AXIS}"'
        f' width="{WIDTH}" height="{HEIGHT + AXIS}">{"".join(shapes)}'
        f'<text x="0" y="10" {text}>at most {highest} rows; blue loaded, yellow waiting,'
        f" red refused</text>"
        f'<text x="0" y="{HEIGHT + 12}" {text}>{first}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT + 12}" text-anchor="end" {text}>{last}</text></svg>'
    )
    encoded = base64.b64encode(picture.encode()).decode()
    return f"![rows of the last partitions](data:image/svg+xml;base64,{encoded})"
