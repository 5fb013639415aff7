"""Measure reading texts of several forms beside texts of half their size, in one run.

Prints seconds of the processor and the ratio: 2 is linear, 4 would be quadratic. Nothing is judged
or stored.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.read.csv_reader import CsvReader
from fastfeast_assets.ingest.read.json_reader import JsonReader

CHUNK_ROWS = 50_000
TEAMS = load_contracts()["teams"].columns
ROW = {"team_id": 1, "team_name": "Team of the night in Maadi"}
OBJECT = json.dumps(ROW)

FORMS: dict[str, Callable[[int], str]] = {
    "JSON array": lambda size: f"[{OBJECT}{(', ' + OBJECT) * (size // (len(OBJECT) + 2))}]",
    "JSON lines, every other one bad": lambda size: (
        f"{OBJECT}\n{{{OBJECT}\n" * (size // (2 * len(OBJECT) + 3)) + OBJECT
    ),
    "one wide JSON object": lambda size: f"[{OBJECT}, {{{names(size)}}}]",
    "one wide JSON object, a key repeated": lambda size: (
        f'[{OBJECT}, {{"n": 1, {names(size)}, "n": 2}}]'
    ),
    "one deep JSON object": lambda size: (
        f'[{OBJECT}, {{"x": {"[" * (size // 2)}{"]" * (size // 2)}}}]'
    ),
    "CSV": lambda size: "team_id,team_name\n" + "1,Team of the night in Maadi\n" * (size // 29),
    "CSV, every other quote bad": lambda size: (
        "team_id,team_name\n" + '1,"Team" of the night\n2,"Maadi"\n' * (size // 35)
    ),
    "CSV of many columns": lambda size: f"team_id,team_name{',c' * (size // 2)}\n",
}


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=16, help="of the larger texts")
    size = parser.parse_args().megabytes * 1_000_000
    for form, text in FORMS.items():
        half, whole = seconds_of(form, text(size // 2)), seconds_of(form, text(size))
        print(f"{form}: {half:.2f} s, {whole:.2f} s, ratio {whole / half:.1f}")  # noqa: T201


def seconds_of(form: str, text: str) -> float:
    """Seconds to read a text to its end, or to refuse it."""
    source = io.StringIO(text, newline="")
    reader: CsvReader | JsonReader = (
        CsvReader(source, TEAMS, CHUNK_ROWS)
        if form.startswith("CSV")
        else JsonReader(source, [column.name for column in TEAMS], CHUNK_ROWS)
    )
    started = time.process_time()
    try:
        for _ in reader.chunks():
            pass
    except FileRejectedError as error:
        print(f"{form}: {error}")  # noqa: T201
    return time.process_time() - started


def names(size: int) -> str:
    """About that many characters of members of an object, all named otherwise."""
    return ", ".join(f'"n{number:07}": 0' for number in range(size // 15))


if __name__ == "__main__":
    main()
