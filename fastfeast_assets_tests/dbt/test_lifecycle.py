"""The course of tickets by their events, and where tickets and events disagree."""

from __future__ import annotations

import psycopg

from fastfeast_assets_tests.dbt.conftest import Dbt
from fastfeast_assets_tests.landing import DAY, LandingZone, Row, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

GOOD = (("09:00:00", "Open"), ("09:00:45", "InProgress"), ("09:20:30", "Resolved"))
CHECK = ("--select", "fact_ticket_agrees_with_events")


def course(number: int, *steps: tuple[str, str]) -> list[Row]:
    """Events of the ticket of that number: time of the day and status."""
    about = ticket(number)["ticket_id"]
    return [
        event(10 * number + place, ticket_id=about, event_ts=f"{DAY} {time}", new_status=status)
        for place, (time, status) in enumerate(steps)
    ]


def test_disagreements_are_counted_and_go_when_the_files_agree(
    landing: LandingZone, load: Load, dbt: Dbt, query: Query
) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2), order(3))
    landing.stream("tickets", ticket(1), ticket(2), ticket(3))
    landing.stream("ticket_events", *course(1, *GOOD), *course(2, *GOOD[:2]))
    load()
    dbt.run()
    # Ticket 2 as to status and resolution; ticket 3 has no events yet, which is no disagreement.
    [message] = dbt.warnings(*CHECK).values()
    assert message.startswith("Got 2 results")
    landing.stream("ticket_events", *course(2, *GOOD)[2:], *course(3, *GOOD), hour=9)
    load()
    dbt.run()
    assert dbt.warnings(*CHECK) == {}
    rows = query("select in_progress_minutes, reopen_count, last_status from ticket_lifecycle")
    assert {tuple(row.values()) for row in rows} == {(19.75, 0, "Resolved")}


def test_an_event_is_compared_with_its_ticket_of_long_ago(
    landing: LandingZone, load: Load, dbt: Dbt
) -> None:
    """Looked at are the tickets that a load is about; those that disagree are not forgotten."""
    landing.all_batch()
    landing.stream("orders", order(1), order(2))
    landing.stream("tickets", ticket(1), ticket(2))
    landing.stream("ticket_events", *course(1, *GOOD), *course(2, *GOOD[:2]))
    load()
    dbt.run()
    [message] = dbt.warnings(*CHECK).values()
    assert message.startswith("Got 2 results")
    landing.stream("ticket_events", *course(1, *GOOD, ("09:30:00", "Closed"))[3:], hour=9)
    load()
    dbt.run()
    [message] = dbt.warnings(*CHECK).values()
    assert message.startswith("Got 3 results")


def test_one_ticket_is_looked_up_by_index(dbt: Dbt, connection: psycopg.Connection) -> None:
    dbt.run()
    connection.execute("set enable_seqscan = off")
    plan = connection.execute(
        "explain select * from analytics.ticket_lifecycle where ticket_id = %s", ["x"]
    ).fetchall()
    text = "\n".join(row[0] for row in plan)
    assert "Index Cond: ((ticket_id)::text = 'x'::text)" in text
    assert "Seq Scan" not in text
