"""Raw assets on a real PostgreSQL: what they load, record, skip and refuse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import dagster as dg
import psycopg
import pytest

from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.automation.partitions import range_tags
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets_tests.dagster.conftest import Load
from fastfeast_assets_tests.landing import DAY, MEMBERS, LandingZone, order

HOUR = {"dagster/partition": f"{DAY}-08:00"}
TODAY = {"dagster/partition": DAY}


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {found.check_name: found for found in result.get_asset_check_evaluations()}


def metadata(instance: dg.DagsterInstance, key: list[str], partition: str) -> Mapping[str, Any]:
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(key), asset_partitions=[partition]), limit=1
    ).records
    event = records[0].asset_materialization
    assert event is not None
    return {name: entry.value for name, entry in event.metadata.items()}


def recorded(instance: dg.DagsterInstance, source: str) -> set[str]:
    return instance.get_materialized_partitions(dg.AssetKey(["raw", source]))


def test_a_partition_is_loaded_and_described(
    landing: LandingZone, load: Load, instance: dg.DagsterInstance
) -> None:
    landing.stream("orders", order(1), order(2, total_amount=-1), order(2), {**order(4), "tip": 1})
    result = load("load_streams", ["orders"], HOUR)
    assert result.success
    found = metadata(instance, ["raw", "orders"], f"{DAY}-08:00")
    assert (found["rows_in"], found["rows_loaded"], found["rows_quarantined"]) == (4, 3, 1)
    assert found["quarantined_by_reason"] == {"range:total_amount": 1}
    assert found["dagster/row_count"] == found["dagster/partition_row_count"] == 3
    assert found["extra_columns"] == ["tip"]
    assert found["file_hashes"][0].startswith(f"stream/{DAY}/08/orders.json: ")
    assert found["preview"].splitlines()[0].startswith("| order_id | customer_id |")
    assert len(found["preview"].splitlines()) == 2 + 3
    failed = {name for name, check in checks(result).items() if not check.passed}
    assert failed == {"range_total_amount", "unexpected_columns", "quarantine_rate"}


def test_the_preview_has_no_personal_column(
    landing: LandingZone, load: Load, instance: dg.DagsterInstance
) -> None:
    landing.batch("customers")
    load("load_batch", ["customers"], TODAY)
    preview = metadata(instance, ["raw", "customers"], DAY)["preview"]
    assert "Mona Adel" not in preview
    assert "customer_id" in preview
    for word in ("email", "phone", "mona.adel", "1012345678"):
        assert word not in preview


def test_the_landing_file_is_observed(
    landing: LandingZone, load: Load, instance: dg.DagsterInstance
) -> None:
    path = landing.batch("cities")
    load("load_batch", ["cities"], TODAY)
    records = instance.fetch_observations(dg.AssetKey(["landing", "cities"]), limit=1).records
    event = records[0].asset_observation
    assert event is not None
    found = {name: entry.value for name, entry in event.metadata.items()}
    assert found["path"] == f"batch/{DAY}/cities.json"
    assert found["bytes"] == path.stat().st_size
    assert found["landed_at"] == pytest.approx(path.stat().st_mtime)
    assert re.fullmatch("[0-9a-f]{32}", str(found["hash"]))


def test_a_range_records_each_landed_partition_with_its_own_rows(
    landing: LandingZone, load: Load, instance: dg.DagsterInstance
) -> None:
    landing.stream("orders", order(1), hour=8)
    landing.stream("orders", order(2), order(3), hour=9)
    result = load("load_streams", ["orders"], range_tags(f"{DAY}-08:00", f"{DAY}-09:00"))
    assert result.success
    assert recorded(instance, "orders") == {f"{DAY}-08:00", f"{DAY}-09:00"}
    rows = [metadata(instance, ["raw", "orders"], f"{DAY}-{hour}:00") for hour in ("08", "09")]
    assert [found["dagster/partition_row_count"] for found in rows] == [1, 2]
    assert [found["rows_in"] for found in rows] == [1, 2]
    assert rows[0]["dagster/row_count"] == 3
    assert "partitions_not_landed" not in rows[0]


def test_what_has_not_landed_in_a_range_stays_missing_and_is_named(
    landing: LandingZone, load: Load, instance: dg.DagsterInstance
) -> None:
    landing.stream("orders", order(1), hour=8)
    landing.stream("orders", order(2), order(3), hour=10)
    result = load("load_streams", ["orders"], range_tags(f"{DAY}-08:00", f"{DAY}-11:00"))
    assert result.success
    assert recorded(instance, "orders") == {f"{DAY}-08:00", f"{DAY}-10:00"}
    found = metadata(instance, ["raw", "orders"], f"{DAY}-10:00")
    assert found["partitions_not_landed"] == [f"{DAY}-09:00", f"{DAY}-11:00"]
    assert (found["rows_in"], found["dagster/row_count"]) == (2, 3)
    assert checks(result)["reconciliation"].passed
    logged = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert any(f"{DAY}-09:00, {DAY}-11:00" in message for message in logged)


def test_a_source_without_any_file_in_the_range_holds_up_no_other(
    landing: LandingZone,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    platform: Platform,
) -> None:
    """Raw and what is made of it, in one run over a range with a gap."""
    landing.stream("orders", order(1), hour=8)
    landing.stream("orders", order(2), hour=10)
    job = definitions.resolve_job_def("ingest_streams")
    for _ in range(2):
        result = job.execute_in_process(
            instance=instance, tags=range_tags(f"{DAY}-08:00", f"{DAY}-10:00")
        )
        assert result.success
        assert recorded(instance, "orders") == {f"{DAY}-08:00", f"{DAY}-10:00"}
        assert recorded(instance, "tickets") == recorded(instance, "ticket_events") == set()
        with platform.warehouse.connect() as connection:
            rows = connection.execute("select count(*) from marts.fact_order").fetchone()
        assert rows == (2,), "again changes nothing"


def test_no_check_turns_green_by_seeing_nothing(landing: LandingZone, load: Load) -> None:
    landing.stream("orders", order(1, order_status="Lost"), order(2))
    load("load_streams", ["orders"], HOUR)
    found = checks(load("load_streams", ["orders"], range_tags(f"{DAY}-20:00", f"{DAY}-21:00")))
    assert not found["allowed_order_status"].passed
    assert found["schema"].passed


def test_a_partition_without_file_fails_and_is_not_recorded(
    landing: LandingZone, load: Load, instance: dg.DagsterInstance
) -> None:
    landing.stream("orders", order(1), hour=9)
    result = load("load_streams", ["orders"], HOUR)
    assert not result.success
    failure = result.failure_data_for_node("raw__orders")
    assert failure is not None
    assert failure.error is not None
    assert "no file of orders has landed for 2026-11-19-08:00" in failure.error.message
    assert recorded(instance, "orders") == set()


def test_a_refused_file_stops_no_other(
    landing: LandingZone, load: Load, instance: dg.DagsterInstance
) -> None:
    landing.put(f"batch/{DAY}/cities.json", "")
    landing.put(f"batch/{DAY}/regions.csv", "region_id\n1\n")
    landing.batch("teams")
    result = load("load_batch", ["cities", "regions", "teams"], TODAY)
    assert result.success
    loaded = {
        found.asset_key.path[1]: found.passed
        for found in result.get_asset_check_evaluations()
        if found.check_name == "files_loaded"
    }
    assert loaded == {"cities": False, "regions": False, "teams": True}
    assert metadata(instance, ["raw", "teams"], DAY)["rows_loaded"] == 1


def test_master_files_belong_to_the_first_partition(
    landing: LandingZone, load: Load, instance: dg.DagsterInstance
) -> None:
    landing.put("master/teams.csv", "team_id,team_name\n1,Refunds\n2,Delivery\n")
    assert load("load_batch", ["teams"], {"dagster/partition": "2020-01-01"}).success
    assert metadata(instance, ["raw", "teams"], "2020-01-01")["rows_loaded"] == 2


def test_rows_that_retention_took_are_not_counted(
    landing: LandingZone, load: Load, instance: dg.DagsterInstance, platform: Platform
) -> None:
    landing.stream("orders", order(1), order(2))
    landing.stream("orders", order(3), hour=9)
    load("load_streams", ["orders"], range_tags(f"{DAY}-08:00", f"{DAY}-09:00"))
    with platform.warehouse.connect() as connection:
        connection.execute("delete from raw.orders where order_id = %s", [order(2)["order_id"]])
        connection.execute(
            "update ops.pipeline_file_log set pruned_records = 1 where file_path like '%/08/%'"
        )
    assert load("load_streams", ["orders"], HOUR).success
    found = metadata(instance, ["raw", "orders"], f"{DAY}-08:00")
    assert (found["dagster/row_count"], found["dagster/partition_row_count"]) == (2, 1)


def test_loading_again_changes_nothing_and_says_the_same(
    landing: LandingZone, load: Load, instance: dg.DagsterInstance
) -> None:
    landing.stream("orders", order(1), order(2, order_status="Lost"))
    first = checks(load("load_streams", ["orders"], HOUR))
    second = checks(load("load_streams", ["orders"], HOUR))
    assert {name: check.passed for name, check in first.items()} == {
        name: check.passed for name, check in second.items()
    }
    assert not second["allowed_order_status"].passed
    found = metadata(instance, ["raw", "orders"], f"{DAY}-08:00")
    assert (found["files_skipped"], found["rows_in"], found["dagster/row_count"]) == (1, 2, 1)


def test_an_unusual_file_stays_unusual_when_its_partition_is_loaded_again(
    landing: LandingZone, load: Load
) -> None:
    for day in range(10, 16):
        landing.stream("orders", *(order(day * 100 + n) for n in range(50)), day=f"2026-11-{day}")
        load("load_streams", ["orders"], {"dagster/partition": f"2026-11-{day}-08:00"})
    landing.stream("orders", order(1))
    for _ in range(2):
        found = checks(load("load_streams", ["orders"], HOUR))["usual_volume"]
        assert not found.passed
        assert "1 rows" in str(found.metadata["unusual"].value)


def test_a_failed_file_stays_failed_until_told_to_retry(landing: LandingZone, load: Load) -> None:
    landing.put(f"batch/{DAY}/cities.json", "")
    load("load_batch", ["cities"], TODAY)
    again = checks(load("load_batch", ["cities"], TODAY))["files_loaded"]
    assert not again.passed
    reasons = again.metadata["reasons"].value
    assert reasons == {f"batch/{DAY}/cities.json": "the file is empty (0 bytes)"}
    retried = checks(load("load_batch", ["cities"], TODAY, retry_failed=True))["files_loaded"]
    assert not retried.passed


def test_a_refused_file_leaves_its_partition_missing_and_its_check_red(
    landing: LandingZone, load: Load, instance: dg.DagsterInstance
) -> None:
    """A good hour three minutes later wiped the one red check, while the rows were missing."""
    landing.put(f"stream/{DAY}/08/orders.json", "[{]")
    result = load("load_streams", ["orders"], HOUR)
    assert result.success
    assert recorded(instance, "orders") == set()
    landing.stream("orders", order(2), hour=9)
    later = checks(load("load_streams", ["orders"], {"dagster/partition": f"{DAY}-09:00"}))
    assert recorded(instance, "orders") == {f"{DAY}-09:00"}
    assert not later["files_loaded"].passed
    assert f"stream/{DAY}/08/orders.json" in str(later["files_loaded"].metadata["reasons"].value)
    landing.stream("orders", order(1))
    mended = checks(load("load_streams", ["orders"], HOUR))
    assert mended["files_loaded"].passed
    assert recorded(instance, "orders") == {f"{DAY}-08:00", f"{DAY}-09:00"}


def test_too_many_refused_rows_stay_an_error_until_they_are_dealt_with(
    landing: LandingZone, load: Load, platform: Platform
) -> None:
    landing.stream("orders", order(1), order(2, total_amount=-1))
    landing.stream("orders", order(3), hour=9)
    load("load_streams", ["orders"], HOUR)
    next_hour = {"dagster/partition": f"{DAY}-09:00"}
    later = checks(load("load_streams", ["orders"], next_hour))["quarantine_rate"]
    assert (later.passed, later.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "quarantine release" in str(later.metadata["next_step"].value)
    with platform.warehouse.connect(autocommit=True) as connection:
        connection.execute("update ops.quarantine set status = 'discarded'")
    assert checks(load("load_streams", ["orders"], next_hour))["quarantine_rate"].passed


def test_rows_taken_out_of_raw_by_hand_block(
    landing: LandingZone, load: Load, platform: Platform, contracts: Mapping[str, Contract]
) -> None:
    landing.stream("orders", order(1), order(2))
    assert load("load_streams", ["orders"], HOUR).success
    with platform.warehouse.connect() as connection:
        connection.execute("delete from raw.orders where customer_id = 1 and _row_number = 1")
    result = load("load_streams", ["orders"], HOUR)
    assert not result.success
    check = checks(result)["reconciliation"]
    assert not check.passed
    assert check.blocking
    assert check.severity == dg.AssetCheckSeverity.ERROR
    assert "the tables hold 1 and 0" in str(check.metadata["uneven"].value)


def test_all_sources_load_in_one_run(landing: LandingZone, load: Load) -> None:
    landing.all_batch()
    result = load("load_batch", list(MEMBERS), TODAY)
    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())


def test_a_lost_database_fails_the_step(
    landing: LandingZone, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise psycopg.OperationalError("the server closed the connection")

    landing.stream("orders", order(1))
    monkeypatch.setattr("fastfeast_assets.warehouse.load.load_file", lost)
    result = load("load_streams", ["orders"], HOUR)
    assert not result.success
    assert checks(result) == {}
