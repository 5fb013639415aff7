"""`fastfeast psql` and `dump`: PostgreSQL's own programs, without a password in a command line."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from fastfeast_assets.secret_variables import SECRETS
from fastfeast_assets.warehouse import client
from fastfeast_assets.warehouse.client import bundled, connection_of
from fastfeast_assets.warehouse.connection import ServerError, url_of
from fastfeast_assets_tests.e2e.conftest import COMMAND
from fastfeast_assets_tests.landing import LandingZone, order
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast
from fastfeast_assets_tests.postgres.conftest import Load
from fastfeast_assets_tests.postgres.conftest import load as load

SECRET = "p w'd"


def run_psql(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command as a process, which becomes psql."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, "psql", *arguments],
        env={**os.environ, **({} if path is None else {"PATH": path})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("path", [None, "/nonexistent"], ids=["the machine's", "the bundled"])
def test_psql_is_connected_and_takes_further_arguments(
    fastfeast: FastFeast, path: str | None
) -> None:
    assert fastfeast("url").exit_code == 0
    done = run_psql("-qAt", "-c", "select count(*) from quarantine", "-v", "x=1", path=path)
    assert (done.stdout.strip(), done.returncode) == ("0", 0), done.stderr
    done = run_psql("--database", "dagster", "-qAtc", "select current_database()", path=path)
    assert done.stdout.strip().endswith("_dagster"), done.stderr
    assert run_psql("-qAtc", "select nothing", path=path).returncode == 1


@pytest.mark.parametrize(
    ("url", "variables", "arguments"),
    [
        (
            make_conninfo(host="a,b", port="1,2", dbname="my db", user="u", password=SECRET),
            {"PGHOST": "a,b", "PGPORT": "1,2", "PGDATABASE": "my db", "PGPASSWORD": SECRET},
            [],
        ),
        (
            "postgresql://u:geheim@db.example:6432/w?sslmode=verify-full&sslrootcert=/ca.pem"
            "&target_session_attrs=read-write&channel_binding=require&passfile=/p&service=s",
            {
                "PGHOST": "db.example",
                "PGPASSWORD": "geheim",
                "PGSSLMODE": "verify-full",
                "PGSSLROOTCERT": "/ca.pem",
                "PGTARGETSESSIONATTRS": "read-write",
                "PGCHANNELBINDING": "require",
                "PGPASSFILE": "/p",
                "PGSERVICE": "s",
            },
            [],
        ),
        (
            "postgresql:///w?host=/run/pg&options=-csearch_path%3Da&keepalives_idle=5",
            {"PGHOST": "/run/pg", "PGOPTIONS": "-csearch_path=a"},
            ["--dbname", "keepalives_idle=5"],
        ),
    ],
)
def test_a_url_becomes_variables_and_no_secret_is_an_argument(
    url: str, variables: dict[str, str], arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "never")
    environment, given = connection_of(url)
    assert variables.items() <= environment.items()
    assert given == arguments
    assert "never" not in environment.values()


def test_a_secret_without_a_variable_is_refused_and_not_told() -> None:
    with pytest.raises(ServerError, match="sslpassword") as caught:
        connection_of("postgresql://u@h/w?sslkey=/k.pem&sslpassword=geheim")
    assert "geheim" not in str(caught.value)


def test_a_dump_is_whole_private_and_can_be_restored(
    landing: LandingZone, load: Load, fastfeast: FastFeast, database_url: str, tmp_path: Path
) -> None:
    landing.stream("orders", order(1), order(2))
    load()
    file = tmp_path / "warehouse.dump"
    result = fastfeast("dump", str(file))
    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("*dump*")] == [file.name]
    restored = sql.Identifier("restored_by_a_test")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {}").format(restored))
        connection.execute(sql.SQL("create database {}").format(restored))
    url = url_of(database_url, dbname="restored_by_a_test")
    subprocess.run(
        [bundled("pg_restore"), "--exit-on-error", "--dbname", url, file], check=True, timeout=120
    )
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from raw.orders").fetchone() == (2,)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(restored))

    again = fastfeast("dump", str(file))
    assert (again.exit_code, "exists already" in again.stderr) == (2, True)
    elsewhere = fastfeast("dump", str(tmp_path / "no" / "warehouse.dump"))
    assert (elsewhere.exit_code, "mkdir -p" in elsewhere.stderr) == (2, True)


def test_a_dump_that_fails_leaves_no_file(
    fastfeast: FastFeast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = tmp_path / "pg_dump"
    failing.write_text("#!/bin/sh\necho half; echo 'pg_dump: error: no' >&2; exit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(client, "bundled", lambda _: failing)
    result = fastfeast("dump", str(tmp_path / "warehouse.dump"))
    assert result.exit_code == 1
    assert "pg_dump: error: no" in result.stderr
    assert list(tmp_path.glob("*warehouse*")) == []
