"""`fastfeast ingest` and `fastfeast demo`: what they print and how they end."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fastfeast_assets.settings import PROJECT_ROOT
from fastfeast_assets_tests.landing import DAY, LandingZone, ObjectZone, event, order, ticket
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast

EMAIL = "mona.adel@mail.com"


@pytest.fixture(scope="module")
def parsed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the dbt project, parsed as `make setup` does."""
    project = tmp_path_factory.mktemp("dbt") / "dbt_project"
    leave = shutil.ignore_patterns("target", "logs")
    shutil.copytree(PROJECT_ROOT / "dbt_project", project, ignore=leave)
    dbt = Path(sys.executable).with_name("dbt")
    options = ["--project-dir", str(project), "--profiles-dir", str(project)]
    subprocess.run(
        [dbt, "--quiet", "parse", *options, "--log-path", str(project / "logs")],
        check=True,
        timeout=300,
    )
    return project


def test_an_absent_landing_zone_is_said_and_is_no_failure(fastfeast: FastFeast) -> None:
    result = fastfeast("ingest")
    assert result.exit_code == 0
    assert "does not exist yet" in result.stderr
    assert "Nothing pending" in result.stdout


@pytest.mark.parametrize("option", [(), ("--landing",)])
def test_a_landing_zone_that_is_none_is_refused(
    fastfeast: FastFeast,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    for place, problem in {
        "nowhere": "does not exist",
        "file": "is a file",
        "ftp://exports": "s3://",
    }.items():
        result = fastfeast("ingest", *option, place)
        assert result.exit_code == 2
        assert problem in result.stderr


def test_a_landing_zone_in_an_object_store(fastfeast: FastFeast) -> None:
    zone = ObjectZone("memory://cli/landing")
    assert "does not exist yet" in fastfeast("ingest", zone.address).stderr
    zone.put("notes.txt", "hello")
    result = fastfeast("ingest", zone.address)
    assert result.exit_code == 0
    assert "Unknown names, left alone (1)" in result.stdout
    assert "does not exist" not in result.stderr


def test_nothing_writes_into_an_object_store(
    fastfeast: FastFeast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FASTFEAST_LANDING", "memory://cli/demo")
    monkeypatch.chdir(tmp_path)
    for command in (("demo",), ("simulate", "--date", "2026-11-20")):
        result = fastfeast(*command)
        assert result.exit_code == 2
        assert "local directory" in " ".join(result.stderr.split())
    assert not list(tmp_path.glob("memory*"))


def test_what_is_left_alone_is_listed(fastfeast: FastFeast, landing: LandingZone) -> None:
    landing.put("batch/notes.txt", "hello")
    landing.put("batch/2020-01-01/a\x1b[2Jb.csv", "x")
    landing.put("batch/2098-01-01/teams.csv", "team_id,team_name\n1,x\n")
    (landing.root / "master").mkdir()
    (landing.root / "master" / "cities.csv").symlink_to("/etc/hostname")
    result = fastfeast("ingest")
    assert result.exit_code == 0
    assert "Unknown names, left alone (2)" in result.stdout
    assert "batch/2020-01-01/a\\x1b[2Jb.csv" in result.stdout
    assert "master/cities.csv: a link out of the landing zone" in result.stdout
    assert "batch/2098-01-01/teams.csv: dated in the future" in result.stdout
    assert "\x1b" not in result.output

    found = json.loads(fastfeast("ingest", "--json").stdout)
    assert found["is_success"] is True
    assert [len(found[key]) for key in ("unknown", "refused", "future")] == [2, 1, 1]


def test_nearly_right_names_come_first(fastfeast: FastFeast, landing: LandingZone) -> None:
    landing.put("a-note.txt", "hello")
    landing.put("batch/2020-01-01/Teams.csv", "x")
    landing.put("batch/2020-01-01/mona.adel@mail.com.csv", "x")
    for _ in range(2):
        result = fastfeast("ingest")
        assert result.exit_code == 0
        near, unknown = result.stdout.split("Unknown names, left alone (2)")
        assert "Nearly right names, not loaded (1)" in near
        assert "Teams.csv: reads like teams.csv; rename or remove it" in near
        assert "a-note.txt: outside master/" in unknown
        assert "mona" not in result.output
    found = json.loads(fastfeast("ingest", "--json").stdout)
    assert found["near_misses"] == [
        {
            "path": "batch/2020-01-01/Teams.csv",
            "reason": "reads like teams.csv; rename or remove it",
            "source": "teams",
        }
    ]
    assert len(found["unknown"]) == 3


def test_the_landing_zone_can_be_named_in_two_ways(fastfeast: FastFeast, tmp_path: Path) -> None:
    other = LandingZone(tmp_path / "other")
    other.put("stray.txt", "x")
    for arguments in ([str(other.root)], ["--landing", str(other.root)]):
        result = fastfeast("ingest", "--json", *arguments)
        assert [item["path"] for item in json.loads(result.stdout)["unknown"]] == ["stray.txt"]
    result = fastfeast("ingest", str(other.root), "--landing", str(tmp_path))
    assert result.exit_code == 2
    assert "two landing zones" in result.stderr


def test_a_day_from_landing_to_answers(
    fastfeast: FastFeast,
    landing: LandingZone,
    parsed_project: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("FASTFEAST_DBT_PROJECT_DIR", str(parsed_project))
    landing.all_batch()
    landing.stream("orders", order(1), order(2, order_amount=-5), order(3, customer_id=99))
    landing.stream("tickets", ticket(1))
    landing.stream("ticket_events", event(1))

    first = fastfeast("demo")
    assert first.exit_code == 0, first.output
    lines = {line.split()[0]: line.split() for line in first.stdout.splitlines() if line.split()}
    assert lines["orders"][1:6] == ["1", "3", "2", "1", "1"]
    for answer in ("1. Are tickets answered", "2. When do people order", "3. What are refunds"):
        assert answer in first.stdout
    assert "08:00" in first.stdout
    assert "25.25" in first.stdout
    assert "Transforming" in first.stderr
    for noise in ("RUN_SUCCESS", "dagster", "Warning", "\x1b"):
        assert noise not in first.stderr
    log = (tmp_path / "home" / "logs" / "fastfeast.log").read_text()
    assert "RUN_SUCCESS" in log
    assert EMAIL not in log

    second = fastfeast("demo")
    assert second.exit_code == 0
    assert "nothing has changed" in second.stdout

    landing.put(f"stream/{DAY}/09/tickets.csv", "nonsense\n1\n")
    landing.stream("orders", order(4), hour=9)
    third = fastfeast("ingest")
    assert third.exit_code == 1
    assert "Failed files (1)" in third.stdout
    assert f"stream/{DAY}/09/tickets.csv: contracted columns are missing" in third.stdout
    assert "--retry-failed" in third.stdout
    assert "marts brought up to date" in third.stdout, "one bad file stops nothing else"

    fourth = fastfeast("ingest", "--json")
    assert fourth.exit_code == 0
    assert [item["path"] for item in json.loads(fourth.stdout)["failed_before"]] == [
        f"stream/{DAY}/09/tickets.csv"
    ]
    assert fastfeast("ingest", "--retry-failed").exit_code == 1
