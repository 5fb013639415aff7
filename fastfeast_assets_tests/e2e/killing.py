"""Killing what an operator runs, as a power cut or the kernel does: without farewell."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import psutil
import psycopg

from fastfeast_assets.simulate import SimulationPlan, simulate_days
from fastfeast_assets.warehouse.cluster import Cluster
from fastfeast_assets_tests.e2e.conftest import COMMAND, Home
from fastfeast_assets_tests.waiting import free_port, until

START_SECONDS = 180
OPEN = (
    "select run_id, status, pipeline_name from runs"
    " where status not in ('SUCCESS', 'FAILURE', 'CANCELED') order by run_id"
)


class Console:
    """A real `fastfeast dev`, up when it is made.

    Args:
        home: Whose console it is.
    """

    def __init__(self, home: Home) -> None:
        self._port = free_port()
        self.log = home.directory / "dev.log"
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, "dev", "--port", str(self._port)],
                env=home.environment,
                cwd=home.directory,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(self._answers, "the console answers", START_SECONDS, pause=0.25, log=self.log)

    def kill(self) -> None:
        """End the web server, the daemon, the code servers and every run, all at once."""
        kill_family(self._process.pid)
        self._process.wait(timeout=60)

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log.read_text()
        try:
            url = f"http://127.0.0.1:{self._port}/server_info"
            with urllib.request.urlopen(url, timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False


def kill_family(pid: int) -> None:
    """Kill a process and all that it started; the embedded server is nobody's child."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    kill_all(family)


def kill_all(processes: Sequence[psutil.Process]) -> None:
    """Kill processes, first stopping all, so that none sees another one's end."""
    for name in (signal.SIGSTOP, signal.SIGKILL):
        for process in processes:
            try:
                process.send_signal(name)
            except psutil.NoSuchProcess:
                continue


def kill_server(home: Home) -> None:
    """Kill the embedded server with all its processes, as a power cut does, if it runs."""
    # Its own file may be missing, half written, or left by a server that was killed before.
    pid = Cluster(home.directory).running_pid()
    if pid is None:
        return
    kill_family(pid)
    until(lambda: not is_alive(pid), "the server is gone", 10)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def dagster_url(home: Home) -> str:
    """URL of Dagster's storage on the embedded server, which need not run."""
    place = f"host={home.directory / 'pg'}&options=-csearch_path%3Ddagster"
    return f"postgresql://postgres:@/fastfeast_dagster?{place}"


def open_runs(home: Home) -> list[tuple[str, str, str]]:
    """Id, status and job of the runs that are not at their end."""
    with psycopg.connect(dagster_url(home), autocommit=True) as connection:
        return connection.execute(OPEN).fetchall()


def status_of(home: Home, run_id: str) -> str:
    """The status of a run."""
    with psycopg.connect(dagster_url(home), autocommit=True) as connection:
        row = connection.execute("select status from runs where run_id = %s", [run_id]).fetchone()
    assert row is not None
    return str(row[0])


def kept_streams(home: Home, undisturbed: Home, plan: SimulationPlan) -> Path:
    """Where the files of a plan wait to land at `home`, whose members have been ingested.

    Args:
        home: Who is going to be disturbed.
        undisturbed: Who ingests all files at once.
        plan: What to simulate, into the landing zone of the undisturbed one.
    """
    simulate_days(plan)
    undisturbed.run("ingest")
    stored = Path(tempfile.mkdtemp(dir=home.directory))
    shutil.copytree(undisturbed.landing, stored, dirs_exist_ok=True)
    for part in stored.iterdir():
        if part.name != "stream":
            land(stored, home.landing, part.name)
    home.run("ingest")
    return stored


def kept_small_days(
    home: Home, undisturbed: Home, *, start: date, days: int, seed: int
) -> tuple[Path, list[str]]:
    """Small days with all their dirt, and updates of orders hours later, as by `kept_streams`.

    Returns:
        Where the files wait, and the folders of their hours in order.
    """
    plan = SimulationPlan(
        out=undisturbed.landing,
        start=start,
        days=days,
        seed=seed,
        orders_per_hour=30,
        update_rate=0.1,
    )
    folders = [
        f"stream/{start + timedelta(days=day)}/{hour:02d}"
        for day in range(days)
        for hour in range(24)
    ]
    return kept_streams(home, undisturbed, plan), folders


def land(stored: Path, landing: Path, relative: str) -> None:
    """Move a folder into the landing zone, whole."""
    target = landing / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(stored / relative, target)
