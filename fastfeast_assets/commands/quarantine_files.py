"""Quarantined rows as CSV or NDJSON, row by row, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from fastfeast_assets.commands.errors import USAGE, CommandError
from fastfeast_assets.commands.quarantine_options import Format
from fastfeast_assets.commands.quarantine_rows import COLUMNS, Row

# A spreadsheet takes a cell that begins with one of these for a formula. Source: OWASP, "CSV
# Injection"; the last four are the full-width forms of the first four.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def format_of(target: str, given: Format | None) -> Format:
    """The form of an export: what was asked for, else what the name says; CSV for stdout.

    Raises:
        CommandError: The name says neither.
    """
    if given is not None:
        return given
    if target == "-":
        return Format.CSV
    suffix = Path(target).suffix.lower().removeprefix(".")
    if suffix not in tuple(Format):
        raise CommandError(
            f"{target} is neither a .csv nor a .ndjson file",
            next_step="name the file so, or say --format csv or --format ndjson",
            exit_code=USAGE,
        )
    return Format(suffix)


def write(rows: Iterable[Row], out: TextIO, kind: Format) -> int:
    """Write rows.

    Returns:
        Their number.
    """
    return _write_csv(rows, out) if kind is Format.CSV else _write_ndjson(rows, out)


def _write_csv(rows: Iterable[Row], out: TextIO) -> int:
    # The writer quotes a line break in a cell only if its own line ends hold that character.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    written = 0
    for row in rows:
        writer.writerow([safe_cell(row[name]) for name in COLUMNS])
        written += 1
    return written


def _write_ndjson(rows: Iterable[Row], out: TextIO) -> int:
    written = 0
    for row in rows:
        out.write(json.dumps(row, default=_json, ensure_ascii=False) + "\n")
        written += 1
    return written


def safe_cell(value: object) -> str:
    """A value as the text of a CSV cell that no spreadsheet takes for a formula.

    >>> safe_cell("=1+1")
    "'=1+1"
    """
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@contextmanager
def new_file(target: Path, *, is_overwriting: bool) -> Iterator[TextIO]:
    """A text file that appears under its name when it is complete, or not at all.

    Only its owner may read it.

    Raises:
        CommandError: It exists and may not be overwritten.
    """
    if target.exists() and not is_overwriting:
        raise CommandError(
            f"{target} exists", next_step="choose another name or add --force", exit_code=USAGE
        )
    if not target.parent.is_dir():
        raise CommandError(
            f"the directory {target.parent} does not exist",
            next_step="make it first",
            exit_code=USAGE,
        )
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as out:
            yield out
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
