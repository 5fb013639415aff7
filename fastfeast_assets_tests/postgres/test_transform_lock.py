"""The right to run dbt: held by the work itself, and lost with the process that began it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import psycopg
import pytest

from fastfeast_assets.assets.dbt_cli import executables
from fastfeast_assets.warehouse import Warehouse

HOLD = "select ops.hold_transform(%s)"
PROJECT = Path(__file__).parents[2] / "dbt_project"


def test_a_model_is_built_as_long_as_its_transform_lives(warehouse: Warehouse) -> None:
    with warehouse.connect(autocommit=True) as model:
        with warehouse.transform_lock() as holder:
            model.execute(HOLD, [holder])
        with pytest.raises(psycopg.errors.RaiseException, match="has ended"):
            model.execute(HOLD, [holder])
        with warehouse.transform_lock() as other:
            assert other != holder
            with pytest.raises(psycopg.errors.RaiseException, match="has ended"):
                model.execute(HOLD, [holder])


def test_the_next_transform_waits_for_the_model_of_a_killed_one(warehouse: Warehouse) -> None:
    begun = threading.Event()

    def transform() -> None:
        with warehouse.transform_lock():
            begun.set()

    with warehouse.connect() as model:
        with warehouse.connect(autocommit=True) as killed:
            killed.execute("select pg_advisory_lock(7301002)")
            model.execute(HOLD, [killed.info.backend_pid])
        thread = threading.Thread(target=transform)
        thread.start()
        assert not begun.wait(0.5)
        model.commit()
        assert begun.wait(20)
        thread.join()


def test_dbt_does_not_outlive_its_parent(tmp_path: Path) -> None:
    command = [str(executables() / "fastfeast-dbt"), "parse", "--no-partial-parse"]
    command += ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    command += ["--target-path", str(tmp_path), "--log-path", str(tmp_path)]
    start = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid, flush=True); input()"
    parent = subprocess.Popen(
        [sys.executable, "-c", start, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "FASTFEAST_PII_KEY": "never-in-dbt"},
        text=True,
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    # The console script has become dbt, which has begun its log.
    while not any(tmp_path.iterdir()):
        assert child.is_running()
        os.sched_yield()
    assert "never-in-dbt" not in child.environ().values()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs([child], timeout=20)
    assert not alive
