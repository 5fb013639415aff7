"""The demo's day is written once; a landing zone that is in use is never written to."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fastfeast_assets import simulate
from fastfeast_assets.commands.demo_day import ensure_day
from fastfeast_assets.settings import Settings
from fastfeast_assets.simulate import Progress, SimulationPlan, SimulationReport
from fastfeast_assets_tests.landing import LandingZone, order
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast


def nothing(progress: Progress) -> None:
    """Nobody watches."""


def files(settings: Settings) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(settings.landing_directory)): (
            path.stat().st_size,
            path.stat().st_mtime_ns,
        )
        for path in settings.landing_directory.rglob("*")
        if path.is_file()
    }


def test_yesterday_is_written_once(settings: Settings) -> None:
    day = ensure_day(settings, nothing)
    assert day == datetime.now(settings.zone).date() - timedelta(days=1)
    written = files(settings)
    assert len([path for path in written if path.startswith("master/")]) == 13
    assert len([path for path in written if path.startswith(f"batch/{day}/")]) == 13
    assert len([path for path in written if path.startswith(f"stream/{day}/")]) == 72

    assert ensure_day(settings, nothing) is None
    assert files(settings) == written


def test_a_landing_zone_in_use_is_left_alone(settings: Settings, landing: LandingZone) -> None:
    landing.stream("orders", order())
    before = files(settings)
    assert ensure_day(settings, nothing) is None
    assert files(settings) == before


def test_an_interrupted_demo_writes_its_day_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day half written must not be taken for a whole one."""
    whole = simulate.simulate_days

    def killed(plan: SimulationPlan, on_progress: object) -> SimulationReport:
        (plan.out / "stream" / str(plan.start)).mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(simulate, "simulate_days", killed)
    with pytest.raises(KeyboardInterrupt):
        ensure_day(settings, nothing)
    monkeypatch.setattr(simulate, "simulate_days", whole)
    assert ensure_day(settings, nothing) is not None
    assert len([path for path in files(settings) if path.startswith("stream/")]) == 72
    assert ensure_day(settings, nothing) is None


def test_simulate_writes_where_the_settings_say(fastfeast: FastFeast, settings: Settings) -> None:
    result = fastfeast("simulate", "--date", "2026-11-20", "--hours", "8")
    assert result.exit_code == 0, result.output
    assert (settings.landing_directory / "stream" / "2026-11-20" / "08" / "orders.json").is_file()


def test_simulate_needs_no_settings(bare: FastFeast, tmp_path: Path) -> None:
    call = ["simulate", "--date", "2026-11-20", "--hours", "8"]
    result = bare(*call, "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "batch" / "2026-11-20").is_dir()
    assert bare(*call).exit_code == 2


def test_simulate_refuses_a_wrong_date(fastfeast: FastFeast) -> None:
    result = fastfeast("simulate", "--date", "yesterday")
    assert result.exit_code == 2
    assert "--date is a day like" in result.stderr
