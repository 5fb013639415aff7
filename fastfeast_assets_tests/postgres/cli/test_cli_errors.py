"""Errors are one clear line and a next step; no traceback, no password."""

from __future__ import annotations

import subprocess
import sys

import psycopg
import pytest
import sqlalchemy
from dagster_postgres.utils import DagsterPostgresException, retry_pg_connection_fn

from fastfeast_assets.commands.errors import problem_of, redacted
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.connection import url_of
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast

PASSWORD = "hunter2-horse"
READERS = (["status"], ["url"], ["quarantine", "list"], ["quarantine", "show", "1"], ["ingest"])


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_missing_settings_name_the_variable_and_what_to_do(
    bare: FastFeast, command: list[str]
) -> None:
    result = bare(*command)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: FASTFEAST_PII_KEY is not set: run `make setup`" in result.stderr
    assert "-> run `fastfeast doctor`" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", [*READERS, ["doctor"]], ids=" ".join)
def test_an_unreachable_server_is_one_line_without_password(
    fastfeast: FastFeast, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("FASTFEAST_WAREHOUSE_URL", f"postgresql://ann:{PASSWORD}@127.0.0.1:1/db")
    result = fastfeast(*command)
    assert result.exit_code == 1
    assert "Connection refused" in result.output
    assert PASSWORD not in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cr@t-horse@localhost:1/db",
        "postgresql://ann:s3cr/t-horse@localhost:1/db",
        "postgresql://ann:s3cr:t-horse@localhost:1/db",
        "postgresql://ann:s3cr?t-horse@localhost:1/db",
        "postgresql://ann:s3cr#t-horse@localhost:1/db",
        "postgresql://ann:s3cr%t-horse@localhost:1/db",
        "postgresql://ann@localhost:1/db?password=s3cr-t-horse",
    ],
)
@pytest.mark.parametrize("command", [["url"], ["status"], ["doctor"]], ids=" ".join)
def test_no_part_of_a_badly_encoded_password_is_shown(
    fastfeast: FastFeast, monkeypatch: pytest.MonkeyPatch, url: str, command: list[str]
) -> None:
    """libpq takes such a password apart and quotes a piece of it in its error."""
    monkeypatch.setenv("FASTFEAST_WAREHOUSE_URL", url)
    result = fastfeast(*command)
    assert result.exit_code == 1
    assert "s3cr" not in result.output
    assert "t-horse" not in result.output
    assert "Traceback" not in result.output


def test_a_url_in_a_text_loses_its_login() -> None:
    text = "cannot open postgresql://ann:top@secret@db/x: password=abc sslpassword='d e'"
    assert redacted(text) == ("cannot open postgresql://***@db/x: password=*** sslpassword=***")


def test_refused_data_is_reported_without_the_data(database_url: str) -> None:
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.DataError) as caught:
        connection.execute("select 'mona.adel@mail.com'::integer")
    problem = problem_of(caught.value)
    assert problem is not None
    assert "SQLSTATE 22P02" in problem.text
    assert "mona" not in problem.text


def test_a_connection_that_is_lost_is_told_with_the_next_step(database_url: str) -> None:
    """By the server's end, at whichever driver and call it is noticed."""
    with psycopg.connect(database_url) as first, psycopg.connect(database_url) as second:
        second.execute("select pg_terminate_backend(%s)", [first.info.backend_pid])
        for _ in range(2):
            with pytest.raises(psycopg.OperationalError) as caught:
                first.execute("select 1")
            assert "lost" in told(caught.value)
    engine = sqlalchemy.create_engine(database_url)
    with engine.connect() as connection, psycopg.connect(database_url) as second:
        [pid] = connection.execute(sqlalchemy.text("select pg_backend_pid()")).one()
        second.execute("select pg_terminate_backend(%s)", [pid])
        for _ in range(2):
            with pytest.raises(sqlalchemy.exc.SQLAlchemyError) as lost:
                connection.execute(sqlalchemy.text("select 1"))
            assert "lost" in told(lost.value)


def test_a_lost_connection_is_told_when_dagster_has_wrapped_it() -> None:
    engine = sqlalchemy.create_engine("postgresql://nobody@/nothing?host=/nowhere")
    with pytest.raises(DagsterPostgresException) as caught:
        retry_pg_connection_fn(engine.connect, retry_limit=0)
    assert "No such file or directory" in told(caught.value)


def told(error: Exception) -> str:
    """What is said about an error; there is always something to do next."""
    problem = problem_of(error)
    assert problem is not None
    assert "fastfeast doctor" in problem.next_step
    return problem.text


def test_a_reader_that_has_seen_enough_is_no_error(
    fastfeast: FastFeast, settings: Settings
) -> None:
    """`fastfeast quarantine export - | head -1` ends quietly."""
    code = (
        "import os, sys; from fastfeast_assets.cli import main; reader, writer = os.pipe(); "
        "os.close(reader); os.dup2(writer, 1); sys.argv[1:] = ['quarantine', 'export', '-']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""


def test_a_defect_keeps_its_traceback() -> None:
    assert problem_of(ZeroDivisionError()) is None


def test_a_role_without_rights_is_told_which(
    fastfeast: FastFeast,
    monkeypatch: pytest.MonkeyPatch,
    server_url: str,
    settings: Settings,
) -> None:
    assert settings.warehouse_url is not None
    url = settings.warehouse_url.get_secret_value()
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("drop role if exists cli_stranger")
        connection.execute("create role cli_stranger login")
    monkeypatch.setenv("FASTFEAST_WAREHOUSE_URL", url_of(url, user="cli_stranger"))
    result = fastfeast("quarantine", "list")
    assert result.exit_code == 1
    assert "permission denied" in result.stderr
    assert "Traceback" not in result.output
