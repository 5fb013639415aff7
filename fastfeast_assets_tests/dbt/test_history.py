"""Histories of members: versions, late and corrected snapshots, absence, retention."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse import retention_ops
from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, Row, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query
from fastfeast_assets_tests.pruning import prune_raw

CUSTOMER = MEMBERS["customers"]


def day(number: int) -> str:
    """A day of November 2026."""
    return f"2026-11-{number:02d}"


def named(name: str, number: int = 1, **changes: Any) -> Row:
    """A customer of that name."""
    return {**CUSTOMER, "customer_id": number, "full_name": name, **changes}


class History:
    """Lands snapshots of customers, runs everything, and reads the versions."""

    def __init__(self, landing: LandingZone, load: Load, dbt: Dbt, query: Query) -> None:
        self._landing = landing
        self._load = load
        self._dbt = dbt
        self._query = query

    def land(self, number: int, *rows: Row) -> None:
        """Land the snapshot of a day."""
        self._landing.batch("customers", *rows, day=day(number))

    def run(self) -> None:
        """Load what has landed, and transform."""
        self._load()
        self._dbt.run()

    def versions(self, customer: int = 1) -> list[tuple[str, int, int | None]]:
        """Name, first day and day after the last of each version, in order."""
        rows = self._query(
            "select * from marts.dim_customer_history where customer_id = %s order by valid_from",
            customer,
        )
        for row in rows:
            assert row["is_current"] == (row["valid_to"] is None)
            assert row["version_key"] == f"{customer}@{row['valid_from'].date()}"
        return [
            (
                row["full_name"],
                row["valid_from"].day,
                row["valid_to"].day if row["valid_to"] else None,
            )
            for row in rows
        ]

    def absence(self, customer: int = 1) -> tuple[bool, int | None]:
        """Whether the member is absent, and since which day."""
        [row] = self._query(
            "select is_absent, absent_since from marts.dim_customer_history "
            "where customer_id = %s and is_current",
            customer,
        )
        return row["is_absent"], row["absent_since"].day if row["absent_since"] else None

    def written(self) -> set[tuple[str, str]]:
        """Identity of each stored row version."""
        rows = self._query("select ctid::text, xmin::text from marts.dim_customer_history")
        return {(row["ctid"], row["xmin"]) for row in rows}


@pytest.fixture
def history(landing: LandingZone, load: Load, dbt: Dbt, query: Query) -> History:
    return History(landing, load, dbt, query)


def test_a_version_is_a_change_of_a_business_column(history: History, dbt: Dbt) -> None:
    history.land(1, named("A"), named("X", 2))
    history.land(2, named("A", updated_at="2026-11-02 00:00:00"), named("X", 2))
    history.run()
    assert history.versions() == [("A", 1, None)]
    before = history.written()
    history.land(3, named("A", updated_at="2026-11-03 00:00:00"), named("X", 2))
    history.run()
    assert history.written() == before
    history.land(4, named("B"), named("X", 2))
    history.run()
    assert history.versions() == [("A", 1, 4), ("B", 4, None)]
    assert history.versions(2) == [("X", 1, None)]
    assert len(before - history.written()) == 1
    history.land(5, named("B", email=None), named("X", 2))
    history.run()
    assert history.versions() == [("A", 1, 4), ("B", 4, 5), ("B", 5, None)]
    dbt.test()


def test_late_snapshots_split_versions_and_join_them_again(history: History, dbt: Dbt) -> None:
    history.land(2, named("A"))
    history.land(8, named("A"))
    history.run()
    assert history.versions() == [("A", 2, None)]
    history.land(5, named("B"))
    history.run()
    assert history.versions() == [("A", 2, 5), ("B", 5, 8), ("A", 8, None)]
    dbt.test()
    history.land(1, named("A"))
    history.run()
    assert history.versions() == [("A", 1, 5), ("B", 5, 8), ("A", 8, None)]
    history.land(7, named("A"))
    history.run()
    assert history.versions() == [("A", 1, 5), ("B", 5, 7), ("A", 7, None)]
    history.land(5, named("A"))
    history.run()
    assert history.versions() == [("A", 1, None)]
    dbt.test()


def test_versions_follow_corrected_snapshots(history: History, dbt: Dbt) -> None:
    history.land(1, named("A"), named("X", 2))
    history.land(3, named("B"), named("X", 2))
    history.run()
    history.land(1, named("X", 2))
    history.run()
    assert history.versions() == [("B", 3, None)]
    history.land(3, named("C"), named("X", 2, phone="bad"))
    history.run()
    assert history.versions() == [("C", 3, None)]
    assert history.versions(2) == [("X", 1, None)]
    history.land(3, named("X", 2))
    history.run()
    assert history.versions() == []
    dbt.test()


def test_a_member_missing_from_the_newest_snapshot_is_marked(history: History, dbt: Dbt) -> None:
    history.land(1, named("A"), named("X", 2))
    history.land(4, named("X", 2))
    history.run()
    assert (history.absence(1), history.absence(2)) == ((True, 4), (False, None))
    assert history.versions() == [("A", 1, None)]
    dbt.test()
    history.land(3, named("X", 2))
    history.run()
    assert history.absence() == (True, 3)
    history.land(5, named("X", 2))
    history.run()
    assert history.absence() == (True, 3)
    # Listed, though its row is refused.
    history.land(6, named("X", 2), named("A", phone="bad"))
    history.run()
    assert history.absence() == (False, None)
    history.land(7, named("X", 2))
    history.run()
    assert history.absence() == (True, 7)
    history.land(7, named("X", 2), named("A"))
    history.run()
    assert history.absence() == (False, None)
    assert history.versions() == [("A", 1, None)]
    history.land(7, named("A"))
    history.run()
    assert (history.absence(1), history.absence(2)) == ((False, None), (True, 7))
    dbt.test()


def test_what_retention_takes_stays_known_when_snapshots_are_corrected(
    history: History,
    dbt: Dbt,
    marts: Marts,
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
) -> None:
    for number, name in enumerate("AAABBC", start=1):
        history.land(number, named(name), *([named("X", 2)] if number < 4 else []))
    history.run()
    before = marts.rows()
    assert prune_raw(connection, [contracts["customers"]], date(2026, 11, 6)) == 4
    # The kept row of A is corrected away: those of the next two days still say A.
    history.land(1, named("E"))
    history.run()
    assert history.versions() == [("E", 1, 2), ("A", 2, 4), ("B", 4, 6), ("C", 6, None)]
    assert history.versions(2) == [("X", 2, None)]
    # Customer 2 leaves its newest snapshot: it was last seen the day before.
    history.land(3, named("A"))
    # Late: between a kept row and one that only repeated it.
    history.land(2, named("F"), named("X", 2))
    history.run()
    assert history.versions()[1:4] == [("F", 2, 3), ("A", 3, 4), ("B", 4, 6)]
    assert history.absence(2) == (True, 3)
    assert prune_raw(connection, [contracts["customers"]], date(2026, 11, 6)) == 0
    for number, name in enumerate("AAA", start=1):
        history.land(number, named(name), named("X", 2))
    history.run()
    assert marts.rows() == before
    dbt.test()


def test_refusals_that_retention_takes_still_list_their_members(
    history: History,
    query: Query,
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
) -> None:
    bad = {"phone": "bad"}
    history.land(1, named("A"), named("X", 2))
    history.land(2, named("A"), named("X", 2, **bad))
    history.land(3, named("A"), {**named("Y", 2), "customer_id": "?"})
    history.land(4, named("A"))
    history.run()
    assert history.absence(2) == (True, 4)
    query("update ops.quarantine set status = 'discarded' returning 1")
    later = datetime.now(UTC) + timedelta(days=1)
    # The refusal newer than any valid row of its member stays.
    assert retention_ops.prune_settled(connection, contracts, later) == 1
    history.land(1, named("A"), named("Z", 2))
    history.run()
    assert history.absence(2) == (True, 4)
    history.land(2, named("A"), named("X", 2))
    history.run()
    assert retention_ops.prune_settled(connection, contracts, later) == 1
    assert history.versions(2) == [("Z", 1, 2), ("X", 2, None)]
    history.land(4, named("B"))
    history.run()
    assert history.absence(2) == (True, 4)


def test_every_history_has_the_columns_of_its_source(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts
) -> None:
    landing.all_batch()
    landing.batch("drivers", shift="morning", day="2026-11-20")
    landing.batch("restaurants", rating_avg=1, day="2026-11-20")
    landing.batch("agents", csat_score=None, day="2026-11-20")
    load()
    dbt.run()
    rows = marts.rows()
    for member in ("customer", "driver", "restaurant", "agent"):
        newest = rows[f"dim_{member}_history"][-1]
        [current] = rows[f"dim_{member}"]
        shared = set(newest) & set(current)
        assert set(current) - shared == {"updated_at", "is_stub", "stub_reason"}
        assert {name: newest[name] for name in shared} == {name: current[name] for name in shared}
    counts = {table: len(held) for table, held in rows.items() if table.endswith("_history")}
    assert counts == {
        "dim_agent_history": 2,
        "dim_customer_history": 1,
        "dim_driver_history": 2,
        "dim_restaurant_history": 2,
    }


def test_facts_meet_the_versions_of_their_time(
    landing: LandingZone, load: Load, dbt: Dbt, query: Query
) -> None:
    landing.all_batch(day="2026-11-19")
    segment = {**MEMBERS["segments"], "segment_id": 2, "segment_name": "VIP"}
    landing.batch("segments", MEMBERS["segments"], segment, day="2026-11-20")
    landing.batch("customers", segment_id=2, day="2026-11-20")
    landing.batch("agents", skill_level="Lead", day="2026-11-20")
    times = ["2026-11-18 12:00:00", "2026-11-19 23:59:59", "2026-11-20 00:00:00"]
    numbered = list(enumerate(times, start=1))
    landing.stream(
        "orders",
        *(
            order(n, order_created_at=t, delivered_at=None, order_status="Pending")
            for n, t in numbered
        ),
    )
    unanswered = {"status": "Open", "first_response_at": None, "resolved_at": None}
    landing.stream("tickets", *(ticket(n, created_at=t, **unanswered) for n, t in numbered))
    load()
    dbt.run()
    orders = query("select * from analytics.fact_order_as_of order by created_at")
    assert [row["customer_version"] for row in orders] == [
        None,
        "1@2026-11-19",
        "1@2026-11-20",
    ]
    assert [row["customer_segment_id"] for row in orders] == [None, 1, 2]
    tickets = query("select * from analytics.fact_ticket_as_of order by created_at")
    assert [row["agent_skill_level"] for row in tickets] == [None, "Senior", "Lead"]
