"""Raw tables of streams in monthly partitions: made by loads, converted, and taken out."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import sql

from fastfeast_assets.checks.reconciliation import balances
from fastfeast_assets.contracts.ddl import raw_table_ddl
from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse, audit
from fastfeast_assets.warehouse import retention_months as retention
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets.warehouse.migrate import migrate
from fastfeast_assets.warehouse.months import ensure_month, months
from fastfeast_assets_tests.landing import DAY, LandingZone, order
from fastfeast_assets_tests.postgres.conftest import Load, Query, look

MONTHS = "select tableoid::regclass::text as part, count(*) from raw.orders group by 1 order by 1"
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


@pytest.fixture
def autumn(landing: LandingZone, load: Load, query: Query) -> dict[str, int]:
    """Orders of three months, all of them through a transform; gives the loads by path."""
    landing.stream("orders", order(1), order(2), day="2026-09-30", hour=23)
    landing.stream("orders", order(3), order(5), day="2026-10-01", hour=0)
    landing.stream("orders", order(4), day=DAY)
    reports = load()
    query(
        "insert into ops.consumed_load (consumer, load_id) "
        "select 'transform', log_id from ops.pipeline_file_log returning 1"
    )
    return {path: report.log_id or 0 for path, report in reports.items()}


def ensure_even(connection: psycopg.Connection) -> None:
    ids = [row[0] for row in connection.execute("select log_id from ops.pipeline_file_log")]
    found = balances(connection, load_contracts()["orders"], ids)
    assert all(balance.is_even for balance in found), [str(balance) for balance in found]


@pytest.mark.usefixtures("autumn")
def test_a_load_makes_its_month_with_indexes(query: Query) -> None:
    assert query(MONTHS) == [
        {"part": "raw.orders_p2026_09", "count": 2},
        {"part": "raw.orders_p2026_10", "count": 2},
        {"part": "raw.orders_p2026_11", "count": 1},
    ]
    assert query("select count(*) from pg_indexes where tablename = 'orders_p2026_10'") == [
        {"count": 2}
    ]


@pytest.mark.usefixtures("autumn")
def test_the_newest_version_is_sought_month_by_month_from_the_newest(
    connection: psycopg.Connection,
) -> None:
    """Sorting would look into every month for every key."""
    connection.execute("set enable_seqscan = off")
    plan = connection.execute(
        "explain select distinct on (order_id) * from raw.orders where order_id = 'x' "
        "order by order_id, _partition_at desc, _source_file limit 1"
    ).fetchall()
    text = "\n".join(line for (line,) in plan)
    assert "Sort" not in text
    assert text.index("orders_p2026_11") < text.index("orders_p2026_10") < text.index("p2026_09")


def test_loads_at_once_make_a_month_once(
    landing: LandingZone,
    settings: Settings,
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
    query: Query,
) -> None:
    for hour in range(6):
        landing.stream("orders", order(hour), hour=hour)
    statuses: list[str] = []

    def load_it(file: Any) -> None:
        report = load_file(warehouse, contracts["orders"], file, run_id="t", settings=settings)
        statuses.append(report.status)

    threads = [threading.Thread(target=load_it, args=[f]) for f in look(settings, contracts).files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == ["success"] * 6
    assert query(MONTHS) == [{"part": "raw.orders_p2026_11", "count": 6}]


@pytest.mark.usefixtures("autumn")
def test_a_new_month_waits_for_no_load_and_no_query(
    warehouse: Warehouse, connection: psycopg.Connection
) -> None:
    """Someone copies into the table and someone reads it; neither has ended."""
    with warehouse.connect() as writing, warehouse.connect() as reading:
        writing.execute("lock table raw.orders in row exclusive mode")
        reading.execute("select count(*) from raw.orders")
        connection.execute("set lock_timeout = '2s'")
        with connection.transaction():
            ensure_month(connection, "orders", date(2027, 1, 1))
    assert [month.month for month in months(connection, "orders")][-1] == date(2027, 1, 1)


def test_a_table_that_is_not_partitioned_is_converted_with_its_views(
    landing: LandingZone,
    load: Load,
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    landing.stream("orders", order(1), day="2026-10-01", hour=0)
    landing.stream("orders", order(2), order(3, order_amount=-1), day=DAY)
    load()
    rows = query("select * from raw.orders order by 1")
    flatten(connection, contracts)
    connection.execute("create view staging.stg_x as select order_id, _load_id from raw.orders")
    connection.execute("create view analytics.v_x as select order_id from staging.stg_x")
    migrate(connection, contracts)
    assert query("select * from raw.orders order by 1") == rows
    assert [month.month for month in months(connection, "orders")] == [OCTOBER, NOVEMBER]
    ensure_even(connection)
    landing.stream("orders", order(4), day="2026-12-01", hour=0)
    load()
    assert query("select count(*) from analytics.v_x") == [{"count": 3}]
    assert query("select to_regclass('raw.orders_unpartitioned')") == [{"to_regclass": None}]
    assert len(query("select from pg_indexes where tablename = 'orders_p2026_12'")) == 2


def flatten(connection: psycopg.Connection, contracts: Mapping[str, Contract]) -> None:
    """Bring raw.orders to what it was before it had partitions, rows included."""
    create, *rest = raw_table_ddl(contracts["orders"], contracts)
    connection.execute("create table public.kept as select * from raw.orders")
    connection.execute("drop table raw.orders cascade")
    text = create.as_string(connection).partition(" partition by")[0]
    connection.execute(text.encode())
    for statement in rest:
        connection.execute(statement)
    connection.execute("insert into raw.orders select * from public.kept")
    connection.execute("update ops.raw_table set definition_hash = '' where source = 'orders'")


def test_a_conversion_that_dies_leaves_the_old_table(
    landing: LandingZone,
    load: Load,
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    landing.stream("orders", order(1))
    load()
    flatten(connection, contracts)
    # A view with a column of the table's own row type cannot be pointed to another table.
    connection.execute("create view staging.stg_x as select o as whole from raw.orders o")
    with pytest.raises(psycopg.Error):
        migrate(connection, contracts)
    assert query("select relkind::text from pg_class where oid = 'raw.orders'::regclass") == [
        {"relkind": "r"}
    ]
    assert query("select count(*) from raw.orders") == [{"count": 1}]


def test_an_old_month_leaves_and_the_account_stays_even(
    autumn: dict[str, int],
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    found = list(retention.old_months(connection, contracts["orders"], date(2026, 10, 31)))
    assert [(item.month.month, item.rows, item.held) for item in found] == [
        (date(2026, 9, 1), 2, 0)
    ]
    retention.prune_month(connection, contracts["orders"], found[0].month)
    assert [row["part"] for row in query(MONTHS)] == ["raw.orders_p2026_10", "raw.orders_p2026_11"]
    assert query("select to_regclass('raw.orders_p2026_09')") == [{"to_regclass": None}]
    assert query("select * from ops.removed_key") == []
    pruned = query(
        "select log_id, pruned_records from ops.pipeline_file_log order by log_id limit 1"
    )
    assert pruned == [{"log_id": autumn["stream/2026-09-30/23/orders.json"], "pruned_records": 2}]
    ensure_even(connection)
    [audit] = query("select action, target, old, new from ops.audit_log")
    assert audit == {
        "action": "prune",
        "target": "raw.orders/2026-09",
        "old": {"rows": 2},
        "new": {"rows": 0},
    }


@pytest.mark.usefixtures("autumn")
def test_rows_of_waiting_orphans_stay_until_they_are_settled(
    contracts: Mapping[str, Contract], query: Query, connection: psycopg.Connection
) -> None:
    query(
        "insert into ops.quarantine (log_id, source_file, source, source_table, row_number, "
        "primary_key, rejection_stage, rejection_reason, reasons, raw_data) "
        "select _load_id, _source_file, 'orders', 'fact_order', _row_number, order_id, 'orphan', "
        "'x', '[]', '{}' from raw.orders where order_id = %s returning 1",
        order(2)["order_id"],
    )
    before = date(2026, 10, 31)
    [found] = retention.old_months(connection, contracts["orders"], before)
    assert (found.rows, found.held) == (1, 1)
    retention.prune_month(connection, contracts["orders"], found.month)
    assert query(MONTHS)[0] == {"part": "raw.orders_p2026_09", "count": 1}
    ensure_even(connection)
    [found] = retention.old_months(connection, contracts["orders"], before)
    assert (found.rows, found.held) == (0, 1)
    retention.prune_month(connection, contracts["orders"], found.month)
    query("update ops.quarantine set status = 'discarded' returning 1")
    retention.prune_month(connection, contracts["orders"], found.month)
    assert query(MONTHS)[0]["part"] == "raw.orders_p2026_10"
    ensure_even(connection)


@pytest.mark.usefixtures("autumn")
def test_rows_of_keys_that_later_months_hold_too_stay(
    landing: LandingZone,
    load: Load,
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    """When the later file gives the key up, the earlier version counts again."""
    landing.stream("orders", order(2, order_amount=7), day="2026-12-01")
    load()
    [found] = retention.old_months(connection, contracts["orders"], date(2026, 10, 31))
    assert (found.rows, found.held) == (1, 1)
    retention.prune_month(connection, contracts["orders"], found.month)
    kept = query("select * from raw.orders where _partition_at < '2026-10-01'")
    assert [row["order_id"] for row in kept] == [order(2)["order_id"]]
    ensure_even(connection)


def test_a_month_that_the_marts_have_not_seen_stays(
    autumn: dict[str, int],
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    query("delete from ops.consumed_load where load_id = %s returning 1", min(autumn.values()))
    [found] = retention.old_months(connection, contracts["orders"], date(2026, 10, 31))
    assert found.is_unseen
    assert retention.prune_month(connection, contracts["orders"], found.month).is_unseen
    assert query("select count(*) from raw.orders") == [{"count": 5}]


@pytest.mark.usefixtures("autumn")
def test_a_kill_while_a_month_is_taken_out_leaves_it(
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [found] = retention.old_months(connection, contracts["orders"], date(2026, 10, 31))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(audit, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            retention.prune_month(connection, contracts["orders"], found.month)
    assert query("select count(*) from raw.orders") == [{"count": 5}]
    ensure_even(connection)


@pytest.mark.usefixtures("autumn")
def test_a_month_in_use_is_left_and_nothing_waits_for_it(
    contracts: Mapping[str, Contract],
    warehouse: Warehouse,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "LOCK_TIMEOUT", "50ms")
    [found] = retention.old_months(connection, contracts["orders"], date(2026, 10, 31))
    with warehouse.connect() as reading:
        reading.execute("select count(*) from raw.orders")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            retention.prune_month(connection, contracts["orders"], found.month)
    assert len(months(connection, "orders")) == 3


def test_a_file_of_a_month_that_has_left_is_refused_unless_forced(
    autumn: dict[str, int],
    landing: LandingZone,
    load: Load,
    settings: Settings,
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    """Its rows may be older than those that the marts hold and raw knows no more."""
    [found] = retention.old_months(connection, contracts["orders"], date(2026, 10, 31))
    retention.prune_month(connection, contracts["orders"], found.month)
    landing.stream("orders", order(1, order_amount=1), day="2026-09-30", hour=23)
    [report] = load().values()
    assert report.status == "failed"
    assert "raw no longer holds orders of 2026-09 (`fastfeast prune`)" in str(report.failure_reason)
    assert query("select to_regclass('raw.orders_p2026_09') is null as gone") == [{"gone": True}]
    [file] = [f for f in look(settings, contracts).files if f.relative_path == min(autumn)]
    orders = contracts["orders"]
    forced = load_file(warehouse, orders, file, run_id="t", settings=settings, is_forced=True)
    assert forced.status == "success"
    assert query("select count(*) from raw.orders") == [{"count": 4}]
    ensure_even(connection)
    [audit] = query("select old, new from ops.audit_log where action = 'reprocess'")
    assert (audit["old"]["valid_records"], audit["new"]["valid_records"]) == (2, 1)


def test_copy_progress_is_told_of_the_table_that_is_copied_into(
    warehouse: Warehouse, connection: psycopg.Connection
) -> None:
    """`test_kill` waits for it."""
    with connection.transaction():
        ensure_month(connection, "orders", NOVEMBER)
    statement = sql.SQL("copy raw.orders from stdin")
    with (
        warehouse.connect() as copying,
        copying.cursor() as cursor,
        cursor.copy(statement),
    ):
        row = connection.execute(
            "select relid::regclass::text from pg_stat_progress_copy"
        ).fetchone()
    assert row == ("raw.orders",)
