"""Tables and pictures for metadata, as Dagster's UI shows them: Markdown."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence

# Bars of the picture, in a view of so many units.
WIDTH, HEIGHT, AXIS, WIDEST = 600, 120, 16, 40
LOADED, REFUSED, WAITING = "#2f6fde", "#d9503f", "#e0a22b"
# Of the table beneath, which needs no picture.
BLOCK, BLOCKS = "█", 20
# What no reader of Markdown takes for markup or, as it does `www.a.example`, for an address.
PLAIN = re.compile(r"(?:[\w ,%/+=()█-]|(?<=\d)[.:](?=\d)|[.:](?!\S))*")


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as a table, each cell as it is.

    A bar or a line break does not break a cell, and nothing in it is taken for a link, a picture or
    markup: the browser of whoever looks at it would fetch that. Such a cell is shown as code.
    """
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(str(value).splitlines())
    if PLAIN.fullmatch(text) and "__" not in text:
        return text
    # Bars end a cell also within code; a backslash before one would end its escape.
    text = text.replace("\\|", "\\¦").replace("|", "\\|")
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}"


def bar_chart(bars: Sequence[tuple[str, int, int, int]]) -> str:
    """Stacked bars as a Markdown image, complete in itself, and the same as a table.

    Args:
        bars: Label, rows loaded, rows refused and rows that wait, each a bar from left to right;
            at least one.
    """
    highest = max(loaded + refused for _, loaded, refused, _ in bars) or 1
    step = min(WIDTH / len(bars), WIDEST)
    paths = {WAITING: "", LOADED: "", REFUSED: ""}
    for number, (_, loaded, refused, waiting) in enumerate(bars):
        base = float(HEIGHT)
        parts = ((LOADED, loaded - waiting), (WAITING, waiting), (REFUSED, refused))
        for color, rows in parts:
            size = rows / highest * (HEIGHT - AXIS)
            base -= size
            if rows > 0:
                paths[color] += (
                    f"M{number * step:.1f} {base:.1f}h{step * 0.8:.1f}v{max(size, 1):.1f}"
                    f"h-{step * 0.8:.1f}z"
                )
    shapes = "".join(f'<path fill="{color}" d="{path}"/>' for color, path in paths.items())
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}">{shapes}<text x="0" y="10" font-family="sans-serif"'
        f' font-size="10" fill="#777">at most {highest} rows; blue loaded, yellow waiting,'
        " red refused</text></svg>"
    )
    encoded = base64.b64encode(picture.encode()).decode()
    lines = [
        (label, loaded, waiting, refused, BLOCK * round(BLOCKS * (loaded + refused) / highest))
        for label, loaded, refused, waiting in reversed(bars)
    ]
    table = markdown_table(("partition", "loaded", "of it waiting", "refused", ""), lines)
    return f"![rows of the last partitions](data:image/svg+xml;base64,{encoded})\n\n{table}"
