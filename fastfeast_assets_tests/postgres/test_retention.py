"""Retention of snapshots, quarantine and ledger: what is in use stays, the account stays even."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from fastfeast_assets.checks.reconciliation import balances
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse import Warehouse, retention_ops
from fastfeast_assets.warehouse import retention_snapshots as snapshots
from fastfeast_assets.warehouse.discard import discard
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, order
from fastfeast_assets_tests.postgres.conftest import Load, Query
from fastfeast_assets_tests.pruning import SEEN

LATER = datetime.now(UTC) + timedelta(days=1)


def ensure_even(connection: psycopg.Connection, contracts: Mapping[str, Contract]) -> None:
    ids = [row[0] for row in connection.execute("select log_id from ops.pipeline_file_log")]
    for contract in contracts.values():
        found = balances(connection, contract, ids)
        assert all(balance.is_even for balance in found), [str(balance) for balance in found]


def test_snapshots_lose_what_they_only_repeat(
    landing: LandingZone,
    load: Load,
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    """Versions by day: A A B B A A A of one member; another leaves after the second day.

    An uncontracted text has another hash every day, which makes no difference.
    """
    for day, name in enumerate("AABBAAA", start=10):
        member = {**MEMBERS["customers"], "loyalty": "gold"}
        rows = [{**member, "full_name": name, "updated_at": f"2026-11-{day} 00:00:00"}]
        if day < 12:
            rows.append({**member, "customer_id": 2})
        landing.batch("customers", *rows, day=f"2026-11-{day}")
    load()
    customers = contracts["customers"]
    assert snapshots.old_loads(connection, customers, date(2026, 11, 30)) == []
    connection.execute(SEEN)
    loads = snapshots.old_loads(connection, customers, date(2026, 11, 15))
    assert len(loads) == 5
    expected = [snapshots.count_repeated(connection, customers, log_id) for log_id in loads]
    assert [snapshots.prune_repeated(connection, customers, log_id) for log_id in loads] == expected
    left = query(
        "select customer_id as id, full_name as name, _partition_at::date::text as day "
        "from raw.customers order by 1, 3"
    )
    assert [(row["id"], row["name"], row["day"][-2:]) for row in left] == [
        (1, "A", "10"),
        (1, "B", "12"),
        (1, "A", "14"),
        (1, "A", "15"),
        (1, "A", "16"),
        (2, "Mona Adel", "10"),
        (2, "Mona Adel", "11"),
    ]
    ensure_even(connection, contracts)
    assert query("select sum(pruned_records)::int as n from ops.pipeline_file_log") == [{"n": 2}]
    assert len(query("select from ops.audit_log where action = 'prune'")) == 2


def test_settled_rows_leave_the_quarantine_and_open_ones_never(
    landing: LandingZone,
    load: Load,
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention_ops, "BATCH_ROWS", 2)
    bad = [order(number, order_amount=-1) for number in range(9)]
    landing.stream("orders", order(10), *bad)
    load()
    ids = [
        row["quarantine_id"] for row in query("select quarantine_id from ops.quarantine order by 1")
    ]
    discard(warehouse, ids[:5], reason="x", is_dry_run=False)
    earlier = datetime.now(UTC) - timedelta(days=1)
    assert retention_ops.prune_settled(connection, contracts, earlier) == 0
    assert retention_ops.count_settled(connection, contracts, LATER) == 5
    assert retention_ops.prune_settled(connection, contracts, LATER) == 5
    assert query("select status, count(*) from ops.quarantine group by 1") == [
        {"status": "open", "count": 4}
    ]
    ensure_even(connection, contracts)
    [log] = query("select quarantined, pruned_quarantine from ops.pipeline_file_log")
    assert log == {"quarantined": 9, "pruned_quarantine": 5}
    assert retention_ops.prune_settled(connection, contracts, LATER) == 0
    assert len(query("select from ops.audit_log where target = 'quarantine/orders'")) == 3


def test_a_refused_row_that_holds_up_a_stub_stays(
    landing: LandingZone,
    load: Load,
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    """Built anew without it, the marts would have no member and its orders no parent."""
    bad = [{**MEMBERS["customers"], "customer_id": n, "phone": "1"} for n in (7, 8)]
    landing.batch("customers", *bad, {"customer_id": "?", **dict.fromkeys(MEMBERS["customers"])})
    landing.batch("customers", {**MEMBERS["customers"], "customer_id": 8}, day="2026-11-20")
    load()
    query("update ops.quarantine set status = 'discarded' returning 1")
    assert retention_ops.prune_settled(connection, contracts, LATER) == 2
    assert query("select primary_key from ops.quarantine") == [{"primary_key": "7"}]
    ensure_even(connection, contracts)


def test_a_discarded_orphan_stays_as_long_as_raw_has_its_row(
    landing: LandingZone,
    load: Load,
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    landing.stream("orders", order(1))
    load()
    query(
        "insert into ops.quarantine (log_id, source_file, source, source_table, row_number, "
        "primary_key, rejection_stage, rejection_reason, reasons, raw_data, status) "
        "select _load_id, _source_file, 'orders', 'fact_order', _row_number, order_id, 'orphan', "
        "'x', '[]', '{}', 'discarded' from raw.orders returning 1"
    )
    assert retention_ops.prune_settled(connection, contracts, LATER) == 0
    query("delete from raw.orders returning 1")
    assert retention_ops.prune_settled(connection, contracts, LATER) == 1
    assert query("select pruned_quarantine as n from ops.pipeline_file_log") == [{"n": 0}]


def test_superseded_attempts_leave_the_ledger_with_their_bookkeeping(
    landing: LandingZone, load: Load, query: Query, connection: psycopg.Connection
) -> None:
    for amount in (1, 2, 3):
        landing.stream("orders", order(1, order_amount=amount))
        load()
    landing.stream("orders", order(1), order(2, order_amount=-1))
    load()
    landing.put("stream/2026-11-19/08/orders.json", "[")
    load()
    landing.put("stream/2026-11-19/08/orders.json", "[{")
    load()
    assert retention_ops.count_superseded(connection, LATER) == 1
    connection.execute(SEEN)
    assert retention_ops.prune_superseded(connection, LATER) == 4
    assert query(
        "select status, is_latest, is_loaded, total_records as n from pipeline_file_log order by 4"
    ) == [
        {"status": "failed", "is_latest": True, "is_loaded": False, "n": 0},
        {"status": "success", "is_latest": False, "is_loaded": True, "n": 2},
    ]
    assert len(query("select from ops.removed_key")) == 1
    assert (
        query(
            "select from ops.consumed_load c where not exists (select "
            "from ops.pipeline_file_log l where l.log_id = c.load_id)"
        )
        == []
    )
