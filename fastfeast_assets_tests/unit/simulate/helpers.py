"""Simulating into a temporary landing zone and reading it back without the simulator's code."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from fastfeast_assets.simulate import DirtRates, SimulationPlan, SimulationReport, simulate_days

DAY = date(2026, 11, 20)
NEXT_DAY = date(2026, 11, 21)
CLEAN = DirtRates().scaled(0)
Row = dict[str, Any]
Rows = list[Row]


def simulated(out: Path, **parameters: Any) -> SimulationReport:
    """Simulates hours 11 and 12 of a small company's day unless told otherwise."""
    defaults: dict[str, Any] = {
        "start": DAY,
        "hours": (11, 12),
        "orders_per_hour": 300,
        "is_flat": True,
        "customers": 60,
        "drivers": 20,
        "restaurants": 12,
        "agents": 9,
    }
    return simulate_days(SimulationPlan(out=out, **defaults | parameters))


def contents(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
    }


def read_rows(path: Path, parse_constant: Callable[[str], Any] = float) -> Rows:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        loaded: Rows = json.loads(text, parse_constant=parse_constant)
        return loaded
    return list(csv.DictReader(text.splitlines(keepends=True), strict=True))


def stream_rows(out: Path, source: str, day: date = DAY) -> Rows:
    """Rows of a stream source in all hours of a day, in the order of the hours."""
    folders = sorted((out / "stream" / str(day)).iterdir())
    return [
        row for folder in folders for path in folder.glob(f"{source}.*") for row in read_rows(path)
    ]
