"""The laws of the facts under random histories, against a slow reference.

Files come late, in any order, corrected, in any grouping; orders and tickets are updated; parents
come after their children. At any rest the facts are what the files in the landing zone say, every
row is loaded or quarantined, and running again, or building anew, changes nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, Row, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query
from fastfeast_assets_tests.property.reference import KEYS, expected

HOURS = (8, 9, 10, 11)
FACTS = {"orders": "fact_order", "tickets": "fact_ticket", "ticket_events": "fact_ticket_event"}
CUSTOMERS = (1, 2, 3)
EMPTY_TICKETS = ",".join(ticket()) + "\n"


@dataclass
class World:
    """Writes random files and knows which customers were ever listed."""

    chance: random.Random
    landing: LandingZone
    listed: set[int] = field(default_factory=set)

    def history(self) -> Iterator[None]:
        """Drop files; pauses wherever the platform may look at them."""
        drops = [(source, hour) for source in KEYS for hour in HOURS]
        self.chance.shuffle(drops)
        corrections = self.chance.sample(drops, 4)
        customers = [("customers", number) for number in CUSTOMERS]
        self.chance.shuffle(customers)
        steps = [*drops, *corrections, *customers]
        late = self.chance.randrange(len(drops))
        steps[late:late] = [customers[0]]
        for count, (source, number) in enumerate(steps, start=1):
            if source == "customers":
                self.list_customer(number)
            else:
                self.drop(source, number)
            if count == len(steps) or self.chance.random() < 0.2:
                yield

    def list_customer(self, number: int) -> None:
        """Land a snapshot that lists one more customer, valid or to be rejected."""
        self.listed.add(number)
        rows = [{**MEMBERS["customers"], "customer_id": n} for n in sorted(self.listed)]
        if self.chance.random() < 0.3:
            rows[-1]["phone"] = "123"
        self.landing.batch("customers", *rows, day="2026-11-18")

    def drop(self, source: str, hour: int) -> None:
        """Land a file of a stream, new or in the place of an earlier one."""
        rows = [self.row(source) for _ in range(self.chance.randrange(6))]
        if source == "tickets" and not rows:
            self.landing.put(f"stream/2026-11-19/{hour:02d}/tickets.csv", EMPTY_TICKETS)
            return
        self.landing.stream(source, *rows, hour=hour)

    def row(self, source: str) -> Row:
        """A random version of one of a few keys."""
        number, parent = self.chance.randint(1, 6), self.chance.randint(1, 6)
        customer = self.chance.choice(CUSTOMERS)
        amount = self.chance.choice([-1, 10, 20.5, 30])
        if source == "orders":
            return order(number, customer_id=customer, order_amount=amount)
        if source == "tickets":
            parents = {"order_id": order(parent)["order_id"], "customer_id": customer}
            return ticket(number, **parents, refund_amount=abs(amount))
        status = self.chance.choice(["Open", "Reopened", "Resolved"])
        return event(number, ticket_id=ticket(parent)["ticket_id"], new_status=status)


@pytest.mark.parametrize("seed", range(5))
def test_facts_are_what_the_files_say(
    seed: int, landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    world = World(random.Random(seed), landing)  # noqa: S311
    for source in set(MEMBERS) - {"customers"}:
        landing.batch(source)
    for _ in world.history():
        reports = load()
        assert {report.status for report in reports.values()} <= {"success", "skipped"}
        dbt.run()
        agree(world, query)
    before, rows = marts.written(), marts.rows()
    dbt.run()
    assert marts.written() == before
    # Built anew from all files at once, the same comes out.
    dbt.operation("drop_marts")
    dbt.run()
    assert marts.rows() == rows


def agree(world: World, query: Query) -> None:
    """The warehouse and the reference say the same."""
    truth = expected(world.landing.root, world.listed)
    for source, key in KEYS.items():
        fact = FACTS[source]
        stored = query(f"select * from marts.{fact}")  # noqa: S608
        assert {row[key] for row in stored} == truth.facts[source], source
        waiting = query(
            "select primary_key from ops.quarantine where source_table = %s "
            "and rejection_stage = 'orphan' and status = 'open'",
            fact,
        )
        assert {row["primary_key"] for row in waiting} == truth.orphans[source], source
        compare_values(source, key, stored, truth.newest[source].set_index(key))
    for source in (*KEYS, "customers"):
        [counts] = query(
            "select coalesce(sum(total_records), 0) as total, "  # noqa: S608
            "coalesce(sum(valid_records), 0) as valid, coalesce(sum(quarantined), 0) as refused, "
            f"(select count(*) from raw.{source}) as in_raw, "
            "(select count(*) from ops.quarantine where source = %s and status = 'open' "
            "and rejection_stage <> 'orphan') as in_quarantine "
            "from ops.pipeline_file_log where is_loaded and source = %s",
            source,
            source,
        )
        assert counts["total"] == counts["in_raw"] + counts["in_quarantine"], source
        assert (counts["valid"], counts["refused"]) == (counts["in_raw"], counts["in_quarantine"])


def compare_values(source: str, key: str, stored: list[Row], newest: object) -> None:
    """The stored values are those of the newest version."""
    values = {"orders": "order_amount", "tickets": "refund_amount", "ticket_events": "new_status"}
    column = values[source]
    for row in stored:
        version = newest.loc[row[key]]  # type: ignore[attr-defined]
        said, held = version[column], row[column]
        same = held == said if isinstance(said, str) else float(held) == pytest.approx(float(said))
        assert same, f"{source} {row[key]} {column}"
