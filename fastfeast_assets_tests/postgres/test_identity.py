"""A warehouse knows whose it is: another clock, first partition or landing zone is refused."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing.identity import MARK_FILE
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse, identity, identity_guard, ledger
from fastfeast_assets.warehouse.discard import discard
from fastfeast_assets.warehouse.identity import IdentityError, UnknownIdentityError
from fastfeast_assets.warehouse.identity_guard import IdentityChangedError
from fastfeast_assets.warehouse.load import FileReport, load_file
from fastfeast_assets.warehouse.release import release
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, csv_text, order
from fastfeast_assets_tests.postgres.conftest import Query, look

EVERYTHING = (
    "select (select count(*) from raw.teams) as rows, (select count(*) from ops.audit_log) as news,"
    " (select count(*) from ops.pipeline_file_log) as attempts,"
    " (select jsonb_agg(i) from ops.identity i) as identity"
)
WAITING = (
    "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
)


class Shell:
    """Loads with the settings of a test, or others."""

    def __init__(self, settings: Settings, contracts: Mapping[str, Contract]) -> None:
        self.settings = settings
        self.warehouse = Warehouse(settings)
        self.warehouse.prepare(contracts)
        self._contracts = contracts

    def load(self, **changes: Any) -> list[FileReport]:
        """Everything pending, with some settings changed."""
        settings = self.settings.model_copy(update=changes)
        with self.warehouse.connect() as connection:
            files = ledger.pending(connection, look(settings, self._contracts).files)
        return [
            load_file(
                self.warehouse,
                self._contracts[file.source],
                file,
                run_id="test",
                settings=settings,
            )
            for file in files
        ]

    def ensure(self, **changes: Any) -> None:
        """Ask the guard alone."""
        with self.warehouse.connect(autocommit=True) as connection:
            identity_guard.ensure(connection, self.settings.model_copy(update=changes))


@pytest.fixture
def shell(settings: Settings, contracts: Mapping[str, Contract]) -> Shell:
    return Shell(settings, contracts)


@pytest.fixture
def other(tmp_path: Path) -> LandingZone:
    """Another landing zone, with a file under the path of the first one's."""
    zone = LandingZone(tmp_path / "other")
    zone.batch("teams", team_name="Strangers")
    return zone


def mark(root: Path) -> str:
    return (root / MARK_FILE).read_text().splitlines()[0]


def test_the_first_load_gives_a_warehouse_its_identity(
    landing: LandingZone, shell: Shell, query: Query, settings: Settings
) -> None:
    shell.ensure()
    assert query("select from ops.identity") == []
    assert not (landing.root / MARK_FILE).exists()
    landing.batch("teams")
    [report] = shell.load()
    assert report.status == "success"
    [row] = query("select timezone, start_date, landing, landing_address from ops.identity")
    assert row == {
        "timezone": "UTC",
        "start_date": date(2020, 1, 1),
        "landing": mark(landing.root),
        "landing_address": settings.landing,
    }
    assert query("select from ops.audit_log") == []
    assert shell.load() == []


def test_a_first_file_that_fails_gives_it_as_well(
    landing: LandingZone, shell: Shell, query: Query
) -> None:
    """The ledger knows its path from then on, and other zones have the same paths."""
    landing.put("batch/2026-11-19/teams.csv", "")
    [report] = shell.load()
    assert report.status == "failed"
    assert query("select timezone from ops.identity") == [{"timezone": "UTC"}]


