"""One good day from landing files to the marts, and what happens when nothing new comes."""

from __future__ import annotations

from decimal import Decimal

import psycopg
import pytest

from fastfeast_assets_tests.dbt.conftest import Dbt, Marts, Project
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

LEDGER = "select xmin, ctid from ops.{}"
FOREIGN_KEYS = (
    "select oid, conname from pg_constraint "
    "where contype = 'f' and connamespace = 'marts'::regnamespace order by 1"
)
UNDESCRIBED = (
    "select c.oid::regclass::text, a.attname from pg_class c join pg_attribute a "
    "on a.attrelid = c.oid where c.relnamespace = 'marts'::regnamespace and c.relkind = 'r' "
    "and a.attnum > 0 and (col_description(c.oid, a.attnum) is null "
    "or obj_description(c.oid) is null)"
)
COMMENTS = (
    "select c.relname, a.attname as column, col_description(c.oid, a.attnum) as comment, "
    "obj_description(c.oid) from pg_class c join pg_attribute a on a.attrelid = c.oid "
    "where c.relnamespace = 'marts'::regnamespace and c.relkind = 'r' and a.attnum > 0"
)


@pytest.fixture
def day(landing: LandingZone, load: Load, dbt: Dbt) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2, customer_id=404))
    landing.stream("tickets", ticket(1), ticket(2))
    landing.stream("ticket_events", event(1), event(2))
    load()
    dbt.run()


@pytest.mark.unbuilt
@pytest.mark.usefixtures("day")
def test_every_layer_holds_the_day_and_all_data_tests_pass(
    dbt: Dbt, marts: Marts, query: Query
) -> None:
    rows = marts.rows()
    assert {table: len(rows[table]) for table in rows if table.startswith("fact_")} == {
        "fact_order": 1,
        "fact_ticket": 1,
        "fact_ticket_event": 1,
    }
    dimensions = [table for table in rows if table.startswith("dim_")]
    histories = [table for table in dimensions if table.endswith("_history")]
    assert len(histories) == 4
    assert len(dimensions) == len(MEMBERS) + len(histories)
    calendar = (
        "select (select count(*) from dim_date) as days, (select count(*) from dim_time) as minutes"
    )
    assert query(calendar) == [{"days": 36_525, "minutes": 1_440}]
    [region] = rows["dim_region"]
    assert region["city_name"] == "Cairo"
    [reason] = rows["dim_reason"]
    assert reason["reason_category"] == "Food"
    [fact] = rows["fact_ticket"]
    assert fact["region_id"] == 1
    assert fact["first_response_min"] == Decimal("0.75")
    assert fact["resolution_min"] == Decimal("20.50")
    assert (fact["sla_response_status"], fact["sla_resolution_status"]) == ("met", "breached")
    assert (fact["date_key"], fact["time_key"]) == (20261119, 900)
    [view] = query("select * from analytics.v_ticket_sla_performance")
    assert (view["is_first_response_met"], view["is_resolution_met"]) == (True, False)
    dbt.test("--select", "*")


@pytest.mark.usefixtures("day")
def test_views_count_every_ticket_and_order_once(query: Query) -> None:
    [refunds] = query("select * from analytics.refunds_by_reason")
    assert (refunds["tickets"], refunds["refunded_tickets"]) == (1, 1)
    assert refunds["refund_amount"] == Decimal("25.25")
    [hour] = query("select * from analytics.orders_by_hour")
    assert (hour["hour"], hour["orders"], hour["total_amount"]) == (8, 1, Decimal("112.50"))
    assert hour["average_delivery_minutes"] == Decimal("45.00")
    [agent] = query("select * from analytics.sla_compliance_by_agent_day")
    assert (agent["tickets"], agent["response_compliance"]) == (1, 1)
    assert (agent["resolutions_breached"], agent["resolution_compliance"]) == (1, 0)


@pytest.mark.usefixtures("day")
def test_the_calendar_knows_iso_weeks_and_the_egyptian_weekend(query: Query) -> None:
    rows = query(
        "select date_key, day_name, day_of_week, iso_year, iso_week, is_weekend from dim_date "
        "where full_date in ('2026-11-19', '2026-11-20', '2026-11-21', '2027-01-01') order by 1"
    )
    assert [tuple(row.values()) for row in rows] == [
        (20261119, "Thursday", 4, 2026, 47, False),
        (20261120, "Friday", 5, 2026, 47, True),
        (20261121, "Saturday", 6, 2026, 47, True),
        (20270101, "Friday", 5, 2026, 53, True),
    ]


