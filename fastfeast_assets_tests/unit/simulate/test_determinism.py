"""The same plan writes the same bytes, whatever else is written with it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from fastfeast_assets.simulate import DirtRates, SimulationPlan, demand
from fastfeast_assets_tests.unit.simulate.helpers import (
    CLEAN,
    DAY,
    NEXT_DAY,
    contents,
    simulated,
    stream_rows,
)

GOLDEN = {
    "stream/2026-11-20/12/orders.json": "6da052fbdcc67c3e",
    "stream/2026-11-20/12/tickets.csv": "96f107c36899438d",
    "stream/2026-11-20/12/ticket_events.json": "0ab4b4568681c37d",
    "batch/2026-11-20/customers.csv": "27ac6c45fd2dc639",
    "batch/2026-11-20/restaurants.json": "fdfa276e1978d92b",
    "master/drivers.csv": "9f3b92b16ae3b732",
}


def test_same_plan_same_bytes(tmp_path: Path) -> None:
    first = simulated(tmp_path / "a", update_rate=0.2)
    second = simulated(tmp_path / "b", update_rate=0.2)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert first.files == second.files


def test_another_seed_writes_other_streams_and_members(tmp_path: Path) -> None:
    simulated(tmp_path / "a", seed=1)
    simulated(tmp_path / "b", seed=2)
    ours, theirs = contents(tmp_path / "a"), contents(tmp_path / "b")
    changing = (
        "orders",
        "tickets",
        "ticket_events",
        "customers",
        "drivers",
        "restaurants",
        "agents",
    )
    for path in ours:
        assert (ours[path] != theirs[path]) == (Path(path).stem in changing), path


@pytest.mark.parametrize("update_rate", [0.0, 0.3])
def test_an_hour_does_not_depend_on_the_other_hours(tmp_path: Path, update_rate: float) -> None:
    simulated(tmp_path / "all", hours=(9, 10, 11, 12), update_rate=update_rate)
    simulated(tmp_path / "some", hours=(12, 10), update_rate=update_rate)
    everything, some = contents(tmp_path / "all"), contents(tmp_path / "some")
    assert some == {path: everything[path] for path in some}
    assert len(everything) == len(some) + 2 * 3


def test_the_next_day_alone_is_the_second_of_two_days(tmp_path: Path) -> None:
    simulated(tmp_path / "both", days=2)
    simulated(tmp_path / "second", start=NEXT_DAY, since=DAY)
    both, second = contents(tmp_path / "both"), contents(tmp_path / "second")
    assert second == {path: both[path] for path in second}


def test_writing_again_changes_no_byte(tmp_path: Path) -> None:
    simulated(tmp_path)
    before = contents(tmp_path)
    simulated(tmp_path)
    assert contents(tmp_path) == before


def test_chunks_join_to_one_file_without_repeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demand, "CHUNK_ORDERS", 40)
    simulated(tmp_path, dirt=CLEAN)
    for source, key in (("orders", "order_id"), ("tickets", "ticket_id")):
        keys = [row[key] for row in stream_rows(tmp_path, source)]
        assert len(keys) == len(set(keys)) == {"orders": 600, "tickets": len(keys)}[source]


def test_a_seed_means_the_same_on_every_machine(tmp_path: Path) -> None:
    """Whoever changes these digests changes every simulated day; the changelog must say so."""
    simulated(tmp_path, update_rate=0.2)
    digests = {
        path: hashlib.sha256(content).hexdigest()[:16]
        for path, content in contents(tmp_path).items()
    }
    assert {path: digests[path] for path in GOLDEN} == GOLDEN


@pytest.mark.parametrize(
    "change",
    [
        {"late_rate": 0.0},
        {"dirt": DirtRates(orphan=0.1)},
        {"orders_per_hour": 299},
    ],
    ids=str,
)
def test_ids_stay_when_other_parameters_change(tmp_path: Path, change: dict[str, Any]) -> None:
    """Changing one thing does not shuffle everything: the daily files of members stay."""
    simulated(tmp_path / "a")
    simulated(tmp_path / "b", **change)
    ours, theirs = contents(tmp_path / "a"), contents(tmp_path / "b")
    path = f"batch/{DAY}/restaurants.json"
    assert ours[path] == theirs[path]


def test_demand_follows_the_hour_unless_flat(tmp_path: Path) -> None:
    plan = SimulationPlan(out=tmp_path, start=DAY, orders_per_hour=1000)
    orders = [demand.orders_in_hour(plan, DAY, hour) for hour in range(24)]
    assert abs(sum(orders) - 24_000) < 1200
    assert orders[20] > 10 * orders[4] > 0
