"""The simulated day of `fastfeast demo`: made once, found again afterwards."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastfeast_assets.settings import Settings
    from fastfeast_assets.simulate import Progress

MARKER = "demo.json"


def ensure_day(settings: Settings, on_progress: Callable[[Progress], None]) -> date | None:
    """Write yesterday into the landing zone, unless it holds a stream day already.

    Of two at once, one writes and the other finds it. A demo that was interrupted while it wrote
    starts again with the same day, and so with the same bytes.

    Returns:
        The day that was written, or None when there was one.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _ensure_day(settings, on_progress)


def _ensure_day(settings: Settings, on_progress: Callable[[Progress], None]) -> date | None:
    day = _interrupted_day(settings)
    if day is None:
        if _has_stream_day(settings.landing_directory):
            return None
        day = datetime.now(settings.zone).date() - timedelta(days=1)
    from fastfeast_assets.simulate import SimulationPlan, simulate_days

    _mark(settings, day, is_complete=False)
    simulate_days(SimulationPlan(out=settings.landing_directory, start=day), on_progress)
    _mark(settings, day, is_complete=True)
    return day


def _has_stream_day(landing: Path) -> bool:
    return any(landing.glob("stream/????-??-??"))


def _marker(settings: Settings) -> Path:
    return settings.home / MARKER


def _interrupted_day(settings: Settings) -> date | None:
    """The day of a demo that did not finish writing into this landing zone."""
    try:
        content = json.loads(_marker(settings).read_text(encoding="utf-8"))
        is_ours = content["landing"] == settings.landing and not content["is_complete"]
        return date.fromisoformat(content["day"]) if is_ours else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _mark(settings: Settings, day: date, *, is_complete: bool) -> None:
    content = {"landing": settings.landing, "day": str(day), "is_complete": is_complete}
    descriptor, fresh = mkstemp(dir=settings.home, prefix=f"{MARKER}.")
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(content) + "\n")
    Path(fresh).replace(_marker(settings))
