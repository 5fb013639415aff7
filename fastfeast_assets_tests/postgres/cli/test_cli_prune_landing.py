"""`fastfeast prune --what landing`: what is deleted for good, and what stays."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fastfeast_assets.commands import prune as command
from fastfeast_assets.settings import Settings
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, ObjectZone, order
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast
from fastfeast_assets_tests.postgres.conftest import Load, Query

OLD, YOUNG = "2024-01-05", "2024-01-06"
PRUNE = ("prune", "--what", "landing", "--keep-days", "30")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A year has gone by since the files landed."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(days=365)

    monkeypatch.setattr(command, "datetime", Later)


def standing(root: Path) -> list[str]:
    """The files of the zone, hidden ones aside."""
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    )


@pytest.mark.usefixtures("later")
def test_only_what_is_loaded_unchanged_and_waited_for_by_nobody_goes(
    fastfeast: FastFeast, landing: LandingZone, load: Load, query: Query
) -> None:
    landing.batch("customers", day=OLD)
    landing.batch("agents", gender="x", skill_level="none", day=OLD)
    landing.stream("orders", order(1), day=OLD)
    landing.batch("drivers", day=OLD)
    landing.put(f"batch/{OLD}/teams.csv", "team\n1\n")
    landing.put(f"batch/{OLD}/strange.txt", "who knows")
    landing.batch("segments", day=OLD)
    (landing.root / f"batch/{YOUNG}").mkdir()
    (landing.root / f"batch/{YOUNG}/segments.csv").symlink_to(
        landing.root / f"batch/{OLD}/segments.csv"
    )
    load()
    landing.batch("drivers", driver_name="Another Name", day=OLD)
    landing.batch("cities", day=OLD)
    before = standing(landing.root)
    shown = json.loads(fastfeast(*PRUNE, "--json").stdout)["items"]
    assert standing(landing.root) == before
    assert (shown[0]["count"], shown[0]["done"]) == (2, 0)
    assert sorted(item["note"] for item in shown[1:]) == [
        "1: changed since it was loaded",
        "1: rows of it wait or are refused: resolve, release or discard them",
        "2: a link, or what one leads to: remove both yourself",
        "2: not loaded",
    ]
    done = fastfeast(*PRUNE, "--yes")
    assert done.exit_code == 0, done.output
    assert set(before) - set(standing(landing.root)) == {
        f"batch/{OLD}/customers.csv",
        f"stream/{OLD}/08/orders.json",
    }
    assert "changed since it was loaded" in done.output
    assert "not loaded" in done.output
    assert "rows of it wait or are refused" in done.output
    audited = query("select target from ops.audit_log where action = 'prune' order by 1")
    assert [row["target"] for row in audited] == [
        f"batch/{OLD}/customers.csv",
        f"stream/{OLD}/08/orders.json",
    ]
    assert query("select count(*) from raw.customers") == [{"count": 1}]


@pytest.mark.usefixtures("later")
def test_a_deleted_file_is_not_missed_and_reprocess_says_where_it_went(
    fastfeast: FastFeast, landing: LandingZone, load: Load, query: Query
) -> None:
    """The one of the middle hour goes: a hole, but one that we have made ourselves."""
    for hour in (8, 9, 10):
        bad = {"order_amount": -1} if hour != 9 else {}
        landing.stream("orders", order(hour, **bad), hour=hour, day=OLD)
    load()
    path = f"stream/{OLD}/09/orders.json"
    assert fastfeast(*PRUNE, "--yes").exit_code == 0
    assert not (landing.root / path).exists()
    assert json.loads(fastfeast("status", "--json").stdout)["vanished"] == 0
    told = json.loads(fastfeast("reprocess", path, "--yes", "--json").stdout)
    assert "deleted on" in told["skipped"][0]["reason"]
    assert "prune --what landing" in told["skipped"][0]["reason"]
    assert query("select count(*) from raw.orders") == [{"count": 1}]
    # Delivered again, it is the same file, and is missed when it vanishes.
    landing.stream("orders", order(9), hour=9, day=OLD)
    assert load()[path].status == "skipped"
    (landing.root / path).unlink()
    assert json.loads(fastfeast("status", "--json").stdout)["vanished"] == 1


def test_nothing_is_deleted_unless_it_is_named_with_a_time(
    fastfeast: FastFeast, landing: LandingZone, load: Load
) -> None:
    landing.batch("customers", day=OLD)
    load()
    refused = fastfeast("prune", "--what", "landing", "--yes")
    assert refused.exit_code == 2
    assert "give --keep-days" in refused.output
    assert fastfeast("prune", "--keep-days", "30", "--yes").exit_code == 0
    assert fastfeast(*PRUNE, "--yes").exit_code == 0
    assert standing(landing.root) == [f"batch/{OLD}/customers.csv"], "it has only just landed"


@pytest.mark.usefixtures("later")
def test_who_may_not_delete_is_told_so_and_nothing_is_lost(
    fastfeast: FastFeast,
    landing: LandingZone,
    load: Load,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landing.batch("customers", day=OLD)
    load()

    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        result = fastfeast(*PRUNE, "--yes")
    assert result.exit_code == 1
    assert "grant write on its folder" in result.output.replace("\n", " ")
    assert query("select landing_pruned_at from ops.pipeline_file_log") == [
        {"landing_pruned_at": None}
    ]
    assert query("select count(*) from ops.audit_log where action = 'prune'") == [{"count": 0}]


@pytest.mark.usefixtures("later")
def test_a_file_that_changes_at_the_last_moment_stays(
    fastfeast: FastFeast,
    landing: LandingZone,
    load: Load,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = landing.batch("customers", day=OLD)
    load()
    lstat = os.lstat

    def replaced(place: Any, **options: Any) -> os.stat_result:
        if "customers" in str(place) and query(
            "select from ops.pipeline_file_log where landing_pruned_at is not null"
        ):
            path.write_text("somebody else's")
        return lstat(place, **options)

    monkeypatch.setattr(os, "lstat", replaced)
    assert fastfeast(*PRUNE, "--yes").exit_code == 0
    monkeypatch.undo()
    assert path.read_text() == "somebody else's"
    assert query("select landing_pruned_at from ops.pipeline_file_log") == [
        {"landing_pruned_at": None}
    ]


@pytest.mark.usefixtures("later")
def test_objects_are_deleted_too(
    settings: Settings,
    bare: FastFeast,
    variables: Callable[[Settings], None],
    monkeypatch: pytest.MonkeyPatch,
    query: Query,
) -> None:
    address = "memory://prune/landing"
    zone = ObjectZone(address)
    zone.batch("customers", day=OLD)
    zone.batch("segments", {**MEMBERS["segments"], "segment_name": "none"}, day=OLD)
    variables(settings.model_copy(update={"landing": address}))
    monkeypatch.setenv("FASTFEAST_LANDING_ID", "objects")
    loaded = bare("reprocess", "--partition", OLD, "--yes", "--no-transform")
    assert loaded.exit_code == 0, loaded.output
    result = bare(*PRUNE, "--yes")
    assert result.exit_code == 0, result.output
    left = [name.rpartition("/")[2] for name in zone.store.find(zone.root)]
    assert left == ["segments.csv"]
    zone.store.rm(zone.root, recursive=True)
    assert len(query("select from ops.audit_log where action = 'prune'")) == 1
