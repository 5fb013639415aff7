"""Runs that fail half-way, and runs that build only a part: nothing is lost."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.dbt.test_orphans import facts, waiting
from fastfeast_assets_tests.landing import LandingZone, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

CONSUMED = "select count(*) from ops.consumed_load where consumer = %s"


@pytest.fixture
def day(landing: LandingZone, load: Load, dbt: Dbt, query: Query) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2))
    landing.stream("tickets", ticket(1), ticket(2))
    landing.stream("ticket_events", event(1), event(2))
    load()
    dbt.run()


def break_table(connection: psycopg.Connection, table: str) -> None:
    """Make every insert into a mart fail, after the rows were written."""
    connection.execute(
        "create function public.refuse() returns trigger language plpgsql "
        "as $$ begin raise exception 'broken on purpose'; end $$"
    )
    connection.execute(
        sql.SQL("create trigger broken after insert on {} execute function public.refuse()").format(
            sql.Identifier("marts", table)
        )
    )


def mend_table(connection: psycopg.Connection, table: str) -> None:
    """Take `break_table` back."""
    connection.execute(sql.SQL("drop trigger broken on {}").format(sql.Identifier("marts", table)))
    connection.execute("drop function public.refuse()")


@pytest.mark.usefixtures("day")
@pytest.mark.parametrize(
    "table", ["dim_customer", "fact_order", "fact_ticket", "fact_ticket_event"]
)
def test_a_failed_model_digests_its_loads_in_the_next_run(
    landing: LandingZone,
    load: Load,
    dbt: Dbt,
    marts: Marts,
    query: Query,
    connection: psycopg.Connection,
    table: str,
) -> None:
    """A claim that outlived its failed transaction would lose the rows for good."""
    landing.all_batch(day="2026-11-20")
    landing.batch("customers", full_name="New Name", day="2026-11-20")
    landing.stream("orders", order(2), order(3))
    landing.stream("tickets", ticket(1), ticket(3), hour=9)
    landing.stream("ticket_events", event(1, new_status="Reopened"), event(3), hour=9)
    load()
    break_table(connection, table)
    consumed = query(CONSUMED, table)
    failures = dbt.failures("run")
    assert "broken on purpose" in failures[table]
    assert query(CONSUMED, table) == consumed
    mend_table(connection, table)
    dbt.run()
    rows = marts.rows()
    assert rows["dim_customer"][0]["full_name"] == "New Name"
    assert facts(marts) == (2, 2, 2)
    assert [row["source"] for row in waiting(query)] == ["tickets", "ticket_events"]
    dbt.test()


@pytest.mark.usefixtures("day")
def test_building_models_one_by_one_loses_nothing(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    """The loads a fact digests are those its rows were resolved for, not those found last."""
    landing.stream("orders", order(3), hour=9)
    landing.stream("tickets", ticket(3), hour=9)
    landing.stream("ticket_events", event(3), hour=9)
    load()
    for model in ("int_order_changes", "int_ticket_changes", "int_ticket_event_changes"):
        dbt.run("--select", model)
    dbt.run("--select", "marts")
    dbt.run()
    assert facts(marts) == (3, 3, 3)
    dbt.test()
