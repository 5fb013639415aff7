"""`fastfeast doctor`: what is wrong is named, with what to do."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import psycopg
import pytest
from dagster._daemon.types import DaemonHeartbeat
from psycopg import sql

from fastfeast_assets.automation.instance import open_instance
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.connection import url_of
from fastfeast_assets_tests.conftest import PII_KEY
from fastfeast_assets_tests.landing import LandingZone
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast
from fastfeast_assets_tests.postgres.conftest import Query

Findings = dict[str, dict[str, str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fastfeast: FastFeast) -> Path:
    """A dbt project that has been parsed."""
    model = tmp_path / "dbt" / "models" / "m.sql"
    manifest = tmp_path / "dbt" / "target" / "manifest.json"
    for file in (model, manifest):
        file.parent.mkdir(parents=True)
        file.write_text("{}")
    os.utime(model, (1, 1))
    monkeypatch.setenv("FASTFEAST_DBT_PROJECT_DIR", str(tmp_path / "dbt"))
    return tmp_path / "dbt"


def examined(fastfeast: FastFeast) -> tuple[int, Findings]:
    result = fastfeast("doctor", "--json")
    assert PII_KEY not in result.output
    return result.exit_code, {item["check"]: item for item in json.loads(result.stdout)}


@pytest.mark.usefixtures("project")
def test_all_is_well(fastfeast: FastFeast, landing: LandingZone) -> None:
    code, found = examined(fastfeast)
    assert code == 0
    wrong = {
        check: item["detail"]
        for check, item in found.items()
        # How the packages came here, and who runs this, is the environment's business; no daemon
        # runs here.
        if item["outcome"] != "pass" and check not in ("packages", "user", "disk", "daemons")
    }
    assert wrong == {}
    assert found["PII key"]["detail"] == f"{len(PII_KEY)} characters"
    assert {"python", "server", "rights", "migrations", "raw tables", "clocks"} <= set(found)
    assert landing.root.name in found["landing zone"]["detail"]


@pytest.mark.usefixtures("project")
def test_the_table_for_people(fastfeast: FastFeast) -> None:
    result = fastfeast("doctor")
    assert result.exit_code == 0
    assert "landing zone" in result.stdout
    assert "warn landing zone: set FASTFEAST_LANDING" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("PII_KEY", "too-short", "FASTFEAST_PII_KEY: shorter than 32"),
        ("TIMEZONE", "Mars/Olympus", "FASTFEAST_TIMEZONE: not an IANA time zone"),
        ("WAREHOUSE_URL", "mysql://x", "FASTFEAST_WAREHOUSE_URL: must start with"),
    ],
)
def test_bad_settings(
    fastfeast: FastFeast, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, part: str
) -> None:
    monkeypatch.setenv(f"FASTFEAST_{variable}", value)
    result = fastfeast("doctor")
    assert result.exit_code == 1
    assert part in result.stdout
    assert value not in result.stdout
    assert "Traceback" not in result.output


def test_a_guessable_key_is_a_warning(
    fastfeast: FastFeast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTFEAST_PII_KEY", "ab" * 20)
    found = examined(fastfeast)[1]
    assert found["PII key"]["outcome"] == "warn"
    assert "abab" not in str(found)


def test_an_unparsed_dbt_project_fails(fastfeast: FastFeast, project: Path) -> None:
    (project / "target" / "manifest.json").unlink()
    code, found = examined(fastfeast)
    assert code == 1
    assert found["dbt manifest"]["advice"] == "run `make setup`"


def test_a_model_newer_than_the_manifest_is_a_warning(fastfeast: FastFeast, project: Path) -> None:
    os.utime(project / "target" / "manifest.json", (0, 0))
    found = examined(fastfeast)[1]
    assert found["dbt manifest"]["outcome"] == "warn"
    assert "models/m.sql" in found["dbt manifest"]["detail"]


def test_pending_migrations_are_a_warning(
    fastfeast: FastFeast, monkeypatch: pytest.MonkeyPatch, server_url: str
) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("drop database if exists doctor_empty with (force)")
        connection.execute("create database doctor_empty")
    monkeypatch.setenv("FASTFEAST_WAREHOUSE_URL", url_of(server_url, dbname="doctor_empty"))
    code, found = examined(fastfeast)
    assert code == 0
    assert found["migrations"]["outcome"] == "warn"
    assert found["raw tables"]["outcome"] == "warn"


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ("alter table raw.orders drop column payment_method cascade", "warn"),
        ("drop table raw.tickets cascade", "warn"),
        ("alter table raw.cities alter column city_name type bigint using 1", "fail"),
    ],
)
def test_raw_tables_that_differ_from_the_contracts(
    fastfeast: FastFeast, query: Query, change: str, outcome: str
) -> None:
    query(f"with x as (select 1) select 1; {change}; select 1")
    found = examined(fastfeast)[1]
    assert found["raw tables"]["outcome"] == outcome
    assert "raw." in found["raw tables"]["detail"]


def test_a_role_that_may_create_nothing_fails(
    fastfeast: FastFeast, monkeypatch: pytest.MonkeyPatch, server_url: str
) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("drop database if exists doctor_foreign with (force)")
        connection.execute("create database doctor_foreign")
        connection.execute("drop role if exists doctor_guest")
        connection.execute("create role doctor_guest login")
    url = url_of(server_url, dbname="doctor_foreign", user="doctor_guest")
    monkeypatch.setenv("FASTFEAST_WAREHOUSE_URL", url)
    code, found = examined(fastfeast)
    assert code == 1
    assert found["rights"]["advice"] == (
        "as its owner: grant create on database doctor_foreign to doctor_guest"
    )
    assert found["Dagster's storage"]["outcome"] == "fail"


def test_settings_that_are_valid_are_not_repeated(settings: Settings, fastfeast: FastFeast) -> None:
    assert settings.pii_key.get_secret_value() not in fastfeast("doctor").output


@pytest.mark.usefixtures("project")
def test_too_few_connections(fastfeast: FastFeast, server_url: str, query: Query) -> None:
    name = query("select current_database() as name")[0]["name"]
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("alter database {} connection limit 12").format(sql.Identifier(name))
        )
    code, found = examined(fastfeast)
    assert code == 0
    assert found["connections"]["outcome"] == "warn"
    assert "of 12 in use" in found["connections"]["detail"]
    assert "max_connections" in found["connections"]["advice"]


@pytest.mark.usefixtures("project", "landing")
def test_daemons_at_work_or_not(fastfeast: FastFeast, settings: Settings) -> None:
    _, found = examined(fastfeast)
    assert found["daemons"]["outcome"] == "warn"
    assert "never heard of" in found["daemons"]["detail"]
    assert "`fastfeast dev`" in found["daemons"]["advice"]
    with open_instance(settings) as instance:
        for kind in instance.get_required_daemon_types():
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), kind, "here"))
        _, found = examined(fastfeast)
        assert found["daemons"]["outcome"] == "pass"
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - 3600, "SENSOR", "here"))
    _, found = examined(fastfeast)
    assert found["daemons"]["detail"].endswith("not at work, last heard of 60 minutes ago")
