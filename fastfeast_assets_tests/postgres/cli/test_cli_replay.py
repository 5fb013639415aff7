"""`quarantine release|discard`, `reprocess` and `prune` as an operator calls them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from fastfeast_assets.automation.instance import open_instance
from fastfeast_assets.settings import Settings
from fastfeast_assets_tests.landing import DAY, LandingZone, order
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast
from fastfeast_assets_tests.postgres.conftest import Load, Query

ORDERS = f"stream/{DAY}/08/orders.json"
NO_DBT = "--no-transform"


@pytest.fixture
def lenient(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contracts by which an order may cost less than nothing."""
    directory = tmp_path / "contracts"
    directory.mkdir()
    for file in settings.contracts_dir.glob("*.yaml"):
        document = yaml.safe_load(file.read_text())
        for column in document["schema"][0]["properties"]:
            if column["name"] == "order_amount":
                del column["logicalTypeOptions"]["minimum"]
        (directory / file.name).write_text(yaml.safe_dump(document))
    monkeypatch.setenv("FASTFEAST_CONTRACTS_DIR", str(directory))


@pytest.fixture
def refused(landing: LandingZone, load: Load) -> None:
    """An order of a negative amount, and one of an unknown status."""
    landing.stream("orders", order(1), order(2, order_amount=-5), order(3, order_status="Lost"))
    load()


def found(result: Any) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


@pytest.mark.usefixtures("refused", "lenient")
def test_release_shows_first_and_does_it_when_told(fastfeast: FastFeast, query: Query) -> None:
    shown = fastfeast("quarantine", "release", "--source", "orders")
    assert shown.exit_code == 0
    assert "1 rows would be released into raw, 1 are still refused" in shown.stdout
    assert "order_status: allowed (Lost)" in shown.stdout
    assert "Nothing was changed" in shown.stdout
    assert query("select count(*) from raw.orders") == [{"count": 1}]
    done = fastfeast("quarantine", "release", "--rule", "range:order_amount", "--yes", NO_DBT)
    assert "1 rows were released" in done.stdout
    assert "The marts follow with the next `fastfeast ingest`" in done.stdout
    assert query("select count(*) from raw.orders") == [{"count": 2}]
    again = found(fastfeast("quarantine", "release", "--file", "*", "--yes", "--json", NO_DBT))
    assert [row["result"] for row in again["rows"]] == ["refused"]


@pytest.mark.usefixtures("refused")
def test_discard_wants_rows_and_a_reason(fastfeast: FastFeast, query: Query) -> None:
    assert fastfeast("quarantine", "discard", "--reason", "x").exit_code == 2
    assert fastfeast("quarantine", "discard", "1").exit_code == 2
    assert fastfeast("quarantine", "discard", "1", "--reason", " ").exit_code == 2
    assert fastfeast("quarantine", "release").exit_code == 2
    shown = fastfeast("quarantine", "discard", "--rule", "range", "--reason", "agreed")
    assert "1 rows would be discarded" in shown.stdout
    assert query("select from ops.quarantine where status = 'discarded'") == []
    done = fastfeast("quarantine", "discard", "--rule", "range", "--reason", "agreed", "--yes")
    assert "1 rows were discarded" in done.stdout
    [row] = query("select new from ops.audit_log")
    assert row["new"] == {"status": "discarded", "reason": "agreed"}


@pytest.mark.usefixtures("refused", "lenient")
def test_reprocess_loads_done_files_again(
    fastfeast: FastFeast, landing: LandingZone, query: Query
) -> None:
    refused = landing.put(f"batch/{DAY}/Teams.csv", "").relative_to(landing.root).as_posix()
    shown = found(fastfeast("reprocess", ORDERS, refused, "--json"))
    assert shown["files"] == [{"path": ORDERS, "ledger": "success"}]
    assert [item["path"] for item in shown["skipped"]] == [refused]
    assert shown["reports"] == []
    assert query("select count(*) from ops.pipeline_file_log") == [{"count": 1}]
    done = fastfeast("reprocess", str(landing.root / ORDERS), "--yes", NO_DBT)
    assert done.exit_code == 0, done.output
    assert query("select status, count(*) from ops.quarantine group by 1 order by 1") == [
        {"status": "open", "count": 1},
        {"status": "resolved", "count": 2},
    ]
    [log] = query("select * from ops.pipeline_file_log where is_loaded")
    assert (log["valid_records"], log["quarantined"]) == (2, 1)
    [audit] = query("select * from ops.audit_log")
    assert (audit["action"], audit["target"]) == ("reprocess", ORDERS)
    assert (audit["old"]["valid_records"], audit["new"]["valid_records"]) == (1, 2)


def test_reprocess_is_recorded_in_dagster_as_an_ingestion_is(
    fastfeast: FastFeast, landing: LandingZone, load: Load, settings: Settings
) -> None:
    landing.batch("teams")
    landing.stream("orders", order(1), hour=9)
    landing.put(f"stream/{DAY}/10/orders.json", "[")
    load()
    done = fastfeast("reprocess", "--partition", DAY, "--yes", NO_DBT)
    assert done.exit_code == 1
    with open_instance(settings) as instance:
        # The hour whose file was refused stays missing.
        for source, partitions in (("teams", {DAY}), ("orders", {f"{DAY}-09:00"})):
            key = dg.AssetKey(["raw", source])
            assert instance.get_materialized_partitions(key) == partitions
        [record] = instance.fetch_materializations(
            dg.AssetRecordsFilter(key, asset_partitions=[f"{DAY}-09:00"]), limit=1
        ).records
        found = record.asset_materialization
        assert found is not None
        assert found.metadata["dagster/partition_row_count"].value == 1
        loaded = instance.get_latest_asset_check_evaluation_record(
            dg.AssetCheckKey(dg.AssetKey(["raw", "orders"]), "files_loaded")
        )
        assert loaded is not None
        assert loaded.status.value == "FAILED"