@pytest.mark.unbuilt
@pytest.mark.usefixtures("day")
def test_every_column_of_the_marts_is_described_in_the_database(query: Query) -> None:
    assert query(UNDESCRIBED) == []


def test_comments_follow_the_models(dbt: Dbt, query: Query, connection: psycopg.Connection) -> None:
    """Those that are gone or old; a column that no model has is left alone."""
    described = query(COMMENTS)
    connection.execute("comment on table marts.fact_order is null")
    connection.execute("comment on column marts.fact_order.order_id is 'an older sentence'")
    connection.execute("alter table marts.dim_city add column of_a_stranger integer")
    connection.execute("comment on column marts.dim_city.of_a_stranger is 'theirs'")
    dbt.run("--select", "dim_city")
    [theirs] = [row for row in query(COMMENTS) if row not in described]
    assert (theirs["column"], theirs["comment"]) == ("of_a_stranger", "theirs")
    assert len(query(COMMENTS)) == len(described) + 1


def test_a_table_of_another_version_stops_the_run(
    landing: LandingZone, load: Load, dbt: Dbt, query: Query, connection: psycopg.Connection
) -> None:
    """Started by hand; commands and the console look for that before, and change the table."""
    connection.execute("alter table marts.dim_city drop column country cascade")
    landing.all_batch()
    load()
    with pytest.raises(
        Exception, match=r"marts\.dim_city has no column country.*fastfeast upgrade"
    ):
        dbt.run()
    assert query("select * from marts.dim_city") == query("select * from marts.dim_team") == []


def test_what_differs_from_run_to_run_does_not_have_the_project_parsed(project: Project) -> None:
    """That took a second and a half of each transform."""
    assert project.variables() <= {
        "FASTFEAST_PG_DBNAME",
        "FASTFEAST_TIMEZONE",
        "FASTFEAST_ORPHAN_HOURS",
    }


def test_derived_columns_by_the_unit_tests_of_the_models(dbt: Dbt) -> None:
    dbt.run()
    assert dbt.failures("test", "--select", "test_type:unit") == {}


@pytest.mark.unbuilt
@pytest.mark.usefixtures("day")
def test_running_again_writes_no_row(dbt: Dbt, marts: Marts, query: Query) -> None:
    ledgers = [LEDGER.format(name) for name in ("quarantine", "pipeline_file_log", "consumed_load")]
    before = marts.written(), [query(statement) for statement in ledgers]
    dbt.run("--select", "*")
    assert (marts.written(), [query(statement) for statement in ledgers]) == before


@pytest.mark.usefixtures("day")
def test_new_rows_leave_the_stored_ones_alone(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    before = marts.written()
    landing.stream("orders", order(3), hour=9)
    landing.all_batch(day="2026-11-20")
    load()
    dbt.run()
    after = marts.written()
    assert {table for table in after if after[table] != before[table]} == {"fact_order"}
    assert after["fact_order"] > before["fact_order"]


@pytest.mark.usefixtures("day")
def test_full_refresh_keeps_tables_and_foreign_keys(dbt: Dbt, marts: Marts, query: Query) -> None:
    before = marts.written(), query(FOREIGN_KEYS)
    dbt.run("--full-refresh")
    assert (marts.written(), query(FOREIGN_KEYS)) == before
    assert len(query(FOREIGN_KEYS)) == 6 + 11 + 4


@pytest.mark.usefixtures("day")
def test_dropped_marts_are_built_anew_from_all_loads(dbt: Dbt, marts: Marts) -> None:
    before = marts.rows()
    dbt.operation("drop_marts")
    assert marts.tables() == []
    dbt.run()
    assert marts.rows() == before
    dbt.test()


def test_a_fact_changed_by_hand_fails_its_checksum(
    landing: LandingZone, load: Load, dbt: Dbt, query: Query
) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2))
    landing.stream("tickets", ticket(1))
    landing.stream("ticket_events", event(1))
    load()
    dbt.run()
    chosen = ("--select", "test_name:checksum_of_raw")
    dbt.test(*chosen)
    query("update marts.fact_order set total_amount = 5 where right(order_id, 1) = '1' returning 1")
    query("update marts.fact_ticket set refund_amount = null returning 1")
    assert set(dbt.failures("test", *chosen)) == {
        "fact_order_checksum_of_raw",
        "fact_ticket_checksum_of_raw",
    }
