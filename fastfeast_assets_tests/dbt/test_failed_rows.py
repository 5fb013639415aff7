"""Tests of the marts look at what a load brought, and never forget what failed."""

from __future__ import annotations

from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from fastfeast_assets_tests.dbt.conftest import Dbt
from fastfeast_assets_tests.landing import LandingZone, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

FACTS_ONLY = ("--select", "path:models/intermediate", "path:models/marts/facts")
BUILD = ("build", "--exclude-resource-type", "unit_test", *FACTS_ONLY)
TEST = ("test", "--exclude-resource-type", "unit_test", "--select")
ALL = ("--vars", "rows: all")
UNTESTED = """
select count(*) from ops.consumed_load
where generation > tested_generation and starts_with(consumer, 'fact_')
"""
KEYS = "select test, key from ops.failed_row order by 1, 2"
# What the events of `landing` say of the tickets is another matter.
WAITING = {"fact_ticket_agrees_with_events"}
STATUSES = "Pending__Preparing__OutForDelivery__Delivered__Cancelled__Refunded"
OF_ORDERS = {
    "fact_order_checksum_of_raw",
    f"accepted_values_fact_order_order_status__{STATUSES}",
}
BROKEN = {
    *OF_ORDERS,
    *WAITING,
    "fact_ticket_follows_its_sources",
    "relationships_fact_ticket_region_id__region_id__ref_dim_region_",
    "fact_ticket_event_reconciled_with_raw",
}
SCANS = """
select relname, seq_scan from pg_stat_user_tables
where starts_with(relname, 'fact_') and schemaname = 'marts' order by relname
"""
FACTS = ("fact_order", "fact_ticket", "fact_ticket_event")


@pytest.fixture
def day(landing: LandingZone, load: Load, dbt: Dbt) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2), order(3))
    landing.stream("tickets", ticket(1), ticket(2), ticket(3))
    landing.stream("ticket_events", event(1), event(2), event(3))
    load()
    dbt.run()
    assert dbt.found(*BUILD) == WAITING


def by_hand(connection: psycopg.Connection, *statements: LiteralString) -> None:
    """Change facts past their foreign keys, and as if it had been long ago."""
    connection.execute("set session_replication_role = replica")
    for statement in statements:
        connection.execute(statement)
    for table in FACTS:
        connection.execute(
            sql.SQL("update {} set _loaded_at = now() - interval '9 days'").format(
                sql.Identifier("marts", table)
            )
        )
    connection.execute("set session_replication_role = origin")


def numbers(query: Query) -> set[tuple[str, int]]:
    """Which test failed for the order, ticket or event of which number."""
    return {(row["test"], int(row["key"][-3:])) for row in query(KEYS)}


def slice_of(query: Query, number: int) -> int:
    """The slice that an order is in."""
    [row] = query(
        "select mod(('x' || left(md5(order_id), 8))::bit(32)::bigint, 30) + 1 as slice"
        " from marts.fact_order where order_id = %s",
        order(number)["order_id"],
    )
    return int(row["slice"])


