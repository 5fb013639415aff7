"""`fastfeast withdraw` as an operator calls it, and what `status` says of files that have gone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from fastfeast_assets.automation.instance import open_instance
from fastfeast_assets.checks.evidence import last_report, with_record
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse, ledger
from fastfeast_assets.warehouse.load import FileReport, load_file
from fastfeast_assets.warehouse.withdraw import ANEW, Untouched, Withdrawal, look, withdraw
from fastfeast_assets_tests.landing import DAY, LandingZone, ObjectZone, order, ticket
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast
from fastfeast_assets_tests.postgres.conftest import Load, Query
from fastfeast_assets_tests.postgres.conftest import look as scan
from fastfeast_assets_tests.waiting import until

ORDERS = f"stream/{DAY}/08/orders.json"
SURE = ("--reason", "wrong hour", "--yes", "--no-transform")


def found(result: Any, exit_code: int = 0) -> dict[str, Any]:
    assert result.exit_code == exit_code, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def test_withdraw_shows_first_and_does_it_when_told(
    fastfeast: FastFeast, landing: LandingZone, load: Load, query: Query, settings: Settings
) -> None:
    path = landing.stream("orders", order(1), order(2), order(3, order_amount=-1))
    load()
    assert fastfeast("withdraw", ORDERS).exit_code == 2
    assert fastfeast("withdraw", ORDERS, "--reason", " ", "--yes").exit_code == 2
    shown = fastfeast("withdraw", str(path), "--reason", "wrong hour")
    assert "1 files would be withdrawn. Nothing was changed; --yes does it." in shown.stdout
    assert query("select count(*) from raw.orders") == [{"count": 2}]

    done = fastfeast("withdraw", str(path), *SURE)
    assert done.exit_code == 0, done.output
    assert "not loaded again until its content changes" in done.stdout
    assert "The marts follow with the next `fastfeast ingest`" in done.stdout
    assert query("select count(*) from raw.orders") == [{"count": 0}]
    assert query("select status from ops.quarantine") == [{"status": "resolved"}]
    [log] = query("select * from ops.pipeline_file_log")
    assert (log["is_loaded"], log["is_latest"], log["generation"]) == (False, True, 1)
    assert log["withdrawn_at"] is not None
    assert (log["total_records"], log["valid_records"], log["quarantined"]) == (3, 2, 1)
    [audit] = query("select action, target, old, new from ops.audit_log")
    assert (audit["action"], audit["target"]) == ("withdraw", ORDERS)
    assert audit["old"]["valid_records"] == 2
    assert audit["new"] == {"status": "withdrawn", "reason": "wrong hour"}
    with open_instance(settings) as instance:
        [seen] = instance.fetch_observations(dg.AssetKey(["raw", "orders"]), limit=1).records
    observation = seen.asset_observation
    assert observation is not None
    assert observation.partition == f"{DAY}-08:00"
    assert observation.metadata["path"].value == ORDERS

    facts = found(fastfeast("status", "--json"))
    assert (facts["files"], facts["pending"]) == ({"withdrawn": 1}, {})
    assert facts["untransformed_loads"] == 1
    again = found(fastfeast("withdraw", ORDERS, *SURE, "--json"))
    assert again["untouched"] == [
        {"path": ORDERS, "reason": "it was withdrawn before", "is_withdrawn": True}
    ]


def test_a_withdrawn_file_comes_back_when_it_changes_or_by_reprocess(
    fastfeast: FastFeast, landing: LandingZone, load: Load, query: Query
) -> None:
    path = landing.stream("orders", order(1))
    load()
    assert fastfeast("withdraw", ORDERS, *SURE).exit_code == 0
    assert load() == {}
    # Touched: looked at, and known.
    path.write_bytes(path.read_bytes())
    assert [report.status for report in load().values()] == ["skipped"]
    assert load() == {}
    whole = found(fastfeast("reprocess", "--partition", DAY, "--json"))
    assert (whole["files"], [item["path"] for item in whole["skipped"]]) == ([], [ORDERS])
    shown = found(fastfeast("reprocess", ORDERS, "--json"))
    assert shown["files"] == [{"path": ORDERS, "ledger": "withdrawn"}]
    assert fastfeast("reprocess", ORDERS, "--yes", "--no-transform").exit_code == 0
    assert query("select count(*) from raw.orders") == [{"count": 1}]
    assert fastfeast("withdraw", ORDERS, *SURE).exit_code == 0
    landing.stream("orders", order(1), order(2))
    assert [report.status for report in load().values()] == ["success"]
    assert query("select count(*) from raw.orders") == [{"count": 2}]


def test_of_what_is_not_loaded_there_is_nothing_to_withdraw(
    fastfeast: FastFeast, landing: LandingZone, load: Load, query: Query
) -> None:
    landing.stream("orders", order(1))
    landing.put(f"stream/{DAY}/08/tickets.csv", "")
    landing.batch("restaurants")
    load()
    csv = f"batch/{DAY}/restaurants.csv"
    failed, unknown = f"stream/{DAY}/08/tickets.csv", f"stream/{DAY}/09/orders.json"
    query(
        "update ops.pipeline_file_log set source = 'cuisines' where file_path = %s returning 1",
        f"batch/{DAY}/restaurants.json",
    )
    paths = (failed, unknown, f"batch/{DAY}/restaurants.json", csv, ORDERS)
    left = found(fastfeast("withdraw", *paths, *SURE, "--json"), exit_code=1)
    assert [item["path"] for item in left["files"]] == [ORDERS]
    reasons = {item["path"]: item["reason"] for item in left["untouched"]}
    assert "its last attempt failed" in reasons[failed]
    assert "the ledger knows no such file" in reasons[unknown]
    assert "put the contract back" in reasons[f"batch/{DAY}/restaurants.json"]
    assert "the ledger knows no such file" in reasons[csv]


def test_the_other_format_of_a_day_takes_its_place(
    fastfeast: FastFeast, landing: LandingZone, load: Load, query: Query
) -> None:
    preferred = landing.batch("teams")
    other = landing.put(f"batch/{DAY}/teams.json", '[{"team_id": 2, "team_name": "Other"}]')
    csv = f"batch/{DAY}/teams.csv"
    load()
    shown = found(fastfeast("withdraw", f"batch/{DAY}/teams.json", csv, *SURE, "--json"), 1)
    assert f"{csv} is loaded" not in shown["untouched"][0]["reason"]
    [note] = [file["note"] for file in shown["files"]]
    assert f"loads batch/{DAY}/teams.json in its place, once teams.csv is gone" in note
    assert load() == {}
    preferred.unlink()
    assert [report.status for report in load().values()] == ["success"]
    assert query("select team_id from raw.teams") == [{"team_id": 2}]
    # Replaced by a format that is loaded in its place.
    preferred.write_text("team_id,team_name\n3,Third\n")
    load()
    reasons = found(fastfeast("withdraw", f"batch/{DAY}/teams.json", *SURE, "--json"), 1)
    assert reasons["untouched"][0]["reason"] == f"{csv} is loaded in its place"
    other.unlink()


def test_checks_say_nothing_of_a_withdrawn_file(
    fastfeast: FastFeast, landing: LandingZone, load: Load, warehouse: Warehouse
) -> None:
    landing.stream("orders", order(1))
    landing.stream("orders", order(2, order_amount=-1), hour=9)
    load()
    bad = f"stream/{DAY}/09/orders.json"
    assert fastfeast("withdraw", bad, *SURE).exit_code == 0
    with warehouse.connect() as connection:
        log_id = ledger.latest(connection, [bad])[bad].log_id
        skipped = FileReport("orders", bad, "", "skipped", log_id)
        assert with_record(connection, [skipped]) == [FileReport("orders", bad, "", "skipped")]
        assert [report.relative_path for report in last_report(connection, "orders")] == [ORDERS]


def test_a_load_at_work_is_waited_for_and_not_taken_back(
    landing: LandingZone, load: Load, warehouse: Warehouse, contracts: Mapping[str, Contract]
) -> None:
    landing.stream("orders", order(1))
    load()
    outcome: list[Withdrawal | Untouched] = []
    with warehouse.connect(autocommit=True) as watch, warehouse.connect() as loading:
        seen = look(watch, contracts, ORDERS)
        assert isinstance(seen, Withdrawal)
        ledger.lock_partition(loading, "orders", f"{DAY}-08:00")
        thread = threading.Thread(
            target=lambda: outcome.append(withdraw(warehouse, contracts, seen, reason="test"))
        )
        thread.start()
        waits = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        until(lambda: outcome or watch.execute(waits).fetchone() == (1,), "the withdrawal waits")
        assert not outcome
        # As a load of new content does it.
        loading.execute("update ops.pipeline_file_log set is_loaded = false, is_latest = false")
        loading.execute(
            "insert into ops.pipeline_file_log (file_path, file_name, file_type, source,"
            " source_table, status, partition_at, bytes, fingerprint, landed_at, is_latest,"
            " is_loaded) select file_path, file_name, file_type, source, source_table, status,"
            " partition_at, bytes, fingerprint, landed_at, true, true from ops.pipeline_file_log"
        )
        loading.commit()
        thread.join()
    assert outcome == [Untouched(ORDERS, ANEW)]


def test_another_key_withdraws_nothing(
    fastfeast: FastFeast,
    landing: LandingZone,
    load: Load,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landing.stream("orders", order(1))
    load()
    for name, value in (
        ("PII_KEY", "another-key-for-tests-0123456789"),
        ("TIMEZONE", "Asia/Amman"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(f"FASTFEAST_{name}", value)
            refused = fastfeast("withdraw", ORDERS, *SURE)
        assert refused.exit_code == 1
        assert f"FASTFEAST_{name} is" in refused.stderr
    assert query("select count(*) from raw.orders") == [{"count": 1}]


def test_a_file_of_an_object_store_is_named_by_its_url(
    bare: FastFeast,
    variables: Callable[[Settings], None],
    settings: Settings,
    s3_address: str,
    query: Query,
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
) -> None:
    zone = ObjectZone(s3_address)
    for hour in (8, 9, 10):
        zone.stream("orders", order(hour), hour=hour)
    chosen = settings.model_copy(update={"landing": s3_address})
    variables(chosen)
    for file in scan(chosen, contracts).files:
        load_file(warehouse, contracts["orders"], file, run_id="test", settings=chosen)
    zone.remove(f"stream/{DAY}/09/orders.json")
    facts = found(bare("status", "--json"))
    assert (facts["vanished"], facts["vanished_files"]) == (1, [f"stream/{DAY}/09/orders.json"])
    names = [f"{s3_address}/stream/{DAY}/{hour}/orders.json" for hour in ("08", "09")]
    done = found(bare("withdraw", *names, *SURE, "--json"))
    still, gone = done["files"]
    assert "not loaded again until its content changes" in still["note"]
    assert gone["note"] == ""
    assert query("select right(order_id, 2) as n from raw.orders") == [{"n": "10"}]
    assert found(bare("status", "--json"))["vanished"] == 0


def gone_of(fastfeast: FastFeast) -> list[str]:
    facts = found(fastfeast("status", "--json"))
    assert facts["vanished"] == len(facts["vanished_files"])
    return [path.removeprefix(f"stream/{DAY}/") for path in facts["vanished_files"]]


def test_a_hole_in_the_landing_zone_is_counted_and_a_cleaned_one_is_not(
    fastfeast: FastFeast, landing: LandingZone, load: Load
) -> None:
    def remove(*paths: Path) -> None:
        for path in paths:
            path.unlink()

    hours = {hour: landing.stream("orders", order(hour), hour=hour) for hour in range(6, 16)}
    tickets = [landing.stream("tickets", ticket(hour), hour=hour) for hour in (6, 7, 8)]
    landing.batch("teams", day="2026-11-18")
    cities = [landing.batch("cities", day=f"2026-11-{day}") for day in (15, 16, 17, 19)]
    master = landing.put("master/teams.csv", "team_id,team_name\n1,Refunds\n")
    load()
    assert gone_of(fastfeast) == []
    # Cleaned from the oldest on, or once loaded; two of a hole; the cold start's files.
    remove(hours[6], hours[7], *tickets, *cities[1:3], master)
    assert gone_of(fastfeast) == []
    # Moved to another hour, with its folder; and the newest.
    remove(hours[9])
    hours[9].parent.rmdir()
    assert gone_of(fastfeast) == ["09/orders.json"]
    remove(hours[15])
    assert gone_of(fastfeast) == ["09/orders.json", "15/orders.json"]
    text = fastfeast("status").stdout
    assert "vanished from the landing zone (2)" in text
    assert "fastfeast withdraw FILE --reason TEXT" in text
    # Archived once loaded, but for one that was left behind.
    remove(hours[13], hours[14])
    assert gone_of(fastfeast) == ["09/orders.json"]
    assert fastfeast("withdraw", f"stream/{DAY}/09/orders.json", *SURE).exit_code == 0
    assert gone_of(fastfeast) == []
