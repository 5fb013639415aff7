"""`fastfeast status`: where things stand, changing nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.connection import url_of
from fastfeast_assets_tests.conftest import PII_KEY
from fastfeast_assets_tests.landing import DAY, LandingZone, order
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast
from fastfeast_assets_tests.postgres.conftest import Load


def test_nothing_set_up(
    bare: FastFeast, variables: Callable[[Settings], None], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    variables(Settings(home=home, pii_key=SecretStr(PII_KEY)))
    result = bare("status")
    assert result.exit_code == 0
    assert "Nothing is set up yet" in result.stdout
    assert "fastfeast demo" in result.stdout
    assert not home.exists()


def test_a_database_without_warehouse(
    fastfeast: FastFeast, monkeypatch: pytest.MonkeyPatch, server_url: str, landing: LandingZone
) -> None:
    landing.all_batch()
    monkeypatch.setenv("FASTFEAST_WAREHOUSE_URL", url_of(server_url, dbname="postgres"))
    result = fastfeast("status", "--json")
    assert result.exit_code == 0
    facts = json.loads(result.stdout)
    assert "nothing is set up yet" in facts["problem"]
    assert sum(facts["pending"].values()) == 13
    with psycopg.connect(url_of(server_url, dbname="postgres")) as connection:
        assert connection.execute("select to_regnamespace('ops')").fetchone() == (None,)


def test_an_empty_warehouse(fastfeast: FastFeast) -> None:
    result = fastfeast("status")
    assert result.exit_code == 0
    assert "The marts are not built yet" in result.stdout
    assert "The quarantine is empty" in result.stdout


def test_a_filled_warehouse(fastfeast: FastFeast, landing: LandingZone, load: Load) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2, order_amount=-5))
    landing.put(f"stream/{DAY}/08/tickets.csv", "nonsense\n1\n")
    load()
    landing.stream("orders", order(3), hour=9)
    landing.put("batch/notes.txt", "hello")

    facts = json.loads(fastfeast("status", "--json").stdout)
    assert facts["files"] == {"failed": 1, "success": 14}
    assert facts["pending"] == {"orders": 1}
    assert facts["landing_findings"] == {"unknown name": 1}
    assert facts["quarantine"] == {"orders": 1}
    assert facts["reasons"] == [
        {"source": "orders", "stage": "records", "reason": "order_amount: range", "rows": 1}
    ]
    assert [file["file_path"] for file in facts["failed_files"]] == [f"stream/{DAY}/08/tickets.csv"]
    assert facts["last_transform_at"] is None
    assert facts["untransformed_loads"] == 14

    text = fastfeast("status")
    assert text.exit_code == 0
    assert "1 (orders 1)" in text.stdout
    assert "never; 14 loads are newer" in text.stdout
    assert "Failed files" in text.stdout
    assert "order_amount: range" in text.stdout
    assert "\x1b" not in text.stdout


def test_a_failed_file_that_was_taken_away_is_listed_no_more(
    fastfeast: FastFeast, landing: LandingZone, load: Load
) -> None:
    gone = landing.put(f"stream/{DAY}/08/tickets.csv", "nonsense\n1\n")
    landing.put(f"stream/{DAY}/09/tickets.csv", "nonsense\n1\n")
    load()
    gone.unlink()
    facts = json.loads(fastfeast("status", "--json").stdout)
    assert [file["file_path"] for file in facts["failed_files"]] == [f"stream/{DAY}/09/tickets.csv"]


def test_status_needs_no_right_to_write(
    fastfeast: FastFeast, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    assert settings.warehouse_url is not None
    url = url_of(
        settings.warehouse_url.get_secret_value(), options="-cdefault_transaction_read_only=on"
    )
    monkeypatch.setenv("FASTFEAST_WAREHOUSE_URL", url)
    assert fastfeast("status").exit_code == 0


def test_what_is_nearly_right_is_named(
    fastfeast: FastFeast, landing: LandingZone, warehouse: Warehouse
) -> None:
    for number in range(25):
        landing.put(f"stream/{DAY}/08/orders ({number:02d}).json", "[]")
    landing.put(f"batch/{DAY}/mona.adel@mail.com/Teams.csv", "")
    landing.put(f"batch/{DAY}/customers.csv", "")
    landing.put(f"batch/{DAY}/customers.json", "[]")
    result = fastfeast("status", "--json")
    facts = json.loads(result.stdout)
    assert facts["landing_findings"] == {
        "unknown name": 26,
        "nearly right name": 26,
        "refused": 1,
    }
    assert len(facts["near_misses"]) == 20
    assert facts["near_misses"][-1] == {
        "path": f"stream/{DAY}/08/orders (18).json",
        "reason": "reads like orders.json; rename or remove it",
        "source": "orders",
    }
    [refused] = facts["refused"]
    assert refused["path"] == f"batch/{DAY}/customers.json"
    text = fastfeast("status").stdout
    assert "Nearly right names, not loaded (26)" in text
    assert "and 6 more" in text
    assert "customers.csv is loaded instead" in text
    assert "mona" not in result.output + text


def test_the_first_line_answers_whether_all_is_well(
    fastfeast: FastFeast, landing: LandingZone, load: Load
) -> None:
    assert fastfeast("status").stdout.splitlines()[0] == "All is well."
    landing.stream("orders", order(1))
    load()
    first, problem, *_ = fastfeast("status").stdout.splitlines()
    assert first == "1 problem:"
    assert problem.strip() == "1 load not in the marts, and nothing is at work on it"
    landing.put(f"stream/{DAY}/09/tickets.csv", "nonsense\n1\n")
    landing.put(f"stream/{DAY}/08/orders (1).json", "[]")
    load()
    text = fastfeast("status").stdout
    first, problem, advice, *_ = text.splitlines()
    assert first == "3 problems:"
    assert problem.strip() == (f"1 file could not be loaded, such as stream/{DAY}/09/tickets.csv")
    assert "--retry-failed" in advice
    assert "newest hour" in text
    assert f"orders {DAY} 08:00" in text
    found = json.loads(fastfeast("status", "--json").stdout)["problems"]
    assert [item["text"].split(",")[0] for item in found] == [
        "1 file could not be loaded",
        "1 load not in the marts",
        "1 file of a nearly right name",
    ]
    checked = fastfeast("doctor")
    assert checked.exit_code == 0
    assert "All is well" not in checked.stdout
    assert "could not be loaded" in " ".join(checked.stdout.split())


def test_a_landing_zone_that_is_gone_is_no_quiet_day(
    fastfeast: FastFeast, landing: LandingZone, load: Load
) -> None:
    landing.stream("orders", order(1))
    load()
    landing.root.rename(landing.root.with_name("unmounted"))
    first, problem, *_ = fastfeast("status").stdout.splitlines()
    assert first == "2 problems:"
    assert "files have been loaded from it" in problem
    checked = fastfeast("doctor", "--json")
    assert checked.exit_code == 1
    [zone] = [item for item in json.loads(checked.stdout) if item["check"] == "landing zone"]
    assert zone["outcome"] == "fail"
    result = fastfeast("ingest", "--json")
    assert result.exit_code == 1
    assert "files have been loaded from it" in json.loads(result.stdout)["landing_trouble"]
