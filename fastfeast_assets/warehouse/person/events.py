"""A person in Dagster's event log, where version 0.1 previewed rows with their names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.suppressed import ERASED
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.connection import connect
from fastfeast_assets.warehouse.person.places import of_members
from fastfeast_assets.warehouse.person.subject import Person
from fastfeast_assets.warehouse.server import DAGSTER_SCHEMA, dagster_storage_url

EVENTS = f"{DAGSTER_SCHEMA}.event_logs"


def count_events(settings: Settings, texts: Collection[str]) -> int:
    """How many events hold one of these texts; reads the whole log.

    Args:
        settings: Where Dagster's storage is.
        texts: Hashes, and names as they stand in raw.
    """
    patterns = [f"%{_escaped(text)}%" for text in texts]
    if not patterns:
        return 0
    url = dagster_storage_url(settings)
    with connect(url, autocommit=True, path=DAGSTER_SCHEMA) as connection:
        if connection.execute("select to_regclass(%s)", [EVENTS]).fetchone() == (None,):
            return 0
        row = connection.execute(
            "select count(*) from dagster.event_logs where event like any(%s::text[])", [patterns]
        ).fetchone()
    return int(row[0]) if row else 0


def names_of(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], person: Person
) -> Iterator[str]:
    """The names that a person has or had, for a search; never to be shown."""
    for source in {member.source for member in person.members}:
        contract = contracts[source]
        for column in contract.columns:
            if column.kind != "text" or not column.is_confidential:
                continue
            rows = connection.execute(
                sql.SQL("select distinct {} from {} where {}").format(
                    sql.Identifier(column.stored_as),
                    sql.Identifier("raw", source),
                    of_members(contract),
                ),
                {"keys": person.keys(source)},
            ).fetchall()
            yield from (row[0] for row in rows if row[0] not in (None, "", ERASED))


def _escaped(value: str) -> str:
    for sign in ("\\", "%", "_"):
        value = value.replace(sign, f"\\{sign}")
    return value
