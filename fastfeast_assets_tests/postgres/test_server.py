"""The embedded server: shared, surviving its starter, coming back after a kill."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.server import (
    running_pid,
    start_server,
    stop_server,
    url_of,
    warehouse_dsn,
)
from fastfeast_assets_tests.conftest import PII_KEY


@pytest.fixture
def own() -> Iterator[Settings]:
    """Settings with a home of their own, in a path short enough for a socket."""
    home = Path(tempfile.mkdtemp(prefix="ff-"))
    settings = Settings(home=home, pii_key=SecretStr(PII_KEY))
    yield settings
    stop_server(settings)
    shutil.rmtree(home, ignore_errors=True)


def test_many_at_once_start_one_server(own: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: warehouse_dsn(own), range(4)))) == 1
    assert running_pid(own) is not None


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


def test_a_home_too_deep_for_a_socket_works_too(own: Settings) -> None:
    deep = own.model_copy(update={"home": own.home / ("x" * 120)})
    try:
        with psycopg.connect(warehouse_dsn(deep)) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        assert stop_server(deep)


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
