"""A plan that makes no sense is refused with a text that says why."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fastfeast_assets.simulate import PlanError, SimulationPlan, parse_hours
from fastfeast_assets_tests.unit.simulate.helpers import DAY


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("8", (8,)),
        ("8-10", (8, 9, 10)),
        ("23,0, 8 - 9,8", (0, 8, 9, 23)),
        ("0-23", tuple(range(24))),
        ("07", (7,)),
    ],
)
def test_hours_are_read(text: str, hours: tuple[int, ...]) -> None:
    assert parse_hours(text) == hours


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("25", "hours go from 0 to 23, not 25"),
        ("20-24", "hours go from 0 to 23, not 24"),
        ("9-8", "'9-8' runs backwards"),
        ("noon", "'noon' is no hour"),
        ("", "'' is no hour"),
        ("8-", "'8-' is no hour"),
        ("-1", "'-1' is no hour"),
        ("8,,9", "'' is no hour"),
        ("²", "is no hour"),
    ],
)
def test_bad_hours_are_refused(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        parse_hours(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"days": 0}, "days is 1 or more, not 0"),
        ({"start": date(2019, 12, 31)}, "lie between 2020-01-01 and 2098-12-31"),
        ({"start": date(2098, 12, 31), "days": 2}, "lie between"),
        ({"since": date(2026, 11, 21)}, "is not after the first day"),
        ({"since": date(2019, 1, 1)}, "since is 2020-01-01 or later"),
        ({"hours": (24,)}, "hours go from 0 to 23, not 24"),
        ({"hours": (8, 8)}, "named twice"),
        ({"customers": 0}, "customers goes from 1"),
        ({"late_drivers": -1}, "late_drivers goes from 0"),
        ({"orders_per_hour": -1}, "orders_per_hour goes from 0"),
        ({"seed": -1}, "seed goes from 0"),
        ({"ticket_rate": 1.5}, "rate of tickets is a share from 0 to 1, not 1.5"),
        ({"update_rate": float("nan")}, "rate of updates is a share"),
    ],
    ids=str,
)
def test_bad_plans_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    defaults: dict[str, Any] = {"out": tmp_path, "start": DAY}
    with pytest.raises(PlanError, match=message):
        SimulationPlan(**defaults | change)
