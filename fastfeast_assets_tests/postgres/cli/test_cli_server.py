"""`fastfeast url`, `stop` and `dev`: the server, its address and its end."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.server import stop_server
from fastfeast_assets_tests.conftest import PII_KEY
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast


@pytest.fixture
def embedded(variables: Callable[[Settings], None]) -> Iterator[Settings]:
    """Settings with an embedded server of their own, not yet started."""
    home = Path(tempfile.mkdtemp(prefix="ff-"))
    settings = Settings(home=home, pii_key=SecretStr(PII_KEY))
    variables(settings)
    yield settings
    stop_server(settings)
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.usefixtures("embedded")
def test_the_life_of_an_embedded_server(bare: FastFeast) -> None:
    assert "No embedded PostgreSQL runs" in bare("stop").stdout

    result = bare("url")
    assert result.exit_code == 0
    assert result.stderr == ""
    url = result.stdout.strip()
    assert "\n" not in url
    with psycopg.connect(url) as connection:
        row = connection.execute("select count(*) from pipeline_file_log").fetchone()
        assert row == (0,), "a stranger finds the public tables under their names"

    assert bare("status").stdout.count("process") == 1
    stopped = bare("stop")
    assert stopped.exit_code == 0
    assert "Stopped" in stopped.stdout
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2)
    assert "stopped; it starts with the next command" in bare("status").stdout
    assert bare("quarantine", "list").exit_code == 0, "a stopped server is started when needed"


def test_the_url_connects(fastfeast: FastFeast) -> None:
    url = fastfeast("url").stdout.strip()
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from quarantine").fetchone() == (0,)


def test_the_url_of_dagsters_storage_is_another_database(fastfeast: FastFeast) -> None:
    url = fastfeast("url", "--database", "dagster").stdout.strip()
    with psycopg.connect(url) as connection:
        assert connection.info.dbname.endswith("_dagster")


def test_a_server_of_ones_own_is_left_alone(fastfeast: FastFeast, database_url: str) -> None:
    result = fastfeast("stop")
    assert result.exit_code == 0
    assert "left alone" in result.stdout
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_dev_runs_dagster_with_home_and_workspace(
    fastfeast: FastFeast, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda *call: calls.append(call))
    monkeypatch.chdir(tmp_path)
    result = fastfeast("dev", "--port", str(free_port()))
    assert result.exit_code == 0, result.output
    ((program, command, environment),) = calls
    assert Path(program).name == "dagster"
    assert command[1] == "dev"
    assert Path(command[command.index("--workspace") + 1]).is_file()
    assert (Path(environment["DAGSTER_HOME"]) / "dagster.yaml").is_file()
    assert environment["FASTFEAST_LANDING"] == settings.landing


def test_dev_says_when_the_port_is_taken(
    fastfeast: FastFeast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*call: Any) -> None:
        raise AssertionError(call)

    monkeypatch.setattr(os, "execve", never)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = fastfeast("dev", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 2
    assert "--port" in result.stderr
    assert "Traceback" not in result.output


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
