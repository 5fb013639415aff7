"""Loading files: what is stored, what is quarantined, what the ledger says."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse, store
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets_tests.landing import DAY, MEMBERS, LandingZone, json_text, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query, look

ORDERS = f"stream/{DAY}/08/orders.json"


def test_every_source_loads_into_its_raw_table(
    landing: LandingZone, load: Load, query: Query, contracts: Mapping[str, Contract]
) -> None:
    landing.all_batch()
    landing.stream("orders", order())
    reports = load()
    assert {report.status for report in reports.values()} == {"success"}
    assert sum(report.valid for report in reports.values()) == len(MEMBERS) + 1
    for source in MEMBERS:
        assert query(f'select count(*) from raw."{source}"') == [{"count": 1}]  # noqa: S608


def test_values_are_typed_and_technical_columns_are_filled(
    landing: LandingZone, load: Load, query: Query
) -> None:
    landing.stream("orders", order(customer_id=35.0, order_amount=0.1 + 0.2, vip=True))
    report = load()[ORDERS]
    [row] = query("select * from raw.orders")
    assert row["customer_id"] == 35
    assert row["order_amount"] == Decimal("0.30")
    assert row["_source_file"] == ORDERS
    assert row["_row_number"] == 1
    assert row["_extra"] == {"vip": True}
    assert row["_load_id"] == report.log_id
    assert row["_file_hash"] == report.file_hash
    assert f"{row['_partition_at']:%Y-%m-%d %H}" == f"{DAY} 08"
    assert report.extra_columns == ["vip"]


def test_a_refused_row_has_all_its_reasons_and_no_neighbour_suffers(
    landing: LandingZone, load: Load, query: Query
) -> None:
    landing.stream(
        "orders",
        order(1),
        order(2, order_amount=-1, order_status="Lost", delivered_at="N/A", customer_id=None),
        order(3),
    )
    report = load()[ORDERS]
    assert (report.total, report.valid, report.quarantined) == (3, 2, 1)
    [row] = query("select * from ops.quarantine")
    assert row["reasons"] == [
        {"column": "delivered_at", "rule": "type", "value": "N/A"},
        {"column": "customer_id", "rule": "required", "value": None},
        {"column": "order_amount", "rule": "range", "value": "-1"},
        {"column": "order_status", "rule": "allowed", "value": "Lost"},
    ]
    assert row["rejection_stage"] == "schema"
    assert (row["source_table"], row["row_number"]) == ("fact_order", 2)
    assert row["primary_key"] == order(2)["order_id"]
    assert row["raw_data"]["order_amount"] == -1


def test_the_first_valid_row_of_a_key_stays(landing: LandingZone, load: Load, query: Query) -> None:
    landing.stream("orders", order(1, order_amount=-1), order(1), order(1), order(2))
    report = load()[ORDERS]
    assert (report.valid, report.quarantined, report.duplicates) == (2, 2, 1)
    assert query("select _row_number from raw.orders order by 1") == [
        {"_row_number": 2},
        {"_row_number": 4},
    ]
    [repeated] = query("select * from ops.quarantine where row_number = 3")
    assert (repeated["rejection_stage"], repeated["reasons"][0]["rule"]) == ("records", "duplicate")


def test_repeats_are_found_across_chunks(landing: LandingZone, load: Load, query: Query) -> None:
    landing.stream("orders", *[order(number % 5) for number in range(23)])
    report = load(chunk_rows=4)[ORDERS]
    assert (report.valid, report.duplicates) == (5, 18)
    assert query("select count(distinct order_id), count(*) from raw.orders") == [{"count": 5}]


def test_personal_values_are_hashed_everywhere(
    landing: LandingZone, load: Load, connection: psycopg.Connection, settings: Settings
) -> None:
    secrets = ["mona.adel@mail.com", "1012345678", "312345678901234"]
    landing.batch("customers")
    landing.batch("drivers", driver_name=None)
    landing.put(
        f"batch/{DAY}/agents.csv",
        "agent_id,agent_name,agent_email,agent_phone,team_id,skill_level,hire_date,"
        "avg_handle_time_min,resolution_rate,csat_score,is_active,created_at,updated_at\n"
        "1,Ali,Baba,mona.adel@mail.com,01012345678,1,Senior,2021-05-23,4,0.8,4.4,True,"
        "2021-05-23 00:00:00,2021-05-23 00:00:00\n",
    )
    landing.stream("orders", {**order(), "caller": "mona.adel@mail.com 01012345678"})
    assert load()[f"batch/{DAY}/agents.csv"].quarantined == 1
    for schema, table in connection.execute(
        "select relnamespace::regnamespace::text, relname from pg_class "
        "where relnamespace::regnamespace::text in ('raw', 'ops') and relkind = 'r'"
    ).fetchall():
        with connection.cursor().copy(
            psycopg.sql.SQL("copy {} to stdout").format(psycopg.sql.Identifier(schema, table))
        ) as copy:
            dump = b"".join(bytes(block) for block in copy).decode()
        for secret in secrets:
            assert secret not in dump, f"{secret} stands in {schema}.{table}"
    masker = Masker(settings.pii_key_bytes, "hkdf")
    assert connection.execute("select email_hash, phone_hash from raw.customers").fetchone() == (
        masker.hash("mona.adel@mail.com"),
        masker.hash("01012345678"),
    )


def test_a_damaged_phone_hashes_like_the_good_one(
    landing: LandingZone, load: Load, query: Query
) -> None:
    for day, phone in (("17", "01212345678"), ("18", "1212345678"), ("19", "1212345678.0")):
        landing.batch("agents", day=f"2026-11-{day}", agent_phone=phone)
    load()
    assert len(query("select distinct agent_phone_hash from raw.agents")) == 1


def test_loading_again_changes_no_row(landing: LandingZone, load: Load, query: Query) -> None:
    landing.stream("orders", order(1), order(2, order_amount=-1))
    load()
    before = (
        query("select xmin::text, * from raw.orders"),
        query("select xmin::text, * from ops.quarantine"),
    )
    assert load() == {}
    after = (
        query("select xmin::text, * from raw.orders"),
        query("select xmin::text, * from ops.quarantine"),
    )
    assert after == before


def test_the_same_content_written_again_is_skipped(
    landing: LandingZone, load: Load, query: Query
) -> None:
    path = landing.stream("orders", order())
    load()
    path.unlink()
    landing.stream("orders", order())
    assert load()[ORDERS].status == "skipped"
    assert query("select count(*) from ops.pipeline_file_log") == [{"count": 1}]
    assert load() == {}


def test_new_content_replaces_the_rows_of_the_file(
    landing: LandingZone, load: Load, query: Query
) -> None:
    landing.stream("orders", order(1), order(2), order(3, order_amount=-1))
    first = load()[ORDERS]
    landing.stream("orders", order(2, order_amount=7), order(3))
    second = load()[ORDERS]
    rows = query("select order_id, order_amount, _load_id from raw.orders order by 1")
    assert [(row["order_id"], row["_load_id"]) for row in rows] == [
        (order(2)["order_id"], second.log_id),
        (order(3)["order_id"], second.log_id),
    ]
    assert query("select status from ops.quarantine") == [{"status": "resolved"}]
    assert query("select log_id from ops.pipeline_file_log where is_loaded and is_latest") == [
        {"log_id": second.log_id}
    ]
    assert {row["key"] for row in query("select key from ops.removed_key")} == {
        order(1)["order_id"],
        order(2)["order_id"],
    }
    assert first.log_id != second.log_id


def test_the_same_content_elsewhere_loads_too(landing: LandingZone, load: Load) -> None:
    landing.stream("orders", order(), hour=8)
    landing.stream("orders", order(), hour=9)
    assert [report.status for report in load().values()] == ["success", "success"]


def test_a_failed_file_waits_until_its_content_changes(
    landing: LandingZone, load: Load, query: Query
) -> None:
    path = landing.put(ORDERS, '[{"order_id": "x"')
    assert load()[ORDERS].status == "failed"
    assert load() == {}
    path.write_text(path.read_text())
    assert load()[ORDERS].status == "skipped"
    assert load(retry_failed=True)[ORDERS].status == "failed"
    landing.stream("orders", order())
    assert load()[ORDERS].status == "success"
    log = query(
        "select status, is_latest, rejection_stage from ops.pipeline_file_log order by log_id"
    )
    assert [(row["status"], row["is_latest"], row["rejection_stage"]) for row in log] == [
        ("failed", False, "file"),
        ("failed", False, "file"),
        ("success", True, None),
    ]


def test_a_failed_correction_leaves_what_was_loaded(
    landing: LandingZone, load: Load, query: Query
) -> None:
    landing.stream("orders", order(1), order(2))
    load()
    landing.put(ORDERS, json_text([order(1)])[:-20])
    assert load()[ORDERS].status == "failed"
    assert query("select count(*) from raw.orders") == [{"count": 2}]
    assert query("select status from ops.pipeline_file_log where is_loaded") == [
        {"status": "success"}
    ]


def test_a_kill_in_the_middle_leaves_nothing(
    landing: LandingZone, load: Load, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.stream("orders", order(1), order(2, order_amount=-1))

    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "copy_rejected", killed)
        with pytest.raises(KeyboardInterrupt):
            load()
    for table in ("raw.orders", "ops.quarantine", "ops.pipeline_file_log"):
        assert query(f"select count(*) from {table}") == [{"count": 0}]  # noqa: S608
    assert load()[ORDERS].status == "success"


def test_a_file_that_changes_while_it_is_read_is_left_for_later(
    landing: LandingZone,
    settings: Settings,
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = landing.stream("orders", order())
    [file] = look(settings, contracts).files
    original = store.copy_rows

    def copy_then_append(*args: object) -> int:
        with path.open("a") as stream:
            stream.write(" ")
        return original(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "copy_rows", copy_then_append)
    report = load_file(warehouse, contracts["orders"], file, run_id="t", settings=settings)
    assert report.status == "unsettled"
    assert query("select count(*) from raw.orders") == [{"count": 0}]
    assert query("select count(*) from ops.pipeline_file_log") == [{"count": 0}]


def test_two_processes_on_one_file_load_it_once(
    landing: LandingZone,
    settings: Settings,
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
    query: Query,
) -> None:
    landing.stream("orders", *[order(number) for number in range(200)])
    [file] = look(settings, contracts).files
    statuses: list[str] = []

    def load_it() -> None:
        report = load_file(warehouse, contracts["orders"], file, run_id="t", settings=settings)
        statuses.append(report.status)

    threads = [threading.Thread(target=load_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == ["skipped", "skipped", "skipped", "success"]
    assert query("select count(*) from raw.orders") == [{"count": 200}]


def test_row_rules_of_tickets(landing: LandingZone, load: Load, query: Query) -> None:
    landing.stream(
        "tickets",
        ticket(1),
        ticket(2, status="Resolved", resolved_at=None),
        ticket(3, status="Open", resolved_at=None),
    )
    report = load()[f"stream/{DAY}/08/tickets.csv"]
    assert report.reasons == {"resolved_at_required:resolved_at": 1}
    assert query("select rejection_reason from ops.quarantine") == [
        {"rejection_reason": "resolved_at: resolved_at_required"}
    ]


def test_the_log_and_the_tables_account_for_every_row(
    landing: LandingZone, load: Load, query: Query
) -> None:
    rows = [order(n, order_amount=-1 if n % 3 == 0 else 5) for n in range(50)]
    landing.stream("orders", *rows, *rows[:7])
    load()
    [log] = query("select * from ops.pipeline_file_log")
    raw = query("select count(*) from raw.orders where _load_id = %s", log["log_id"])
    quarantined = query("select count(*) from ops.quarantine where log_id = %s", log["log_id"])
    assert log["total_records"] == 57 == raw[0]["count"] + quarantined[0]["count"]
    assert (log["valid_records"], log["quarantined"]) == (raw[0]["count"], quarantined[0]["count"])
    assert log["duplicate_count"] == 4
    assert Path(log["file_path"]).name == log["file_name"]
