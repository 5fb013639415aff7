"""Members: newcomers are listed a day late, attributes drift, names need escaping."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fastfeast_assets_tests.unit.simulate.helpers import (
    CLEAN,
    DAY,
    NEXT_DAY,
    Row,
    read_rows,
    simulated,
    stream_rows,
)


def snapshot(out: Path, source: str, day: object) -> dict[int, Row]:
    (path,) = (out / f"batch/{day}").glob(f"{source}.*")
    rows = read_rows(path)
    key = next(iter(rows[0]))
    return {int(row[key]): row for row in rows}


def test_newcomers_order_today_and_are_listed_tomorrow(tmp_path: Path) -> None:
    simulated(tmp_path, days=2, dirt=CLEAN, late_rate=0.2, hours=(20, 21))
    for source, key in (("customers", "customer_id"), ("drivers", "driver_id")):
        today, tomorrow = (snapshot(tmp_path, source, day) for day in (DAY, NEXT_DAY))
        seen = {row[key] for row in stream_rows(tmp_path, "orders")}
        newcomers = seen - today.keys()
        assert newcomers
        assert newcomers <= tomorrow.keys()
        assert today.keys() < tomorrow.keys()


def test_a_newcomer_does_not_order_before_joining(tmp_path: Path) -> None:
    simulated(tmp_path, dirt=CLEAN, late_rate=1.0, hours=(0, 23), late_customers=4)
    first, last = (
        {row["customer_id"] for row in read_rows(tmp_path / f"stream/{DAY}/{hour}/orders.json")}
        for hour in ("00", "23")
    )
    assert {number for number in first if number > 60} == {61}
    assert {number for number in last if number > 60} == {61, 62, 63, 64}


def test_no_newcomers_without_late_members(tmp_path: Path) -> None:
    simulated(tmp_path, dirt=CLEAN, late_rate=1.0, late_customers=0, late_drivers=0)
    assert max(row["customer_id"] for row in stream_rows(tmp_path, "orders")) <= 60


def test_snapshots_drift_a_little(tmp_path: Path) -> None:
    simulated(tmp_path, days=3, dirt=CLEAN, hours=(), customers=2000)
    days = [DAY + timedelta(days=offset) for offset in range(3)]
    for source, column, most in (
        ("customers", "phone", 0.05),
        ("customers", "segment_id", 0.05),
        ("restaurants", "rating_avg", 0.9),
        ("drivers", "completed_deliveries", 0.9),
    ):
        changed = 0
        before = snapshot(tmp_path, source, days[0])
        for day in days[1:]:
            after = snapshot(tmp_path, source, day)
            changed += sum(row[column] != after[key][column] for key, row in before.items())
            before = after
        assert 0 < changed < 2 * most * len(before), (source, column)


def test_only_the_export_time_changes_for_most_customers(tmp_path: Path) -> None:
    simulated(tmp_path, days=2, dirt=CLEAN, hours=())
    today, tomorrow = (snapshot(tmp_path, "customers", day) for day in (DAY, NEXT_DAY))
    assert all(row["updated_at"] != tomorrow[key]["updated_at"] for key, row in today.items())
    same = [
        key
        for key, row in today.items()
        if row | {"updated_at": ""} == tomorrow[key] | {"updated_at": ""}
    ]
    assert len(same) > 0.9 * len(today)


def test_master_is_the_first_day(tmp_path: Path) -> None:
    simulated(tmp_path, dirt=CLEAN, days=2, hours=())
    master = {int(r["customer_id"]): r for r in read_rows(tmp_path / "master/customers.csv")}
    assert master == snapshot(tmp_path, "customers", DAY)


def test_names_with_quotes_commas_and_arabic_survive(tmp_path: Path) -> None:
    simulated(tmp_path, dirt=CLEAN, restaurants=80)
    master = [row["restaurant_name"] for row in read_rows(tmp_path / "master/restaurants.csv")]
    daily = snapshot(tmp_path, "restaurants", DAY)
    assert master == [row["restaurant_name"] for row in daily.values()]
    assert any('"' in name for name in master)
    assert any("," in name for name in master)
    assert any("بيت" in name for name in master)


def test_the_sizes_are_those_of_the_plan(tmp_path: Path) -> None:
    simulated(tmp_path, dirt=CLEAN)
    sizes = {"customers": 60, "drivers": 20, "restaurants": 12, "agents": 9}
    assert sizes == {source: len(snapshot(tmp_path, source, DAY)) for source in sizes}
