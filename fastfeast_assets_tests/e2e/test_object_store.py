"""The real command over a landing zone in S3: the same rows as from a directory."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

import fsspec
import pytest

from fastfeast_assets.simulate import SimulationPlan, simulate_days
from fastfeast_assets_tests.e2e.conftest import Home
from fastfeast_assets_tests.landing import ObjectZone

pytestmark = pytest.mark.long

ORDERS = "stream/2026-11-18/08/orders.json"
TECHNICAL = "'{_loaded_at,_run_id,_load_id}'::text[]"


@pytest.fixture(scope="module")
def local(new_home: Callable[..., Home]) -> Home:
    """A home with a day in its directory, ingested."""
    home = new_home()
    simulate_days(
        SimulationPlan(out=home.landing, start=date(2026, 11, 18), hours=(8,), orders_per_hour=60)
    )
    home.run("ingest")
    return home


@pytest.fixture(scope="module")
def zone(local: Home, s3_variables: Mapping[str, str]) -> ObjectZone:
    """The same files in a bucket."""
    fsspec.filesystem("s3").mkdir("exports")
    zone = ObjectZone("s3://exports/fast feast")
    for path in local.landing.rglob("*"):
        if path.is_file():
            zone.put(path.relative_to(local.landing).as_posix(), path.read_bytes())
    zone.store.pipe_file(f"{zone.root}/stream/2026-11-18/09/", b"")
    return zone


@pytest.fixture(scope="module")
def remote(new_home: Callable[..., Home], zone: ObjectZone) -> Home:
    """A home that ingested the bucket."""
    home = replace(new_home(), variables={"FASTFEAST_LANDING": f"{zone.address}/"})
    home.run("ingest")
    return home


def raw(home: Home) -> dict[str, list[str]]:
    tables = home.query(
        "select relname from pg_class where relnamespace = 'raw'::regnamespace"
        " and relkind in ('r', 'p') and not relispartition order by 1"
    )
    return {
        row["relname"]: [
            found["row"]
            for found in home.query(
                f"select (to_jsonb(t) - {TECHNICAL})::text as row"  # noqa: S608
                f" from raw.{row['relname']} t order by 1"
            )
        ]
        for row in tables
    }


def test_the_same_rows_as_from_a_directory(local: Home, remote: Home) -> None:
    here = raw(local)
    assert len(here["orders"]) > 0
    assert raw(remote) == here
    assert remote.marts() == local.marts()
    log = "select file_path, file_hash, bytes, total_records, quarantined from pipeline_file_log"
    assert remote.query(f"{log} order by 1") == local.query(f"{log} order by 1")


def test_ingesting_again_changes_no_row(remote: Home) -> None:
    before = remote.written()
    assert "Nothing pending" in remote.run("ingest")
    assert remote.written() == before


def test_a_changed_and_an_unknown_object(remote: Home, zone: ObjectZone) -> None:
    body = zone.store.cat_file(f"{zone.root}/{ORDERS}")
    rows = json.loads(body)
    zone.put(ORDERS, json.dumps(rows[1:]))
    zone.put("batch/2026-11-18/couriers.csv", "a\n")
    found = json.loads(remote.run("ingest", "--json"))
    assert found["is_success"]
    assert [item["path"] for item in found["unknown"]] == ["batch/2026-11-18/couriers.csv"]
    [entry] = remote.query(
        f"select total_records from pipeline_file_log where file_path = '{ORDERS}' and is_latest"  # noqa: S608
    )
    assert entry["total_records"] == len(rows) - 1


def test_reprocess_takes_the_url_of_an_object(remote: Home, zone: ObjectZone) -> None:
    found = json.loads(remote.run("reprocess", f"{zone.address}/{ORDERS}", "--json"))
    assert [item["path"] for item in found["files"]] == [ORDERS]


def test_status_and_doctor_see_it(remote: Home, zone: ObjectZone) -> None:
    found = json.loads(remote.run("status", "--json"))
    assert found["landing"] == zone.address
    assert found["pending"] == {}
    checks = {item["check"]: item for item in json.loads(remote.run("doctor", "--json"))}
    assert checks["landing zone"]["outcome"] == "pass"


@pytest.mark.parametrize("is_known", [False, True], ids=["first load", "loaded before"])
def test_a_bucket_that_cannot_be_reached_is_one_clear_line(
    new_home: Callable[..., Home], remote: Home, is_known: bool
) -> None:
    # Another endpoint would be another bucket; behind a dead proxy it is the same, out of reach.
    dead = {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}
    home = replace(remote if is_known else new_home(), variables={**remote.variables, **dead})
    process = home.start("ingest")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "s3://exports/fast feast cannot be listed" in err
    assert "Traceback" not in out + err


def test_the_same_bucket_name_elsewhere_is_another_landing_zone(remote: Home) -> None:
    elsewhere = {**remote.variables, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    process = replace(remote, variables=elsewhere).start("ingest")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "is not the one of this warehouse" in err
    assert "at 127.0.0.1:9: set FASTFEAST_LANDING" in err
    assert "Traceback" not in out + err
