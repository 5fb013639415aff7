"""The embedded server: shared, surviving its starter, coming back after a kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.connection import url_of
from fastfeast_assets.warehouse.server import (
    data_directory,
    running_pid,
    start_server,
    stop_server,
    warehouse_dsn,
)
from fastfeast_assets.warehouse.server_user import STATE
from fastfeast_assets_tests.conftest import PII_KEY
from fastfeast_assets_tests.waiting import until

AT_WORK = (
    "select count(*) from pg_stat_activity where state = 'active'"
    " and query like '%generate_series%' and pid <> pg_backend_pid()"
)


@contextmanager
def home() -> Iterator[Settings]:
    """Settings with a home of their own, in a path short enough for a socket."""
    directory = Path(tempfile.mkdtemp(prefix="ff-"))
    settings = Settings(home=directory, pii_key=SecretStr(PII_KEY))
    yield settings
    stop_server(settings)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def own() -> Iterator[Settings]:
    """A home that the tests share; each starts its server."""
    with home() as settings:
        yield settings


@pytest.fixture
def fresh() -> Iterator[Settings]:
    """A home without a cluster."""
    with home() as settings:
        yield settings


def test_many_at_once_start_one_server(fresh: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: warehouse_dsn(fresh), range(4)))) == 1
    assert running_pid(fresh) is not None


def test_it_stops_and_starts_again(own: Settings) -> None:
    start_server(own)
    assert stop_server(own)
    assert running_pid(own) is None
    assert not stop_server(own)
    with psycopg.connect(warehouse_dsn(own)) as connection:
        connection.execute("select 1")


def test_a_killed_server_comes_back_with_what_was_committed(own: Settings) -> None:
    with psycopg.connect(warehouse_dsn(own), autocommit=True) as connection:
        connection.execute("create table kept as select 1 as value")
    pid = running_pid(own)
    assert pid is not None
    family = [psutil.Process(pid), *psutil.Process(pid).children()]
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs(family, timeout=10)
    with psycopg.connect(warehouse_dsn(own)) as connection:
        assert connection.execute("select value from kept").fetchone() == (1,)


def killed_postmaster(own: Settings) -> int:
    """Kill the server and nothing else; gives its number."""
    pid = running_pid(own)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    return pid


def test_what_a_killed_server_left_at_work_does_not_keep_the_next_from_starting(
    own: Settings,
) -> None:
    url = warehouse_dsn(own)
    with ThreadPoolExecutor(1) as pool, psycopg.connect(url, autocommit=True) as busy:
        # It looks at nothing but its work, and so does not notice that its server is gone.
        work = pool.submit(busy.execute, "select count(*) from generate_series(1, 10000000000) n")
        with psycopg.connect(url, autocommit=True) as watcher:
            until(lambda: watcher.execute(AT_WORK).fetchone() == (1,), "a query at work")
            orphan = psutil.Process(busy.info.backend_pid)
        killed_postmaster(own)
        assert orphan.is_running()
        with psycopg.connect(warehouse_dsn(own)) as connection:
            connection.execute("select 1")
        # Nobody may have asked for what is left of it yet.
        assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
        with pytest.raises(psycopg.OperationalError):
            work.result()


@pytest.mark.parametrize(
    "content",
    ["", f"{os.getpid()}\n/elsewhere\n1\n5432\n\n\n0 0\nready\n"],
    ids=["empty", "a stranger's"],
)
def test_a_stranger_with_the_number_of_a_killed_server_is_not_taken_for_it(
    own: Settings, content: str
) -> None:
    """As after a reboot; or the file was being written when the machine went."""
    start_server(own)
    killed_postmaster(own)
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        (data_directory(own) / name).write_text(content)
    assert running_pid(own) is None
    with psycopg.connect(warehouse_dsn(own)) as connection:
        connection.execute("select 1")


def test_a_first_start_that_is_killed_leaves_nothing_that_hinders_the_next(fresh: Settings) -> None:
    """Kills come in the middle of making the cluster, of starting the server and later."""
    code = f"""if True:
        from pathlib import Path
        from fastfeast_assets.warehouse.cluster import Cluster
        Cluster(Path({str(fresh.home)!r})).start()
    """
    for seen in ("server.lock", "pg.new-*/PG_VERSION", "pg/PG_VERSION", "pg/postmaster.pid"):
        process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        until(lambda: any(fresh.home.glob(seen)) or process.poll() is not None, seen, pause=0.002)  # noqa: B023
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
    with psycopg.connect(warehouse_dsn(fresh)) as connection:
        connection.execute("select 1")
    assert not list(fresh.home.glob("pg.new-*"))


def test_any_home_works(fresh: Settings) -> None:
    own = fresh.model_copy(update={"home": fresh.home / "it's 5 % & more"})
    try:
        with psycopg.connect(warehouse_dsn(own)) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        assert stop_server(own)
        if (place := data_directory(own).resolve()).is_relative_to(STATE):
            shutil.rmtree(place.parent)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:p%40ss%2Fw@127.0.0.1:5433/db?sslmode=disable",
        "host=/tmp/x user=u dbname=d",
        "postgresql://[::1]:5432/db",
    ],
)
def test_a_url_names_the_same_place_as_the_dsn(dsn: str) -> None:
    assert conninfo_to_dict(url_of(dsn)) == conninfo_to_dict(dsn)
    assert conninfo_to_dict(url_of(dsn, dbname="other"))["dbname"] == "other"