@pytest.mark.parametrize(
    ("changes", "accept", "advice"),
    [
        ({"timezone": "Asia/Tokyo"}, "accept_new_timezone", "FASTFEAST_TIMEZONE=UTC"),
        (
            {"start_date": date(2019, 1, 1)},
            "accept_new_start_date",
            "FASTFEAST_START_DATE=2020-01-01",
        ),
        ({"landing": "other"}, "accept_new_landing", "set FASTFEAST_LANDING"),
    ],
    ids=["timezone", "start date", "landing zone"],
)
def test_another_identity_changes_nothing_until_it_is_accepted(
    landing: LandingZone,
    other: LandingZone,
    shell: Shell,
    query: Query,
    changes: dict[str, Any],
    accept: str,
    advice: str,
) -> None:
    if "landing" in changes:
        changes = {"landing": str(other.root)}
    landing.batch("teams")
    shell.load()
    before = query(EVERYTHING)
    for zone in (landing, other):
        zone.batch("teams", team_name="News")
        zone.put("batch/2026-11-18/teams.csv", "")
    for call in (shell.load, shell.ensure):
        with pytest.raises(IdentityChangedError) as caught:
            call(**changes)
        assert advice in str(caught.value)
        assert f"FASTFEAST_{accept.upper()}=true once" in str(caught.value)
    assert query(EVERYTHING) == before
    assert not (other.root / MARK_FILE).exists()

    reports = shell.load(**changes, **{accept: True})
    assert sorted(report.status for report in reports) == ["failed", "success"]
    shell.ensure(**changes)
    with pytest.raises(IdentityChangedError):
        shell.ensure()
    [entry] = query("select action, target, old, new from ops.audit_log")
    assert (entry["action"], entry["target"]) == ("accept", "warehouse/identity")
    assert entry["old"].keys() == entry["new"].keys() >= {next(iter(changes))}
    shell.load(**changes, **{accept: True})
    assert query("select count(*) from ops.audit_log") == [{"count": 1}]


def test_every_difference_is_told_and_each_is_accepted_by_its_own_variable(
    landing: LandingZone, other: LandingZone, shell: Shell, query: Query
) -> None:
    landing.batch("teams")
    shell.load()
    before = query(EVERYTHING)
    changes = {
        "timezone": "Asia/Tokyo",
        "start_date": date(2019, 1, 1),
        "landing": str(other.root),
    }
    with pytest.raises(IdentityChangedError) as caught:
        shell.ensure(**changes, accept_new_timezone=True)
    assert len(str(caught.value).splitlines()) == 2
    assert "FASTFEAST_TIMEZONE" not in str(caught.value)
    assert query(EVERYTHING) == before
    shell.ensure(
        **changes,
        accept_new_timezone=True,
        accept_new_start_date=True,
        accept_new_landing=True,
    )
    [row] = query("select new from ops.audit_log")
    assert row["new"] == {
        "timezone": "Asia/Tokyo",
        "start_date": "2019-01-01",
        "landing": mark(other.root),
        "landing_address": str(other.root),
    }


def test_the_same_zone_from_another_home(
    landing: LandingZone, shell: Shell, tmp_path: Path
) -> None:
    landing.batch("teams")
    shell.load()
    link = tmp_path / "mounted"
    link.symlink_to(landing.root)
    landing.batch("channels")
    [report] = shell.load(home=tmp_path / "elsewhere", landing=str(link))
    assert report.status == "success"


def test_a_zone_that_moved_is_the_same_and_a_copy_is_not(
    landing: LandingZone, shell: Shell, tmp_path: Path
) -> None:
    landing.batch("teams")
    shell.load()
    place = tmp_path / "disk" / "landing"
    shutil.copytree(landing.root, place)
    (place / "batch/2026-11-18").mkdir()
    shutil.copy(place / "batch/2026-11-19/teams.csv", place / "batch/2026-11-18/teams.csv")
    with pytest.raises(IdentityChangedError, match="is a copy of"):
        shell.load(landing=str(place))
    shutil.rmtree(landing.root)
    assert {report.status for report in shell.load(landing=str(place))} == {"success", "skipped"}


def test_a_copy_that_is_accepted_takes_the_place_of_the_first(
    landing: LandingZone, shell: Shell, query: Query, tmp_path: Path
) -> None:
    landing.batch("teams")
    shell.load()
    copy = str(shutil.copytree(landing.root, tmp_path / "copy"))
    shell.ensure(landing=copy, accept_new_landing=True)
    assert query("select landing_address from ops.identity") == [{"landing_address": copy}]
    shell.ensure(landing=copy)
    with pytest.raises(IdentityChangedError, match="is a copy of"):
        shell.ensure()


