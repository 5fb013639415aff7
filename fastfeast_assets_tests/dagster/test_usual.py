"""Volume and duration beside the table's own history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from fastfeast_assets.assets.markdown import bar_chart
from fastfeast_assets.assets.recent_rows import PARTITIONS_SHOWN, recent_rows
from fastfeast_assets.checks.usual import Comparison, compare, usual_check_results
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing.discover import LandingFile
from fastfeast_assets.ingest.landing.local_root import LocalPath
from fastfeast_assets.warehouse import Warehouse, ledger
from fastfeast_assets.warehouse.load import FileReport

START = date(2020, 1, 1)
MONTH = [1000, 1010, 990, 1040, 960, 1005, 995, 1020, 980, 1000, 1015, 985, 1000, 1030, 970]


def comparison(
    rows: int, before: Sequence[int], seconds: float = 1.0, usual: float = 1.0
) -> Comparison:
    return Comparison("a.json", rows, seconds, before, [usual] * len(before))


def results(*comparisons: Comparison) -> dict[str | None, dg.AssetCheckResult]:
    return {result.check_name: result for result in usual_check_results(comparisons)}


@pytest.mark.parametrize(
    ("rows", "before", "is_usual"),
    [
        (1000, MONTH, True),
        (1400, MONTH, True),
        (5000, MONTH, False),
        (0, MONTH, False),
        (450, MONTH, False),
        (5000, MONTH[:4], True),
        (0, [], True),
        (12, [3, 1, 0, 2, 4, 1], True),
        (60, [3, 1, 0, 2, 4, 1], False),
        (0, [0] * 10, True),
    ],
    ids=[
        "as ever", "a good day", "a spike", "drop to zero", "a half", "a spike, few loads known",
        "the first load", "small numbers vary", "small numbers, a spike", "always empty",
    ],
)  # fmt: skip
def test_volume(rows: int, before: list[int], is_usual: bool) -> None:
    assert comparison(rows, before).has_usual_volume is is_usual


def test_one_holiday_or_one_spike_moves_nothing() -> None:
    with_holiday = [*MONTH, 0, 20_000]
    assert comparison(1000, with_holiday).has_usual_volume
    assert not comparison(100, with_holiday).has_usual_volume


def test_unusual_volume_warns_and_names_the_file() -> None:
    result = results(comparison(0, MONTH))["usual_volume"]
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    unusual = result.metadata["unusual"].value
    assert unusual == ["a.json: 0 rows in 1.0 s, usually 1000 rows in 1.0 s"]


@pytest.mark.parametrize(
    ("rows", "seconds", "is_usual"),
    [
        (1000, 4.9, True),
        (1000, 14.0, True),
        (1000, 16.0, False),
        (3000, 44.0, True),
        (0, 20.0, False),
    ],
    ids=["too quick to matter", "slow", "too slow", "as slow as it is large", "slow for nothing"],
)
def test_duration_goes_by_the_row(rows: int, seconds: float, is_usual: bool) -> None:
    assert comparison(rows, MONTH, seconds, usual=5.0).has_usual_duration is is_usual


def logged(
    warehouse: Warehouse, contract: Contract, loads: Sequence[tuple[datetime, int]]
) -> list[int]:
    """The ledger after loads of so many rows, a fifth of them refused."""
    ids = []
    with warehouse.connect(autocommit=True) as connection:
        for at, rows in loads:
            path = f"stream/{at:%Y-%m-%d/%H}/orders.json"
            key = f"{at:%Y-%m-%d-%H:%M}"
            file = LandingFile("orders", LocalPath(path), path, key, at, 1, 1, "1", is_master=False)
            outcome = ledger.Outcome(
                "success", "h", total=rows, valid=rows - rows // 5, quarantined=rows // 5, seconds=1
            )
            log_id = ledger.write(connection, contract, file, outcome, run_id="test")
            ledger.complete(connection, log_id, outcome)
            ids.append(log_id)
    return ids


def test_an_hour_is_compared_with_that_hour_of_earlier_days(
    warehouse: Warehouse, contracts: Mapping[str, Contract]
) -> None:
    """Nights are quiet, noons are not; later days and master files are not looked at."""
    orders, noon = contracts["orders"], datetime.fromisoformat("2026-11-10 12:00")
    days = [noon + timedelta(days=n) for n in range(8)]
    loads = [(day, 1000) for day in days] + [(day.replace(hour=3), 10) for day in days]
    *_, own = logged(
        warehouse,
        orders,
        [
            *loads,
            (noon + timedelta(days=20), 1),
            (datetime.fromisoformat("2020-01-01"), 9),
            (days[-1], 10),
        ],
    )
    report = FileReport("orders", "a.json", "2026-11-17-12:00", "success", own, total=10)
    with warehouse.connect() as connection:
        (found,) = compare(connection, [report], orders, START)
        (alone,) = compare(connection, [report], orders, date(2026, 12, 1))
    assert found.usual_rows == [1000] * 7
    assert not found.has_usual_volume
    assert alone.usual_rows == []


def test_the_picture_shows_the_last_partitions_by_time_not_by_load(
    warehouse: Warehouse, contracts: Mapping[str, Contract]
) -> None:
    """A backfill of old hours does not push the present out of the picture."""
    orders, now = contracts["orders"], datetime.fromisoformat("2026-11-20 23:00")
    recent = [(now - timedelta(hours=n), 100) for n in range(40)]
    old = [(now - timedelta(days=300, hours=n), 7) for n in range(24)]
    logged(warehouse, orders, [*recent, *old])
    with warehouse.connect() as connection:
        found = recent_rows(connection, orders)
        assert recent_rows(connection, contracts["tickets"]) == {}
    page: Any = found["recent_partitions"].value
    picture, table = page.split("\n\n")
    assert picture.startswith("![rows of the last partitions](data:image/svg+xml;base64,")
    lines = table.splitlines()
    assert len(lines) == 2 + PARTITIONS_SHOWN
    assert lines[2] == "| 11-20 23:00 | 80 | 0 | 20 | ████████████████████ |"
    assert found["newest_partition_rows_loaded"] == 80
    assert found["newest_partition_rows_quarantined"] == 20


def test_a_chart_of_nothing_is_drawn() -> None:
    assert "at most" not in bar_chart([("today", 0, 0, 0)]), "the text is inside the picture"