@pytest.mark.usefixtures("day")
def test_what_was_broken_by_hand_is_found_and_stays_red_until_it_is_mended(
    landing: LandingZone,
    load: Load,
    dbt: Dbt,
    query: Query,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_hand(
        connection,
        "update marts.fact_order set total_amount = 5 where right(order_id, 1) = '1'",
        "update marts.fact_order set order_status = 'Lost' where right(order_id, 1) = '1'",
        "update marts.fact_ticket set region_id = 7 where right(ticket_id, 1) = '2'",
        "update marts.fact_ticket set reopened = true where right(ticket_id, 1) = '3'",
        "delete from marts.fact_ticket_event where right(event_id, 1) = '2'",
    )
    # A load of other keys does not look at them.
    landing.stream("orders", order(4), hour=9)
    load()
    assert dbt.found(*BUILD) == WAITING
    assert query(UNTESTED) == [{"count": 0}]

    # A slice and its neighbour.
    ours = slice_of(query, 1)
    monkeypatch.setenv("FASTFEAST_ROWS", str(ours % 30 + 1))
    assert dbt.found(*TEST, "fact_order") == set()
    monkeypatch.setenv("FASTFEAST_ROWS", str(ours))
    assert set(dbt.failures(*TEST, "fact_order")) == OF_ORDERS
    monkeypatch.delenv("FASTFEAST_ROWS")

    # All rows.
    found = dbt.found(*TEST, "path:models/marts/facts", *ALL)
    assert found == {*BROKEN, "analytics_reconciled"}
    assert numbers(query) >= {
        *((test, 1) for test in OF_ORDERS),
        ("fact_ticket_follows_its_sources", 2),
        ("fact_ticket_follows_its_sources", 3),
        ("fact_ticket_event_reconciled_with_raw", 2),
    }

    # The next transform brings other keys: it stays red, and holds up nothing.
    landing.stream("orders", order(5), hour=10)
    landing.stream("ticket_events", event(5, ticket_id=ticket(1)["ticket_id"]), hour=10)
    load()
    assert dbt.found(*BUILD) == BROKEN
    assert query("select 1 from marts.fact_ticket_event where right(event_id, 1) = '5'")

    # A load of the keys mends them.
    landing.stream("orders", order(1), order(2), order(3), hour=11)
    landing.stream("tickets", ticket(1), ticket(2), ticket(3), hour=11)
    landing.stream("ticket_events", event(2), hour=11)
    load()
    assert dbt.found(*BUILD) <= WAITING
    assert {test for test, _ in numbers(query)} <= WAITING


@pytest.mark.usefixtures("day")
def test_loads_whose_tests_never_ran_are_tested_by_the_next_run(
    landing: LandingZone, load: Load, dbt: Dbt, query: Query, connection: psycopg.Connection
) -> None:
    """As after a kill between models and tests. The next run looks at these keys, and once."""
    landing.stream("orders", order(1), order(6), hour=9)
    load()
    dbt.run(*FACTS_ONLY)
    by_hand(connection, "delete from marts.fact_order where right(order_id, 1) = '6'")
    landing.stream("orders", order(7), hour=10)
    load()
    assert "fact_order_reconciled_with_raw" in dbt.failures(*BUILD)
    assert numbers(query) >= {("fact_order_reconciled_with_raw", 6)}
    by_hand(
        connection, "update marts.fact_order set total_amount = 9 where right(order_id, 1) = '1'"
    )
    landing.stream("orders", order(8), hour=11)
    load()
    assert "fact_order_checksum_of_raw" not in dbt.found(*BUILD)


@pytest.mark.usefixtures("day")
def test_tests_behind_a_load_scan_no_fact(
    landing: LandingZone, load: Load, dbt: Dbt, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planner does without a scan where it can; three rows alone it would rather scan."""
    landing.stream("orders", order(4), hour=9)
    landing.stream("tickets", ticket(4), hour=9)
    landing.stream("ticket_events", event(4), hour=9)
    load()
    dbt.run(*FACTS_ONLY)
    monkeypatch.setenv("PGOPTIONS", "-c enable_seqscan=off")
    before = query(SCANS)
    assert dbt.found(*TEST, "path:models/marts/facts") == WAITING
    assert query(SCANS) == before
    assert query(UNTESTED) == [{"count": 0}]


@pytest.mark.usefixtures("day")
def test_of_very_many_failures_the_first_are_kept_and_the_number(
    dbt: Dbt, query: Query, connection: psycopg.Connection
) -> None:
    """Only a look at all rows lets such a test pass: most of what failed is not known by name."""
    chosen = ("accepted_values_fact_order_payment_method__card__cash__wallet",)
    by_hand(
        connection,
        """
        insert into marts.fact_order
        select many.*
        from
            (select * from marts.fact_order limit 1) as known,
            generate_series(1, 10005) as n,
            jsonb_populate_record(
                null::marts.fact_order,
                to_jsonb(known)
                || jsonb_build_object('order_id', 'x' || n, 'payment_method', 'shell')
            ) as many
        """,
    )
    assert dbt.found(*TEST, *chosen) == set()
    assert set(dbt.failures(*TEST, *chosen, *ALL)) == set(chosen)
    assert query(
        "select failed_rows, needs_all,"
        " (select count(*) from ops.failed_row as r where r.test = t.test) as kept"
        " from ops.failed_test as t where failed_rows > 9"
    ) == [{"failed_rows": 10005, "needs_all": True, "kept": 10000}]
    connection.execute("delete from marts.fact_order where payment_method = 'shell'")
    assert dbt.found(*TEST, *chosen) == set(chosen)
    assert dbt.found(*TEST, *chosen, *ALL) == set()
    assert query("select 1 from ops.failed_row where starts_with(key, 'x')") == []