def test_a_directory_without_the_id_is_not_the_zone(
    landing: LandingZone, shell: Shell, tmp_path: Path
) -> None:
    """Such as the place where a disk is to be mounted, or one in another container."""
    landing.batch("teams")
    shell.load()
    known = mark(landing.root)
    (landing.root / MARK_FILE).unlink()
    with pytest.raises(IdentityChangedError, match="Is it mounted") as caught:
        shell.ensure()
    assert f"FASTFEAST_LANDING_ID={known}" in str(caught.value)
    shell.ensure(landing_id=known)
    (landing.root / MARK_FILE).write_text(known)
    shell.ensure()
    assert (tmp_path / "nowhere").exists() is False
    shell.ensure(landing=str(tmp_path / "nowhere"))


def test_an_id_in_the_zone_speaks_before_the_variable(
    landing: LandingZone, other: LandingZone, shell: Shell
) -> None:
    landing.batch("teams")
    shell.load()
    (other.root / MARK_FILE).write_text("theirs\n")
    with pytest.raises(IdentityChangedError, match="this one has the id theirs"):
        shell.load(landing=str(other.root), landing_id=mark(landing.root))


def test_a_zone_with_a_given_id_is_left_as_it_is_and_may_move(
    landing: LandingZone, shell: Shell, tmp_path: Path
) -> None:
    landing.batch("teams")
    shell.load(landing_id="exports-1")
    assert not (landing.root / MARK_FILE).exists()
    place = str(landing.root.rename(tmp_path / "moved"))
    shell.ensure(landing=place, landing_id="exports-1")
    with pytest.raises(IdentityChangedError, match="FASTFEAST_LANDING_ID=exports-1"):
        shell.ensure(landing=place)


