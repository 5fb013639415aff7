"""Whatever retention takes and corrections replace, who was listed when, saying what, is known."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse import retention_ops, retention_snapshots
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, Row
from fastfeast_assets_tests.postgres.conftest import Load, Query
from fastfeast_assets_tests.postgres.test_retention import ensure_even
from fastfeast_assets_tests.pruning import SEEN

DAYS = [date(2026, 11, day) for day in range(1, 8)]
LATER = datetime.now(UTC) + timedelta(days=1)
BAD_PHONE = "123"
# Every sighting, as raw holds it or as it is remembered.
VALID = """
select customer_id as key, _source_file as path, _row_number as row, full_name as name, updated_at
from raw.customers
union all
select said.customer_id, l.file_path, s.row_number, said.full_name,
    (s.uncompared ->> 'updated_at')::timestamp
from ops.sighting s
join ops.pipeline_file_log l on l.log_id = s.load_id and l.is_loaded
join raw.customers said on said._load_id = s.said_by and said.customer_id = s.key::int
"""
REFUSED = """
select distinct f.key, l.file_path as path from ops.refusal f
join ops.pipeline_file_log l on l.log_id = f.load_id and l.is_loaded
"""
# The newest sighting of a key, where raw does not hold it.
HIDDEN = """
select s.key from ops.sighting s join ops.pipeline_file_log l on l.log_id = s.load_id
where s.said_by is not null and not exists (
    select from raw.customers n where n.customer_id = s.key::int
    and n._partition_at >= s.partition_at
)
"""


def rows(chance: random.Random) -> list[Row]:
    """Some of the customers, each with one of two names; some refused, some without a key."""
    found = [
        {
            **MEMBERS["customers"],
            "customer_id": number,
            "full_name": chance.choice("AB"),
            "updated_at": f"2026-11-0{chance.randint(1, 9)} 00:00:00",
            "phone": BAD_PHONE if chance.random() < 0.15 else "01012345678",
        }
        for number in (1, 2, 3)
        if chance.random() < 0.8
    ]
    if chance.random() < 0.1:
        found.append({**MEMBERS["customers"], "customer_id": "?"})
    return found or [{**MEMBERS["customers"], "customer_id": 9}]


def said(landing: LandingZone) -> tuple[set[tuple[object, ...]], set[tuple[object, ...]]]:
    """Valid and refused rows of all files in the landing zone."""
    valid: set[tuple[object, ...]] = set()
    refused: set[tuple[object, ...]] = set()
    for path in Path(landing.root).rglob("customers.csv"):
        name = path.relative_to(landing.root).as_posix()
        for place, row in enumerate(csv.DictReader(path.open()), start=1):
            key = row["customer_id"]
            if key == "?":
                refused.add((None, name))
            elif row["phone"] == BAD_PHONE:
                refused.add((key, name))
            else:
                at = datetime.fromisoformat(row["updated_at"])
                valid.add((int(key), name, place, row["full_name"], at))
    return valid, refused


@pytest.mark.parametrize("seed", range(12))
def test_what_files_said_stays_known(
    seed: int,
    landing: LandingZone,
    load: Load,
    contracts: Mapping[str, Contract],
    query: Query,
    connection: psycopg.Connection,
) -> None:
    chance = random.Random(seed)  # noqa: S311
    contract = contracts["customers"]
    pruned = 0
    for _ in range(14):
        if chance.random() < 0.15:
            text = landing.batch("customers", *rows(chance)).read_text()
            landing.put("master/customers.csv", text)
        else:
            landing.batch("customers", *rows(chance), day=str(chance.choice(DAYS)))
        load()
        if chance.random() < 0.6:
            connection.execute(SEEN)
            for log_id in retention_snapshots.old_loads(connection, contract, chance.choice(DAYS)):
                counted = retention_snapshots.count_repeated(connection, contract, log_id)
                gone = retention_snapshots.prune_repeated(connection, contract, log_id)
                assert gone == counted
                pruned += gone
        if chance.random() < 0.3:
            query(
                "update ops.quarantine set status = 'discarded' where status = 'open' returning 1"
            )
            retention_ops.prune_settled(connection, contracts, LATER)
        valid, refused = said(landing)
        assert {tuple(row.values()) for row in query(VALID)} == valid
        assert {tuple(row.values()) for row in query(REFUSED)} == refused
        assert query(HIDDEN) == []
        ensure_even(connection, contracts)
    assert pruned > 0
