"""The laws of history under random snapshots, against pandas.

Snapshots come in any order and any grouping, are corrected, list some members, refuse others;
retention takes repetitions and settled refusals. At any rest each member's versions and its absence
are what the landing zone says, which forgets nothing.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse import retention_ops
from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, Row
from fastfeast_assets_tests.postgres.conftest import Load, Query
from fastfeast_assets_tests.property.world import HISTORIES
from fastfeast_assets_tests.pruning import prune_raw

DAYS = pd.date_range("2026-11-01", periods=7)
CUSTOMERS = (1, 2, 3)
BAD_PHONE = "123"
LATER = datetime.now(UTC) + timedelta(days=1)
MODELS = ("stg_customers", "dim_customer", "dim_customer_history")

# Customer, name, first day, day after the last, first snapshot without the customer.
Version = tuple[int, str, pd.Timestamp, pd.Timestamp | None, pd.Timestamp | None]


def snapshot(chance: random.Random) -> list[Row]:
    """Some of the customers, each with one of few names; a row in eight is refused."""
    return [
        {
            **MEMBERS["customers"],
            "customer_id": number,
            "full_name": chance.choice("AB"),
            "updated_at": f"2026-11-0{chance.randint(1, 9)} 00:00:00",
            "phone": BAD_PHONE if chance.random() < 0.12 else "01012345678",
        }
        for number in CUSTOMERS
        if chance.random() < 0.8
    ] or [{**MEMBERS["customers"], "customer_id": 9}]


def listings(landing: Path) -> pd.DataFrame:
    """All rows in the landing zone, each with its day."""
    frames = [
        pd.DataFrame(csv.DictReader(path.open())).assign(day=pd.Timestamp(path.parent.name))
        for path in landing.glob("batch/*/customers.csv")
    ]
    return pd.concat(frames)


def expected_absences(landing: Path) -> dict[int, pd.Timestamp | None]:
    """Of each customer that a file lists, the first snapshot after the last that does."""
    listed = listings(landing)
    last = listed.groupby("customer_id")["day"].max()
    return {
        int(str(customer)): min((day for day in listed["day"] if day > seen), default=None)
        for customer, seen in last.items()
    }


def expected(landing: Path) -> set[Version]:
    """The versions that the files in the landing zone tell."""
    listed = listings(landing)
    days = sorted(listed["day"].unique())
    versions: set[Version] = set()
    for customer, rows in listed.sort_values("day").groupby("customer_id"):
        valid = rows[rows["phone"] != BAD_PHONE]
        starts = valid[valid["full_name"] != valid["full_name"].shift()]
        later = [day for day in days if day > rows["day"].max()]
        ends = [*starts["day"].iloc[1:], None]
        for name, start, end in zip(starts["full_name"], starts["day"], ends, strict=False):
            absent = later[0] if later and end is None else None
            versions.add((int(str(customer)), name, start, end, absent))
    return versions


def moment(value: object) -> pd.Timestamp | None:
    """A timestamp of the warehouse."""
    return None if value is None else pd.Timestamp(str(value))


def stored_absences(query: Query) -> dict[int, pd.Timestamp | None]:
    """Whom dim_customer holds, and since when absent."""
    rows = query("select customer_id, absent_since from dim_customer")
    return {row["customer_id"]: moment(row["absent_since"]) for row in rows}


def stored(query: Query) -> set[Version]:
    """The versions of the warehouse."""
    return {
        (
            row["customer_id"],
            row["full_name"],
            pd.Timestamp(row["valid_from"]),
            moment(row["valid_to"]),
            moment(row["absent_since"]),
        )
        for row in query("select * from dim_customer_history")
    }


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_history_is_what_the_files_say(
    seed: int,
    landing: LandingZone,
    load: Load,
    dbt: Dbt,
    marts: Marts,
    query: Query,
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
) -> None:
    chance = random.Random(seed)  # noqa: S311
    drops = [*DAYS, *chance.sample(list(DAYS), 6)]
    chance.shuffle(drops)
    for place, day in enumerate(drops, start=1):
        landing.batch("customers", *snapshot(chance), day=str(day.date()))
        load()
        if place == len(drops) or chance.random() < 0.4:
            dbt.run("--select", *MODELS)
            assert stored(query) == expected(landing.root)
            assert stored_absences(query) == expected_absences(landing.root)
        if chance.random() < 0.4:
            prune_raw(connection, [contracts["customers"]], chance.choice(DAYS).date())
        if chance.random() < 0.2:
            connection.execute("update ops.quarantine set status = 'discarded'")
            retention_ops.prune_settled(connection, contracts, LATER)
    before = marts.written()
    dbt.run("--select", *MODELS)
    assert marts.written() == before
    dbt.test("--select", "dim_customer_history", "--exclude", "test_name:relationships")
