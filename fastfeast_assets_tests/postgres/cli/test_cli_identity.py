"""Commands with settings that do not belong to the warehouse, and `fastfeast upgrade`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fastfeast_assets.ingest.landing.identity import MARK_FILE
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets_tests.landing import DAY, MEMBERS, LandingZone, csv_text, order
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast
from fastfeast_assets_tests.postgres.conftest import Load, Query

RUNBOOK = "docs/runbooks/another-identity.md"
STATE = (
    "select (select jsonb_agg(i) from ops.identity i) as identity, (select count(*) from"
    " ops.audit_log) as news, (select count(*) from ops.pipeline_file_log) as attempts,"
    " (select count(*) from ops.quarantine where status = 'open') as open"
)
CHANGING = (
    ("ingest",),
    ("reprocess", "--partition", DAY, "--yes"),
    ("reprocess", "--partition", DAY),
    ("quarantine", "release", "--file", "*", "--yes"),
    ("quarantine", "discard", "--file", "*", "--reason", "x", "--yes"),
    ("prune", "--what", "log", "--yes"),
    ("prune", "--what", "log"),
    ("upgrade", "--yes"),
)


@pytest.fixture
def loaded(landing: LandingZone, load: Load) -> None:
    """A loaded hour with a refused row."""
    landing.stream("orders", order(1), order(2, order_amount=-5))
    load()


@pytest.fixture
def old(loaded: None, query: Query) -> None:
    """The same, by a version that kept no identities."""
    query("delete from ops.identity returning 1")


@pytest.mark.usefixtures("loaded")
def test_another_clock_is_one_clear_sentence_and_changes_nothing(
    fastfeast: FastFeast, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = query(STATE)
    monkeypatch.setenv("FASTFEAST_TIMEZONE", "Asia/Tokyo")
    for command in CHANGING:
        result = fastfeast(*command)
        assert result.exit_code == 1, command
        assert result.stdout == ""
        assert "Error: FASTFEAST_TIMEZONE is Asia/Tokyo, but this warehouse is on" in result.stderr
        assert "set FASTFEAST_TIMEZONE=UTC; or" in result.stderr
        assert "FASTFEAST_ACCEPT_NEW_TIMEZONE=true once" in result.stderr
        assert RUNBOOK in result.stderr
        assert "Traceback" not in result.output
        assert query(STATE) == before, command


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    "command",
    [
        ("prune", "--what", "log"),
        ("reprocess", "--partition", DAY),
        ("quarantine", "release", "--file", "*"),
        ("quarantine", "discard", "--file", "*", "--reason", "x"),
    ],
    ids=" ".join,
)
def test_a_dry_run_keeps_nothing_of_what_is_accepted(
    fastfeast: FastFeast,
    query: Query,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    before = query(STATE)
    other = LandingZone(tmp_path / "other")
    monkeypatch.setenv("FASTFEAST_LANDING", str(other.root))
    monkeypatch.setenv("FASTFEAST_ACCEPT_NEW_LANDING", "true")
    assert fastfeast(*command).exit_code == 0
    assert query(STATE) == before
    assert not (other.root / MARK_FILE).exists()


@pytest.mark.usefixtures("loaded")
def test_ingest_of_another_zone_loads_nothing(
    fastfeast: FastFeast, query: Query, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = query(STATE)
    other = LandingZone(tmp_path / "other")
    other.stream("orders", order(1, total_amount=1))
    [row] = query("select landing from ops.identity")
    # The variable names the zone of the settings, not whichever is given as an argument.
    monkeypatch.setenv("FASTFEAST_LANDING_ID", row["landing"])
    result = fastfeast("ingest", str(other.root))
    assert result.exit_code == 1
    assert "has no id" in result.stderr
    assert "FASTFEAST_ACCEPT_NEW_LANDING=true once" in result.stderr
    assert query(STATE) == before
    assert not (other.root / MARK_FILE).exists()


@pytest.mark.usefixtures("loaded")
def test_status_and_doctor_show_it(fastfeast: FastFeast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(fastfeast("status", "--json").stdout)["identity_problems"] == []
    monkeypatch.setenv("FASTFEAST_TIMEZONE", "Asia/Tokyo")
    monkeypatch.setenv("FASTFEAST_START_DATE", "2019-01-01")
    problems = json.loads(fastfeast("status", "--json").stdout)["identity_problems"]
    assert [problem.split(" is ")[0] for problem in problems] == [
        "FASTFEAST_TIMEZONE",
        "FASTFEAST_START_DATE",
    ]
    assert "nothing is loaded: FASTFEAST_TIMEZONE is Asia/Tokyo" in fastfeast("status").stdout
    found = {item["check"]: item for item in json.loads(fastfeast("doctor", "--json").stdout)}
    finding = found["identity of the warehouse"]
    assert finding["outcome"] == "fail"
    assert "Asia/Tokyo" in finding["detail"]
    assert RUNBOOK in finding["advice"]


@pytest.mark.usefixtures("old")
def test_a_warehouse_of_before_is_upgraded_after_a_look(
    fastfeast: FastFeast, query: Query, settings: Settings
) -> None:
    refused = fastfeast("ingest")
    assert refused.exit_code == 1
    assert "run `fastfeast upgrade`" in refused.stderr
    [problem] = json.loads(fastfeast("status", "--json").stdout)["identity_problems"]
    assert "run `fastfeast upgrade`" in problem
    mark = settings.landing_directory / MARK_FILE
    mark.unlink()

    shown = fastfeast("upgrade")
    assert shown.exit_code == 0, shown.output
    assert "UTC" in shown.stdout
    assert "1 of 1 loaded files stand there" in shown.stdout
    assert "Nothing was changed; --yes writes it." in shown.stdout
    assert query("select from ops.identity") == query("select from ops.audit_log") == []
    assert not mark.exists()

    written = json.loads(fastfeast("upgrade", "--yes", "--json").stdout)
    assert (written["is_dry_run"], written["steps"]) == (False, [])
    assert written["identity"] == {
        "timezone": "UTC",
        "start_date": "2020-01-01",
        "landing": mark.read_text().splitlines()[0],
        "landing_address": settings.landing,
    }
    [entry] = query("select action, target, new from ops.audit_log")
    assert (entry["action"], entry["new"]) == ("upgrade", written["identity"])
    again = fastfeast("upgrade", "--yes")
    assert (again.exit_code, "Nothing to upgrade." in again.stdout) == (0, True)
    assert query("select count(*) from ops.audit_log") == [{"count": 1}]


def test_the_status_of_a_warehouse_without_the_table(
    fastfeast: FastFeast, warehouse: Warehouse, landing: LandingZone, load: Load
) -> None:
    """Status migrates nothing, and tells of it all the same."""
    landing.batch("teams")
    for problems in ([], ["this warehouse holds loads and does not know yet whose it is"]):
        with warehouse.connect() as connection:
            connection.execute("alter table ops.identity rename to hidden")
        found = json.loads(fastfeast("status", "--json").stdout)["identity_problems"]
        assert [problem.partition(":")[0] for problem in found] == problems
        with warehouse.connect() as connection:
            connection.execute("alter table ops.hidden rename to identity")
        load()


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("START_DATE", "2026-11-20", "holds files of 2026-11-19"),
        ("PII_KEY", "another-key-for-tests-0123456789abcdef", "FASTFEAST_PII_KEY is not the key"),
        ("LANDING", "elsewhere", "none of the 1 loaded files stands in the landing zone"),
        ("LANDING", "nowhere", "none of the 1 loaded files stands in the landing zone"),
    ],
)
def test_settings_that_it_was_not_loaded_with_are_refused(
    fastfeast: FastFeast,
    query: Query,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    problem: str,
) -> None:
    (tmp_path / "elsewhere").mkdir()
    place = str(tmp_path / value) if variable == "LANDING" else value
    monkeypatch.setenv(f"FASTFEAST_{variable}", place)
    result = fastfeast("upgrade", "--yes")
    assert result.exit_code == 1
    assert problem in result.stderr
    assert query("select from ops.identity") == []


def test_master_files_tell_the_first_partition(
    fastfeast: FastFeast,
    landing: LandingZone,
    load: Load,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landing.put("master/teams.csv", csv_text([MEMBERS["teams"]]))
    load()
    query("delete from ops.identity returning 1")
    monkeypatch.setenv("FASTFEAST_START_DATE", "2019-01-01")
    result = fastfeast("upgrade", "--yes")
    assert result.exit_code == 1
    assert "set FASTFEAST_START_DATE=2020-01-01" in result.stderr


@pytest.mark.usefixtures("old")
def test_a_zone_whose_files_have_left_is_accepted(
    fastfeast: FastFeast,
    landing: LandingZone,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (landing.root / f"stream/{DAY}/08/orders.json").unlink()
    assert fastfeast("upgrade", "--yes").exit_code == 1
    monkeypatch.setenv("FASTFEAST_ACCEPT_NEW_LANDING", "true")
    assert fastfeast("upgrade", "--yes").exit_code == 0
    assert query("select timezone from ops.identity") == [{"timezone": "UTC"}]


def test_a_new_warehouse_needs_no_upgrade(fastfeast: FastFeast, query: Query) -> None:
    result = fastfeast("upgrade", "--yes")
    assert (result.exit_code, "Nothing to upgrade." in result.stdout) == (0, True)
    assert query("select from ops.identity") == []


@pytest.mark.parametrize("value", ["two words", "-x", "x" * 65, "a/b"])
def test_an_id_of_other_signs_is_refused(
    fastfeast: FastFeast, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("FASTFEAST_LANDING_ID", value)
    result = fastfeast("status")
    assert result.exit_code == 2
    assert "FASTFEAST_LANDING_ID: must be 1 to 64 letters" in result.stderr
