"""The analysts' views on a filled warehouse: they answer, and agree with the facts."""

from __future__ import annotations

from decimal import Decimal

import psycopg
import pytest
from psycopg import sql

from fastfeast_assets.warehouse.roles.rights import ANALYST
from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

ALL_ROWS = ("--vars", "{rows: all}")
# Written by people who know the public tables and nothing of how they are made.
QUERIES = {
    "SLA compliance by agent": """
        select a.agent_name, count(*) as tickets,
               round(100.0 * avg(case when t.sla_response_breached then 0 else 1 end), 1),
               round(100.0 * avg(case when t.sla_resolution_breached then 0 else 1 end), 1)
        from fact_ticket t
        join dim_agent a on a.agent_id = t.agent_id
        group by a.agent_name
        order by 3 desc""",
    "breached tickets with minutes over": """
        select t.ticket_id, p.priority_name, c.channel_name, r.reason_name, rg.city_name,
               round(extract(epoch from (t.resolved_at - t.sla_resolve_due_at)) / 60, 2)
                   as minutes_over
        from fact_ticket t
        join dim_priority p on p.priority_id = t.priority_id
        join dim_channel c on c.channel_id = t.channel_id
        join dim_reason r on r.reason_id = t.reason_id
        join dim_region rg on rg.region_id = t.region_id
        where t.sla_resolution_breached
        order by minutes_over desc nulls last
        limit 50""",
    "recent quarantine": """
        select quarantine_id, source_file, source_table, rejection_stage, rejection_reason,
               raw_data ->> 'customer_id' as customer_id, quarantined_at
        from quarantine
        where quarantined_at >= now() - interval '1 day'
        order by quarantined_at desc
        limit 100""",
    "true-orphan candidates": """
        select orphan_id, quarantine_id, source_file, source_table, unresolved_fk, raw_data,
               first_seen_at, retry_count, last_retry_at
        from true_orphan
        order by first_seen_at""",
    "daily file summary": """
        select processed_at::date as day, file_type, count(*) as files,
               sum(total_records) as total, sum(valid_records) as valid,
               sum(quarantined) as quarantined, sum(duplicate_count) as duplicates,
               sum(orphan_count) as orphans
        from pipeline_file_log
        group by 1, 2
        order by 1 desc, 2""",
    "failed files": """
        select log_id, file_name, file_path, rejection_stage, processed_at
        from pipeline_file_log
        where status = 'failed'
        order by processed_at desc""",
    "duplicate rates": """
        select source_table,
               round(100.0 * sum(duplicate_count) / nullif(sum(total_records), 0), 2) as rate
        from pipeline_file_log
        where status = 'success'
        group by source_table
        order by rate desc nulls last""",
    "v_ticket_sla_performance": """
        select agent_id, count(*) as tickets,
               sum(is_first_response_met::int) as responses_met,
               sum(is_resolution_met::int) as resolutions_met,
               min(created_at), max(first_response_at), max(sla_first_due_at),
               max(resolved_at), max(sla_resolve_due_at), min(ticket_id)
        from v_ticket_sla_performance
        group by agent_id""",
}


@pytest.fixture
def filled(landing: LandingZone, load: Load, dbt: Dbt, query: Query) -> None:
    """Orders of two restaurants and hours, several tickets of one order, orphans, bad files."""
    landing.all_batch()
    landing.batch("restaurants", *({**MEMBERS["restaurants"], "restaurant_id": n} for n in (1, 2)))
    landing.batch("agents", *({**MEMBERS["agents"], "agent_id": n} for n in (1, 2)))
    orders = [
        order(1, discount_amount=10, total_amount=102.5),
        order(
            2,
            restaurant_id=2,
            order_created_at="2026-11-19 09:30:00",
            delivered_at=None,
            order_status="Cancelled",
        ),
        order(3),
        order(4, customer_id=404),
        order(4),
        order(5, customer_id=404, driver_id=405),
        order(6, order_amount=-1),
    ]
    landing.stream("orders", *orders)
    first = order(1)["order_id"]
    landing.stream(
        "tickets",
        ticket(1),
        ticket(2, order_id=first, refund_amount=10, agent_id=2),
        ticket(
            3,
            refund_amount=None,
            restaurant_id=None,
            driver_id=None,
            agent_id=None,
            resolved_at="2026-11-19 09:10:00",
        ),
        ticket(4, order_id=order(2)["order_id"], refund_amount=0, status="Reopened"),
        ticket(5),
    )
    landing.stream(
        "ticket_events",
        event(1),
        event(2, ticket_id=ticket(1)["ticket_id"], new_status="Reopened", agent_id=2),
        event(3, ticket_id=ticket(2)["ticket_id"], new_status="Resolved"),
    )
    landing.put("stream/2026-11-19/09/orders.json", '[{"order_id": ')
    load()
    dbt.run()
    query(
        "update ops.quarantine set first_seen_at = first_seen_at - interval '25 hours' "
        "where rejection_stage = 'orphan' and primary_key = %s returning 1",
        order(5)["order_id"],
    )


