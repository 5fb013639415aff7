"""Where the files are, what form they have, and that they appear only when complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fastfeast_assets.simulate import Progress, SimulationPlan, hour, simulate_days
from fastfeast_assets.simulate.snapshot import BATCH_SOURCES
from fastfeast_assets.simulate.tickets import TICKET_COLUMNS
from fastfeast_assets_tests.unit.simulate.helpers import CLEAN, DAY, contents, read_rows, simulated

STREAMS = {"orders.json", "tickets.csv", "ticket_events.json"}


def test_the_landing_layout(tmp_path: Path) -> None:
    report = simulated(tmp_path, hours=(8, 23))
    batch = {f"{s}.{'json' if s in ('cities', 'restaurants') else 'csv'}" for s in BATCH_SOURCES}
    assert set(contents(tmp_path)) == (
        {f"master/{source}.csv" for source in BATCH_SOURCES}
        | {f"batch/{DAY}/{name}" for name in batch}
        | {f"stream/{DAY}/{hour}/{name}" for hour in ("08", "23") for name in STREAMS}
    )
    assert len(BATCH_SOURCES) == 13
    assert {file.path for file in report.files} == set(contents(tmp_path))


def test_the_report_counts_rows_and_bytes(tmp_path: Path) -> None:
    report = simulated(tmp_path)
    for file in report.files:
        path = tmp_path / file.path
        assert (file.rows, file.bytes) == (len(read_rows(path)), path.stat().st_size)
    assert report.rows == sum(file.rows for file in report.files)


def test_clean_json_is_strict_json(tmp_path: Path) -> None:
    def refuse(token: str) -> None:
        raise AssertionError(f"bare {token}")

    simulated(tmp_path, dirt=CLEAN)
    for path in tmp_path.rglob("*.json"):
        assert isinstance(json.loads(path.read_text("utf-8"), parse_constant=refuse), list)


def test_an_hour_without_orders_has_three_empty_files(tmp_path: Path) -> None:
    report = simulated(tmp_path, orders_per_hour=0, hours=(3,))
    folder = tmp_path / f"stream/{DAY}/03"
    assert json.loads((folder / "orders.json").read_text()) == []
    assert json.loads((folder / "ticket_events.json").read_text()) == []
    assert (folder / "tickets.csv").read_text() == ",".join(TICKET_COLUMNS) + "\n"
    assert all(file.rows == 0 for file in report.files if file.path.startswith("stream"))


def test_master_files_are_written_once_unless_asked(tmp_path: Path) -> None:
    simulated(tmp_path)
    customers = tmp_path / "master/customers.csv"
    customers.write_text("kept")
    (tmp_path / "master/agents.csv").unlink()
    again = simulated(tmp_path)
    assert [f.path for f in again.files if f.path.startswith("master")] == ["master/agents.csv"]
    assert customers.read_text() == "kept"
    simulated(tmp_path, write_master=True)
    assert customers.read_text() != "kept"


def test_no_master(tmp_path: Path) -> None:
    simulated(tmp_path, write_master=False)
    assert not (tmp_path / "master").exists()


def test_an_error_leaves_no_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(hour, "make_chunk", fail)
    with pytest.raises(OSError, match="disk full"):
        simulated(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]
    assert not list(tmp_path.glob("stream/*/*/*"))


def test_files_are_renamed_into_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that looks at any moment sees either no file or the whole one."""
    plan = SimulationPlan(out=tmp_path, start=DAY, hours=(12,), orders_per_hour=20)
    seen: list[set[str]] = []

    def look(_: Progress) -> None:
        names = {path.name for path in (tmp_path / f"stream/{DAY}").glob("12/*")}
        seen.append({name for name in names if not name.startswith(".")})

    simulate_days(plan, look)
    assert all(names == set() for names in seen)
    assert {path.name for path in (tmp_path / f"stream/{DAY}/12").iterdir()} == STREAMS


def test_progress_reaches_its_total(tmp_path: Path) -> None:
    steps: list[Progress] = []
    simulate_days(SimulationPlan(out=tmp_path, start=DAY, orders_per_hour=20), steps.append)
    done = [step.orders_done for step in steps]
    assert done == sorted(done)
    assert done[-1] == steps[-1].orders_total > 0
    assert steps[0].description == "master"
