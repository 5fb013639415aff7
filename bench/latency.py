"""Measure the way from a file renamed into place to its rows in fact_order, under `dagster dev`.

Makes a home of its own, loads a first day, starts the console with its daemon and drops one hour
after the other at random moments. Prints seconds a drop, by step, and their percentiles:

    settle  from the rename until the files count as complete
    tick    until the sensor has requested a run
    queue   until the run is taken from the queue
    launch  until the run's process is at work: start, imports
    load    until the files of the hour are committed to raw (committed_at)
    dbt     until the rows are in fact_order (visible_at)
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg
from pydantic import SecretStr

from fastfeast_assets.automation.ingest import ingest_pending
from fastfeast_assets.automation.instance import dagster_home, open_instance
from fastfeast_assets.settings import PROJECT_ROOT, Settings
from fastfeast_assets.simulate import SimulationPlan, simulate_days
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.server import stop_server

KEY = "b" * 32
PATIENCE_SECONDS = 180
STEPS = ("settle", "tick", "queue", "launch", "load", "dbt")
VISIBLE = """
select run_id, committed_at, visible_at from ops.pipeline_file_log
where file_path = %s and visible_at is not null
"""


@dataclass(frozen=True)
class Drop:
    """Seconds that each step of a drop took, and all of them."""

    hour: str
    settle: float
    tick: float
    queue: float
    launch: float
    load: float
    dbt: float
    total: float


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--drops", type=int, default=30, help="hours to drop, at most 46")
    parser.add_argument("--orders", type=int, default=200, help="orders an hour")
    parser.add_argument("--port", type=int, default=3107, help="of the console")
    parser.add_argument("--home", type=Path, help="keep everything here; default a temporary place")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    arguments = parser.parse_args()
    home = arguments.home or Path(tempfile.mkdtemp(prefix="ff-bench-"))
    settings = Settings(home=home, pii_key=SecretStr(KEY))
    staging = home / "staging"
    try:
        prepare(settings, staging, arguments.orders)
        drops = measure(settings, staging, arguments.drops, arguments.port)
    finally:
        stop_server(settings)
        if arguments.home is None:
            shutil.rmtree(home)
    report(drops)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(drop) for drop in drops], indent=1))


def prepare(settings: Settings, staging: Path, orders: int) -> None:
    """Write two days aside, and bring all of them but the hours into the marts."""
    start = (datetime.now(UTC) - timedelta(days=2)).date()
    simulate_days(SimulationPlan(out=staging, start=start, days=2, orders_per_hour=orders))
    settings.landing_directory.mkdir(parents=True)
    for folder in ("master", "batch"):
        (staging / folder).rename(settings.landing_directory / folder)
    move_hour(staging, settings.landing_directory, hours_of(staging)[0])
    ingest_pending(settings)


def hours_of(staging: Path) -> list[str]:
    """The hour folders that have not been dropped yet, `2026-11-20/08`."""
    return sorted(
        str(hour.relative_to(staging / "stream")) for hour in (staging / "stream").glob("*/*")
    )


def move_hour(staging: Path, landing: Path, hour: str) -> None:
    """Rename an hour's folder into the landing zone, its files as if written just now."""
    target = landing / "stream" / hour
    target.parent.mkdir(parents=True, exist_ok=True)
    source = staging / "stream" / hour
    for file in source.iterdir():
        os.utime(file)
    source.rename(target)


def measure(settings: Settings, staging: Path, drops: int, port: int) -> list[Drop]:
    """Drop hours, one after the other; the first one only wakes everything up."""
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(settings)),
        "FASTFEAST_HOME": str(settings.home),
        "FASTFEAST_LANDING": str(settings.landing_directory),
        "FASTFEAST_PII_KEY": KEY,
        "FASTFEAST_ENV_FILE": str(settings.home / "no.env"),
    }
    dagster = Path(sys.executable).with_name("dagster")
    workspace = PROJECT_ROOT / "workspace.yaml"
    command = [str(dagster), "dev", "--workspace", str(workspace), "--port", str(port)]
    with (settings.home / "dev.log").open("w") as log:
        console = subprocess.Popen(  # noqa: S603
            # A `.env` of the checkout has another key, which is refused.
            command,
            cwd=settings.home,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        with open_instance(settings) as instance:
            found = []
            for number, hour in enumerate(hours_of(staging)[: drops + 1]):
                found.append(one_drop(settings, instance, staging, hour))
                if number:
                    print(line(found[-1]), flush=True)  # noqa: T201
                time.sleep(random.uniform(1, 8))  # noqa: S311
            return found[1:]
    finally:
        console.send_signal(signal.SIGINT)
        console.wait(60)


def one_drop(settings: Settings, instance: dg.DagsterInstance, staging: Path, hour: str) -> Drop:
    """Drop an hour, wait until its orders are facts and its run has ended."""
    dropped_at = time.time()
    move_hour(staging, settings.landing_directory, hour)
    path = f"stream/{hour}/orders.json"
    with Warehouse(settings).connect(autocommit=True) as connection:
        run_id, committed_at, visible_at = wait_until_visible(connection, path)
    started: dict[str, float] = {}
    while True:
        record = instance.get_run_records(dg.RunsFilter(run_ids=[run_id]))[0]
        if record.dagster_run.is_finished:
            break
        time.sleep(0.2)
    for entry in instance.all_logs(run_id):
        if entry.dagster_event is not None:
            started.setdefault(entry.dagster_event.event_type_value, entry.timestamp)
    settled_at = dropped_at + settings.settle_seconds
    requested_at = record.create_timestamp.timestamp()
    dequeued_at = started["PIPELINE_STARTING"]
    at_work_at = started["PIPELINE_START"]
    return Drop(
        hour,
        settle=settled_at - dropped_at,
        tick=requested_at - settled_at,
        queue=dequeued_at - requested_at,
        launch=at_work_at - dequeued_at,
        load=committed_at - at_work_at,
        dbt=visible_at - committed_at,
        total=visible_at - dropped_at,
    )


def wait_until_visible(connection: psycopg.Connection, path: str) -> tuple[str, float, float]:
    """The run that loaded a file, when its rows were committed to raw and when to the fact.

    Raises:
        TimeoutError: It takes too long; see dev.log in the home.
    """
    end = time.time() + PATIENCE_SECONDS
    while time.time() < end:
        row = connection.execute(VISIBLE, [path]).fetchone()
        if row is not None:
            return str(row[0]), row[1].timestamp(), row[2].timestamp()
        time.sleep(0.2)
    raise TimeoutError(f"{path} is not in the fact after {PATIENCE_SECONDS} s")


def line(drop: Drop) -> str:
    """A drop for people."""
    steps = "  ".join(f"{step} {getattr(drop, step):5.2f}" for step in STEPS)
    return f"{drop.hour}  {steps}  total {drop.total:5.2f}"


def report(drops: list[Drop]) -> None:
    """Print the percentiles of each step."""
    for name in (*STEPS, "total"):
        seconds = sorted(getattr(drop, name) for drop in drops)
        middle = statistics.median(seconds)
        high = seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]
        print(f"{name:<7} median {middle:6.2f}  p95 {high:6.2f}  worst {seconds[-1]:6.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