@pytest.mark.usefixtures("filled")
def test_every_query_that_analysts_have_runs_unchanged(reader: psycopg.Connection) -> None:
    reader.execute(sql.SQL("set role {}").format(sql.Identifier(ANALYST)))
    found = {name: reader.execute(text.encode()).fetchall() for name, text in QUERIES.items()}
    assert {name for name, rows in found.items() if not rows} == set()
    assert [row[1:] for row in found["SLA compliance by agent"]] == [(3, 100, 0)]
    over = [row[5] for row in found["breached tickets with minutes over"]]
    assert over == [Decimal("5.50")] * 3
    [orphan] = found["true-orphan candidates"]
    assert orphan[3:5] == ("fact_order", "customer_id, driver_id")
    assert orphan[5] is None
    reader.execute("reset role")
    [(as_it_came,)] = reader.execute("select raw_data from true_orphan").fetchall()
    assert as_it_came["order_id"] == order(5)["order_id"]
    [failed] = found["failed files"]
    assert failed[1:4] == ("orders.json", "stream/2026-11-19/09/orders.json", "file")
    assert ("fact_order", Decimal("14.29")) in found["duplicate rates"]


@pytest.mark.usefixtures("filled")
def test_views_agree_with_the_facts_and_hold_one_row_a_grain(dbt: Dbt) -> None:
    dbt.test(*ALL_ROWS, "--select", "analytics_reconciled", "models.analytics")


@pytest.mark.usefixtures("filled")
def test_a_view_that_counts_twice_is_found(
    dbt: Dbt, reader: psycopg.Connection, query: Query
) -> None:
    definition = str(query("select pg_get_viewdef('tickets_by_region') as text")[0]["text"])
    doubled = definition.replace("count(*) AS tickets", "count(*) * 2 AS tickets")
    statement = sql.SQL("create or replace view analytics.tickets_by_region as ").as_string()
    reader.execute((statement + doubled).encode())
    chosen = ("--select", "analytics_reconciled", *ALL_ROWS)
    assert set(dbt.failures("test", *chosen)) == {"analytics_reconciled"}


@pytest.mark.usefixtures("filled")
def test_an_order_with_two_refunded_tickets_is_at_risk_once(query: Query) -> None:
    [day] = query("select * from revenue_impact_by_day")
    assert (day["orders"], day["refunded_orders"]) == (3, 1)
    assert day["gross_amount"] == Decimal("337.50")
    assert (day["discount_amount"], day["refund_amount"]) == (Decimal(10), Decimal("35.25"))
    assert day["net_amount"] == Decimal("292.25")
    assert day["revenue_at_risk"] == Decimal("102.50")


@pytest.mark.usefixtures("filled")
def test_a_true_orphan_still_resolves(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    assert [row["source_table"] for row in query("select * from true_orphan")] == ["fact_order"]
    for source, key in (("customers", 404), ("drivers", 405)):
        member = {**MEMBERS[source], f"{source[:-1]}_id": key}
        landing.batch(source, member, day="2026-11-20")
    load()
    dbt.run()
    assert query("select * from true_orphan") == []
    assert query("select * from orphan_backlog") == []
    assert len(marts.rows()["fact_order"]) == 5
    resolved = query("select * from orphan_resolution_by_day where source_table = 'fact_order'")
    assert [(row["resolved_orphans"], row["waiting_orphans"]) for row in resolved] == [
        (1, 0),
        (1, 0),
    ]
    assert min(row["longest_minutes_to_resolve"] for row in resolved) < 1500
    assert max(row["longest_minutes_to_resolve"] for row in resolved) > 1500
