"""Warehouses of released versions are upgraded in place, and lose nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.cli.main import dbtRunner
from psycopg import sql
from pydantic import SecretStr

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse, version
from fastfeast_assets.warehouse.connection import url_of
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets.warehouse.upgrade import migrations
from fastfeast_assets_tests.conftest import PII_KEY
from fastfeast_assets_tests.dbt.conftest import DATABASE, Project, project_options
from fastfeast_assets_tests.landing import DAY, LandingZone, order
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast
from fastfeast_assets_tests.postgres.cli.conftest import bare as bare
from fastfeast_assets_tests.postgres.cli.conftest import fastfeast as fastfeast
from fastfeast_assets_tests.postgres.cli.conftest import variables as variables
from fastfeast_assets_tests.postgres.conftest import look
from fastfeast_assets_tests.releases.kept import Release, Rows, marts_of, releases
from fastfeast_assets_tests.releases.next_version import MIGRATION, VERSION, next_version

pytestmark = pytest.mark.long

Look = Callable[[str], list[tuple[Any, ...]]]

# Whatever an upgrade may change.
STATE = (
    "select (select count(*) from ops.schema_migration), (select count(*) from ops.audit_log),"
    " (select count(*) from ops.consumed_load), (select jsonb_agg(c order by c) from"
    " (select table_schema, table_name, column_name, data_type, numeric_precision"
    " from information_schema.columns"
    " where table_schema in ('raw', 'ops', 'marts', 'analytics')) c)"
)
WAITING = (
    "select source, primary_key, status, retry_count from ops.quarantine order by quarantine_id"
)
KEPT = "select count(*) from ops.audit_log where action = 'keep'"


@pytest.fixture(params=releases(), ids=lambda release: str(release.version))
def release(request: pytest.FixtureRequest) -> Release:
    """A released version."""
    kept: Release = request.param
    return kept


@pytest.fixture
def settings(release: Release, server_url: str, tmp_path: Path) -> Settings:
    """Settings of its warehouse, which is put back with its landing zone."""
    name = sql.Identifier(DATABASE)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))
        connection.execute(sql.SQL("create database {}").format(name))
    url = url_of(server_url, dbname=DATABASE)
    release.put_back(url, tmp_path / "landing")
    return Settings(
        home=tmp_path / "home",
        landing=tmp_path / "landing",
        warehouse_url=SecretStr(url),
        pii_key=SecretStr(PII_KEY),
        settle_seconds=0,
    )


@pytest.fixture
def url(settings: Settings) -> str:
    """Of the warehouse."""
    assert settings.warehouse_url is not None
    return settings.warehouse_url.get_secret_value()


@pytest.fixture
def ask(url: str) -> Look:
    """Rows of a query, without bringing the warehouse to the present."""

    def rows(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(url) as connection:
            return connection.execute(statement.encode()).fetchall()

    return rows


def test_a_released_warehouse_becomes_one_of_today(
    release: Release, settings: Settings, fastfeast: FastFeast, url: str
) -> None:
    """By the next ingest, where that may; it loads as always."""
    steps = json.loads(fastfeast("upgrade", "--json").stdout)["steps"]
    if not all(step["is_by_itself"] for step in steps):
        assert fastfeast("upgrade", "--yes", "--no-transform").exit_code == 0
    LandingZone(settings.landing_directory).stream("orders", order(20), day=DAY)
    result = fastfeast("ingest")
    assert result.exit_code == 0, result.output
    marts = marts_of(url)
    marts["fact_order"] = [row for row in marts["fact_order"] if row["order_id"][-2:] != "20"]
    truth = release.marts()
    assert {name: _known(marts[name], rows) for name, rows in truth.items()} == truth
    assert json.loads(fastfeast("upgrade", "--json").stdout)["steps"] == []


def test_hashes_of_persons_stay_what_they_were(
    release: Release, fastfeast: FastFeast, ask: Look
) -> None:
    """Raw keeps no originals: another way to hash would part every person from what is known."""
    hashes = "select customer_id, email_hash, phone_hash from raw.customers order by 1, 2, 3"
    before = ask(hashes)
    assert fastfeast("upgrade", "--yes", "--no-transform").exit_code == 0
    loads = "select distinct _load_id from raw.customers"
    old = ask(loads)
    days = ("--from", "2020-01-01", "--to", "2026-12-31")
    result = fastfeast(
        "reprocess", "--source", "customers", *days, "--yes", "--no-transform", "--json"
    )
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["reports"]) == len(old) > 0
    assert ask(hashes) == before != []
    assert not set(ask(loads)) & set(old)
    assert ask("select scheme from ops.pii_key") == [("direct",)]


def test_dropping_the_marts_is_no_upgrade(
    warehouse: Warehouse, url: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would lose what raw no longer holds; it says how much, and drops nothing."""
    before = marts_of(url)
    told: list[str] = []
    runner = dbtRunner(callbacks=[lambda event: told.append(str(getattr(event.info, "msg", "")))])
    command = ["run-operation", "drop_marts", *project_options(project.target)]
    for name, value in warehouse.dbt_environment().items():
        monkeypatch.setenv(name, value)
    assert not runner.invoke(command).success
    text = "\n".join(told)
    assert "would be lost" in text
    assert "fact_order 4, fact_ticket 3, fact_ticket_event 4; nothing was dropped" in text
    assert marts_of(url) == before


