"""The laws of the facts under random histories, against a slow reference that forgets nothing.

Files come late, in any order, corrected, in any grouping; orders and tickets are updated; parents
come after their children and leave before them; retention takes months and repetitions before a
random day; people discard, release and withdraw; a model of a transform fails. At any rest the
facts are what the memory says, every row is loaded or quarantined, and running again changes
nothing; where nothing was pruned or decided, building anew changes nothing either.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

import psycopg
import pytest

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.dbt.test_recovery import break_table, mend_table
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, Row
from fastfeast_assets_tests.postgres.conftest import Query
from fastfeast_assets_tests.property.reference import KEYS, Version
from fastfeast_assets_tests.property.world import HISTORIES, World

FACTS = {"orders": "fact_order", "tickets": "fact_ticket", "ticket_events": "fact_ticket_event"}
BREAKABLE = ("dim_customer", *FACTS.values())


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_facts_are_what_the_memory_says(
    seed: int,
    landing: LandingZone,
    settings: Settings,
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
    dbt: Dbt,
    marts: Marts,
    query: Query,
    connection: psycopg.Connection,
) -> None:
    chance = random.Random(seed)  # noqa: S311
    world = World(chance, landing, settings, warehouse, contracts, query, connection)
    for source in set(MEMBERS) - {"customers"}:
        landing.batch(source)
    for _ in world.history(is_plain=seed % 5 == 0):
        transform(world, dbt, connection)
        world.memory.rest(world.customers())
        agree(world, query)
    before, rows = marts.written(), marts.rows()
    dbt.run()
    assert marts.written() == before
    dbt.test()
    if not world.has_forgotten:
        # Built anew from all files at once, the same comes out.
        dbt.operation("drop_marts")
        dbt.run()
        assert marts.rows() == rows


def transform(world: World, dbt: Dbt, connection: psycopg.Connection) -> None:
    """Build the models; now and then one fails in its midst, and the next run goes on."""
    if world.chance.random() < 0.15 and dbt.has_views:
        broken = world.chance.choice(BREAKABLE)
        break_table(connection, broken)
        dbt.failures("run", "--exclude", "config.materialized:view", "path:models/marts/calendar")
        mend_table(connection, broken)
    dbt.run()


def agree(world: World, query: Query) -> None:
    """The warehouse and the memory say the same."""
    for source, key in KEYS.items():
        fact = FACTS[source]
        stored = query(f"select * from marts.{fact}")  # noqa: S608
        expected = world.memory.facts[source]
        assert {row[key] for row in stored} == set(expected), source
        waiting = query(
            "select primary_key from ops.quarantine where source_table = %s "
            "and rejection_stage = 'orphan' and status = 'open'",
            fact,
        )
        assert {row["primary_key"] for row in waiting} == world.memory.orphans[source], source
        for row in stored:
            compare(source, row, expected[row[key]])
    members = query("select customer_id from dim_customer")
    assert {row["customer_id"] for row in members} >= world.customers()
    for source in (*KEYS, "customers"):
        [counts] = query(
            "select coalesce(sum(total_records), 0) as total, "  # noqa: S608
            "coalesce(sum(valid_records - pruned_records), 0) as valid, "
            "coalesce(sum(quarantined), 0) as refused, "
            "coalesce(sum(pruned_records), 0) as pruned, "
            f"(select count(*) from raw.{source}) as in_raw, "
            "(select count(*) from ops.quarantine where source = %s and status = 'open' "
            "and rejection_stage <> 'orphan') as in_quarantine "
            "from ops.pipeline_file_log where is_loaded and source = %s",
            source,
            source,
        )
        accounted = counts["in_raw"] + counts["in_quarantine"] + counts["pruned"]
        assert counts["total"] == accounted, source
        assert (counts["valid"], counts["refused"]) == (counts["in_raw"], counts["in_quarantine"])


def compare(source: str, row: Row, version: Version) -> None:
    """The stored values are those of the version, and say whose they are."""
    columns = {
        "orders": ("customer_id", "order_amount"),
        "tickets": ("order_id", "customer_id", "refund_amount"),
        "ticket_events": ("ticket_id", "new_status"),
    }
    for column in columns[source]:
        said, held = version.row[column], row[column]
        same = held == said if isinstance(said, str) else float(held) == float(str(said))
        assert same, f"{source} {version.key} {column}"
    assert f"{row['_partition_at']:%Y-%m-%d/%H}" == version.partition, f"{source} {version.key}"
    pruned_at = "" if row["_pruned_at"] is None else f"{row['_pruned_at']:%Y-%m-%d/%H}"
    assert pruned_at == version.pruned_at, f"{source} {version.key}"
