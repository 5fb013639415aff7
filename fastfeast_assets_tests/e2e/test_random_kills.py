"""Kills of `ingest` at random moments: the state in the end is that of an undisturbed run.

`FASTFEAST_KILLS` says how many; `FASTFEAST_KILLS_SEED` repeats what a failure names.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Literal, get_args

import pytest

from fastfeast_assets_tests.e2e.conftest import COMMAND, Home
from fastfeast_assets_tests.e2e.killing import (
    kept_small_days,
    kill_family,
    kill_server,
    land,
    open_runs,
)

Victim = Literal["command", "command and children", "server", "everything"]

KILLS = int(os.environ.get("FASTFEAST_KILLS", "25"))
SEED = int(os.environ.get("FASTFEAST_KILLS_SEED", random.SystemRandom().randrange(10**6)))
SECONDS_A_KILL = 120
START = date(2026, 11, 18)


def start_ingest(home: Home) -> subprocess.Popen[str]:
    """Start `fastfeast ingest` in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "ingest"],
        env=home.environment,
        cwd=home.project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kill(home: Home, victim: Victim, process: subprocess.Popen[str]) -> None:
    """Kill it, if it is still there."""
    if victim in ("command and children", "everything") and process.poll() is None:
        kill_family(process.pid)
    if victim == "command" and process.poll() is None:
        process.send_signal(signal.SIGKILL)
    if victim in ("server", "everything"):
        kill_server(home)


def ended_well(process: subprocess.Popen[str], moment: str) -> None:
    """A command that was not killed itself says what happened in a sentence."""
    _, err = process.communicate(timeout=600)
    assert "Traceback" not in err, f"{moment}\n{err}"
    assert "did not start" not in err, f"{moment}\n{err}"
    assert process.returncode in (0, 1, -signal.SIGKILL), f"{moment}\n{err}"
    assert process.returncode == 0 or process.returncode < 0 or err, moment


@pytest.mark.kill
@pytest.mark.timeout(600 + SECONDS_A_KILL * KILLS)
def test_random_kills_leave_the_state_of_an_undisturbed_run(new_home: Callable[..., Home]) -> None:
    chance = random.Random(SEED)  # noqa: S311
    home, undisturbed = new_home(), new_home()
    days = 1 + KILLS // 24
    stored, hours = kept_small_days(home, undisturbed, start=START, days=days, seed=SEED)
    land(stored, home.landing, hours.pop(0))
    started = time.monotonic()
    home.run("ingest")
    seconds = time.monotonic() - started

    victims = [get_args(Victim)[number % len(get_args(Victim))] for number in range(KILLS)]
    chance.shuffle(victims)
    for number, victim in enumerate(victims):
        land(stored, home.landing, hours.pop(0))
        wait = chance.uniform(0.0, seconds)
        moment = f"seed {SEED}, kill {number}: {victim} after {wait:.2f} of {seconds:.2f} s"
        process = start_ingest(home)
        try:
            process.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            kill(home, victim, process)
        ended_well(process, moment)
    for left in hours:
        land(stored, home.landing, left)
    home.run("ingest")
    assert home.marts() == undisturbed.marts(), f"seed {SEED}"
    assert open_runs(home) == [], f"seed {SEED}"
    assert "Nothing pending" in home.run("ingest")