def _known(rows: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows without columns that came later."""
    return [{name: row[name] for name in row if name in before[0]} for row in rows]


def test_a_released_warehouse_becomes_one_of_the_next_version(
    release: Release,
    settings: Settings,
    fastfeast: FastFeast,
    url: str,
    ask: Look,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Changed: columns new, renamed, retyped; a view, a check, a contract, a source, `ops`."""
    before, waiting, kept, truth = ask(STATE), ask(WAITING), ask(KEPT), release.marts()
    made = next_version(tmp_path / "next")
    with monkeypatch.context() as patch:
        patch.setattr(version, "this_version", lambda: VERSION)
        patch.setattr("fastfeast_assets.warehouse.upgrade.plan.this_version", lambda: VERSION)
        known = [*migrations.migrations(), MIGRATION]
        patch.setattr(migrations, "migrations", lambda: known)
        patch.setenv("FASTFEAST_DBT_PROJECT_DIR", str(made.dbt_project))
        patch.setenv("FASTFEAST_CONTRACTS_DIR", str(made.contracts))
        made.parse()

        refused = fastfeast("ingest")
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "run `fastfeast upgrade`; nothing was changed" in refused.stderr
        assert ask(STATE) == before

        shown = json.loads(fastfeast("upgrade", "--json").stdout)
        assert ask(STATE) == before
        assert shown["is_dry_run"]
        assert (shown["warehouse_version"], shown["version"]) == (release.version, VERSION)
        assert "9901 next" in shown["migrations"]
        assert [(step["table"], step["what"].partition(";")[0]) for step in shown["steps"]] == [
            ("raw.orders", "new column tip_amount numeric(10,2)"),
            (
                "marts.fact_order",
                "new column net_amount numeric(10,2), total_amount - delivery_fee where raw tells"
                " nothing",
            ),
            ("marts.fact_order", "new column method_in_raw text"),
            (
                "marts.fact_ticket",
                "column refund_amount numeric(10,2) becomes numeric(12,2)",
            ),
            ("marts.fact_ticket_event", "column notes becomes remarks"),
        ]
        assert not any(step["problem"] for step in shown["steps"])

        done = fastfeast("upgrade", "--yes")
        assert done.exit_code == 0, done.output
        assert json.loads(fastfeast("status", "--json").stdout)["warehouse_version"] == VERSION
        assert fastfeast("upgrade").stdout.strip().endswith("Nothing to upgrade.")
        marts = _as_before(marts_of(url), ask)
        assert marts.pop("dim_promotion") == []
        assert marts == truth
        assert ask(WAITING) == waiting
        assert ask(KEPT) == kept
        assert ask("select distinct shift from analytics.orders_by_hour") == [("MORNING",)]

        landing = LandingZone(settings.landing_directory)
        landing.batch("teams", {"promotion_id": 1, "code": "KOSHARY10"}, day=DAY).rename(
            landing.root / "batch" / DAY / "promotions.csv"
        )
        landing.stream("orders", order(20, tip_amount=3), day=DAY)
        contracts = load_contracts(made.contracts)
        warehouse = Warehouse(settings)
        for file in look(settings, contracts).files:
            report = load_file(
                warehouse, contracts[file.source], file, run_id="next", settings=settings
            )
            assert report.status in {"success", "skipped"}
        assert ask("select code from raw.promotions") == [("KOSHARY10",)]
        assert ask("select tip_amount from raw.orders where tip_amount is not null") == [(3,)]

    older = fastfeast("ingest")
    assert older.exit_code == 1
    assert f"this warehouse is of fastfeast {VERSION}, migration 9901, and this is" in older.stderr


def _as_before(marts: Rows, ask: Look) -> Rows:
    """The marts without what is new, which is compared with what it is made of."""
    for row in marts["fact_order"]:
        assert row.pop("net_amount") == row["total_amount"] - row["delivery_fee"]
    for row in marts["fact_ticket_event"]:
        row["notes"] = row.pop("remarks")
    in_raw = {key for (key,) in ask("select order_id from raw.orders")}
    for row in marts["fact_order"]:
        is_there = row["order_id"] in in_raw and row["_partition_at"] >= "2026-10"
        assert row.pop("method_in_raw") == (row["payment_method"] if is_there else None)
    return marts