def test_reprocess_by_partition_names_what_is_gone(
    fastfeast: FastFeast, landing: LandingZone, load: Load, query: Query
) -> None:
    for hour in (8, 9, 10):
        landing.stream("orders", order(hour), hour=hour)
    landing.batch("teams")
    gone = landing.stream("orders", order(11), day="2026-11-20")
    load()
    gone.unlink()

    def paths(*arguments: str) -> tuple[list[str], list[str]]:
        plan = found(fastfeast("reprocess", "--json", *arguments))
        return (
            [item["path"] for item in plan["files"]],
            [item["path"] for item in plan["skipped"]],
        )

    hours = [f"stream/{DAY}/{hour:02d}/orders.json" for hour in (8, 9, 10)]
    assert paths("--source", "orders", "--partition", DAY) == (hours, [])
    assert paths("--partition", DAY) == ([f"batch/{DAY}/teams.csv", *hours], [])
    assert paths("--partition", f"{DAY}-09:00") == ([hours[1]], [])
    missing = ["stream/2026-11-20/08/orders.json"]
    assert paths("--from", f"{DAY}-09:00", "--to", "2026-11-20") == (hours[1:], missing)
    assert paths("--from", "2026-11-20") == ([], missing)
    done = fastfeast("reprocess", "--from", "2026-11-20", "--yes", NO_DBT)
    assert done.exit_code == 0
    assert (
        "Skipped stream/2026-11-20/08/orders.json: not in the landing zone any more" in done.stdout
    )
    assert query("select count(*) from raw.orders") == [{"count": 4}]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--source", "orders"],
        [ORDERS, "--partition", DAY],
        ["--partition", DAY, "--from", DAY],
        ["--source", "nothing", "--partition", DAY],
        ["--partition", "garbage"],
        ["--partition", "2026-11-20T08:00"],
        ["--partition", "2026-11-20-08:30"],
        ["stream/2026\udcff/08/orders.json"],
        ["--from", "2026-13-01"],
        ["--from", "2026-11-21", "--to", "2026-11-20"],
        ["stream/2026-11-20/08/oders.json"],
        ["/elsewhere/orders.json"],
    ],
)
def test_reprocess_refuses_what_makes_no_sense(fastfeast: FastFeast, arguments: list[str]) -> None:
    result = fastfeast("reprocess", *arguments)
    assert result.exit_code == 2
    assert "->" in result.stderr


def test_a_file_that_fails_again_is_exit_1_and_keeps_its_rows(
    fastfeast: FastFeast, landing: LandingZone, load: Load, query: Query
) -> None:
    landing.stream("orders", order(1))
    load()
    landing.put(ORDERS, "[")
    result = fastfeast("reprocess", ORDERS, "--yes", NO_DBT)
    assert result.exit_code == 1
    assert "truncated" in result.stdout
    assert query("select count(*) from raw.orders") == [{"count": 1}]


def test_prune_counts_first_and_prunes_when_told(
    fastfeast: FastFeast, landing: LandingZone, load: Load, query: Query
) -> None:
    landing.stream("orders", order(1), order(2, order_amount=-1), day="2024-02-29")
    landing.stream("orders", order(3), day="2024-03-01")
    load()
    query(
        "insert into ops.consumed_load (consumer, load_id) select 'transform', log_id "
        "from ops.pipeline_file_log where partition_at < '2024-03-01' returning 1"
    )
    query("update ops.quarantine set status = 'discarded', resolved_at = '2024-03-01' returning 1")
    what = ("--what", "raw,quarantine,log", "--json")
    shown = found(fastfeast("prune", *what))
    assert {item["what"]: item["count"] for item in shown["items"]} == {
        "raw.orders/2024-02": 1,
        "raw.orders/2024-03": 0,
        "quarantine": 1,
        "pipeline_file_log": 0,
    }
    assert query("select count(*) from raw.orders") == [{"count": 2}]
    assert found(fastfeast("prune", *what, "--yes"))["items"][0]["done"] == 1
    assert query("select order_id from raw.orders") == [{"order_id": order(3)["order_id"]}]
    assert query("select count(*) from ops.quarantine") == [{"count": 0}]
    assert query("select count(*) from ops.pipeline_file_log") == [{"count": 2}]
    assert "0 would be pruned" in fastfeast("prune", "--what", "quarantine").stdout


@pytest.mark.parametrize(
    "arguments", [["--what", "all"], ["--what", ","], ["--what", "raw", "--keep-days", "1"]]
)
def test_prune_refuses_what_makes_no_sense(fastfeast: FastFeast, arguments: list[str]) -> None:
    assert fastfeast("prune", *arguments).exit_code == 2


def test_prune_of_dagster_starts_with_an_empty_storage(fastfeast: FastFeast, load: Load) -> None:
    load()
    shown = found(fastfeast("prune", "--what", "dagster", "--json"))
    assert shown["items"] == [
        {"what": "dagster", "unit": "runs", "count": 0, "done": 0, "note": "", "is_busy": False}
    ]