def test_a_zone_that_cannot_hold_an_id_is_known_by_its_place(
    landing: LandingZone,
    shell: Shell,
    query: Query,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    landing.batch("teams")
    shell.load()
    assert [path.name for path in landing.root.iterdir()] == ["batch"]
    [row] = query("select landing from ops.identity")
    assert row["landing"].startswith(f"{landing.root} (inode ")
    monkeypatch.undo()
    shell.ensure()
    # Another warehouse may give it an id meanwhile.
    (landing.root / MARK_FILE).write_text("theirs\n")
    shell.ensure()
    landing.root.rename(tmp_path / "moved")
    LandingZone(landing.root)
    with pytest.raises(IdentityChangedError):
        shell.ensure()
    with pytest.raises(IdentityChangedError):
        shell.ensure(landing=str(tmp_path / "moved"))


@pytest.mark.parametrize("content", ["", "\n", "two words\n", "../../etc\n", "é\n", "x" * 65])
def test_a_broken_id_file_is_no_id(landing: LandingZone, shell: Shell, content: str) -> None:
    landing.batch("teams")
    (landing.root / MARK_FILE).write_text(content)
    with pytest.raises(IdentityError, match="holds no id of a landing zone"):
        shell.load()
    (landing.root / MARK_FILE).unlink()
    shell.load()
    (landing.root / MARK_FILE).unlink()
    os.mkfifo(landing.root / MARK_FILE)
    with pytest.raises(IdentityError, match="holds no id") as caught:
        shell.ensure(accept_new_landing=True)
    assert "FASTFEAST_ACCEPT" not in str(caught.value)


def test_two_first_loads_of_two_zones_at_once(
    landing: LandingZone, other: LandingZone, shell: Shell, query: Query
) -> None:
    landing.batch("teams")
    other.batch("channels")
    caught: list[Exception] = []

    def second() -> None:
        try:
            shell.load(landing=str(other.root))
        except IdentityChangedError as error:
            caught.append(error)

    with shell.warehouse.connect() as connection:
        identity_guard.claim(connection, shell.settings)
        thread = threading.Thread(target=second)
        thread.start()
        while thread.is_alive() and not query(WAITING):
            pass
        connection.commit()
        thread.join()
    assert len(caught) == 1
    assert query("select from raw.channels") == query("select from raw.teams") == []


def test_a_warehouse_of_before_takes_its_identity_by_upgrade_alone(
    landing: LandingZone, shell: Shell, query: Query
) -> None:
    landing.batch("teams")
    shell.load()
    query("delete from ops.identity returning 1")
    landing.batch("channels")
    for call in (shell.load, shell.ensure):
        with pytest.raises(UnknownIdentityError, match="fastfeast upgrade"):
            call(accept_new_timezone=True)
    assert query("select from ops.identity") == []
    with shell.warehouse.connect(autocommit=True) as connection:
        identity.upgrade(connection, shell.settings)
        with pytest.raises(IdentityError, match="quicker"):
            identity.upgrade(connection, shell.settings)
    [report] = shell.load()
    assert report.status == "success"
    [entry] = query("select action, target, old, new from ops.audit_log")
    assert (entry["action"], entry["target"], entry["old"]) == (
        "upgrade",
        "warehouse/identity",
        None,
    )
    assert entry["new"]["timezone"] == "UTC"


def test_master_files_move_with_an_accepted_start_date(
    landing: LandingZone, shell: Shell, query: Query
) -> None:
    """A snapshot wins over master files whichever was loaded first, also of days added later."""
    landing.put("master/teams.csv", csv_text([MEMBERS["teams"]]))
    shell.load()
    landing.put("batch/2019-06-01/teams.csv", csv_text([MEMBERS["teams"]]))
    earlier = {"start_date": date(2019, 1, 1)}
    reports = shell.load(**earlier, accept_new_start_date=True)
    assert [report.partition_key for report in reports] == ["2019-01-01", "2019-06-01"]
    assert shell.load(**earlier) == []
    assert query("select _partition_at::date as day from raw.teams order by 1") == [
        {"day": date(2019, 1, 1)},
        {"day": date(2019, 6, 1)},
    ]


def test_a_start_date_behind_loaded_files_is_never_accepted(
    landing: LandingZone, shell: Shell, query: Query
) -> None:
    landing.put("master/teams.csv", csv_text([MEMBERS["teams"]]))
    landing.batch("teams", day="2026-11-18")
    shell.load()
    before = query(EVERYTHING)
    with pytest.raises(IdentityChangedError, match="later than 2026-11-18") as caught:
        shell.ensure(start_date=date(2026, 11, 19), accept_new_start_date=True)
    assert "FASTFEAST_ACCEPT" not in str(caught.value)
    assert query(EVERYTHING) == before
    shell.ensure(start_date=date(2026, 11, 18), accept_new_start_date=True)


def test_decisions_are_guarded_and_dry_runs_keep_nothing(
    landing: LandingZone, shell: Shell, query: Query, contracts: Mapping[str, Contract]
) -> None:
    landing.stream("orders", order(1, order_amount=-5))
    shell.load()
    before = query(EVERYTHING)
    ids = [row["quarantine_id"] for row in query("select quarantine_id from ops.quarantine")]
    tokyo = shell.settings.model_copy(update={"timezone": "Asia/Tokyo"})
    accepted = tokyo.model_copy(update={"accept_new_timezone": True})
    for settings, is_dry_run in ((tokyo, False), (tokyo, True), (accepted, True)):
        warehouse = Warehouse(settings)
        if settings is tokyo:
            with pytest.raises(IdentityChangedError):
                release(
                    warehouse,
                    contracts,
                    ids,
                    settings=settings,
                    run_id="test",
                    is_dry_run=is_dry_run,
                )
            with pytest.raises(IdentityChangedError):
                discard(warehouse, ids, reason="x", is_dry_run=is_dry_run)
        else:
            release(
                warehouse, contracts, ids, settings=settings, run_id="test", is_dry_run=is_dry_run
            )
            discard(warehouse, ids, reason="x", is_dry_run=is_dry_run)
        assert query(EVERYTHING) == before


def test_another_key_logs_no_failure_either(
    landing: LandingZone, shell: Shell, query: Query
) -> None:
    landing.batch("teams")
    shell.load()
    landing.put("batch/2026-11-20/teams.csv", "")
    with pytest.raises(IdentityError, match="FASTFEAST_PII_KEY"):
        shell.load(pii_key=SecretStr("another-key-for-tests-0123456789abcdef"))
    assert query("select count(*) from ops.pipeline_file_log") == [{"count": 1}]


def test_a_warehouse_has_one_identity(warehouse: Warehouse, settings: Settings) -> None:
    settings.landing_directory.mkdir()
    with warehouse.connect(autocommit=True) as connection:
        identity.take(connection, identity.present(settings))
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(
                "insert into ops.identity select false, timezone, start_date, landing,"
                " landing_address from ops.identity"
            )
