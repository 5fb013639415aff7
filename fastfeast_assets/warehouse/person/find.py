"""Every place in the warehouse that holds a person, by count and key, without a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse.person import places
from fastfeast_assets.warehouse.person.notes import notes_about
from fastfeast_assets.warehouse.person.places import KEYS_SHOWN, Found
from fastfeast_assets.warehouse.person.subject import Person, sources_of_persons
from fastfeast_assets.warehouse.person.traces import spelled, traces

KEPT = "stays: a number, money and times"
SHARED = "has one of the values, too, and is not erased along"
LISTED = "erased before: later files are loaded without the person"
WAITS = "stays: a row of a fact that waits, with the person's number"


def find(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], person: Person
) -> list[Found]:
    """Where a person is; places without a row are left out."""
    found = [
        item
        for look in (_members, _refused, _others, _notes, _naming, _traces, _listed)
        for item in look(connection, contracts, person)
    ]
    return [item for item in found if item.rows]


Looked = Iterator[Found]


def _members(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], person: Person
) -> Looked:
    for contract in sources_of_persons(contracts):
        keys = person.keys(contract.source)
        if not keys:
            continue
        raw = sql.Identifier("raw", contract.source)
        condition = places.of_members(contract)
        yield Found(f"raw.{contract.source}", _count(connection, raw, condition, keys), keys)
        extra = sql.SQL("{} and _extra is not null").format(condition)
        rows = _count(connection, raw, extra, keys)
        yield Found(f"raw.{contract.source}._extra", rows, keys)
        for mart in places.marts_of(connection, contract):
            table = sql.Identifier("marts", mart)
            yield Found(f"marts.{mart}", _count(connection, table, condition, keys), keys)


def _others(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], person: Person
) -> Looked:
    for source in sorted({member.source for member in person.others}):
        keys = [member.key for member in person.others if member.source == source]
        yield Found(f"raw.{source}", len(keys), keys[:KEYS_SHOWN], SHARED, "other")


def _refused(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], person: Person
) -> Looked:
    for contract in sources_of_persons(contracts):
        values = {
            "source": contract.source,
            "keys": person.keys(contract.source),
            "hashes": sorted(person.own),
        }
        query = sql.SQL("select q.quarantine_id::text from ops.quarantine q where {} order by 1")
        ids = _column(connection, query.format(places.refused(contract)), values)
        yield Found(f"ops.quarantine of {contract.source}", len(ids), ids[:KEYS_SHOWN])


def _notes(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], person: Person
) -> Looked:
    for notes in notes_about(connection, contracts, person):
        raw = sql.Identifier("raw", notes.contract.source)
        rows = _number(
            connection,
            sql.SQL("select count(*) from {} where {} and {}").format(
                raw, notes.condition, notes.has_text
            ),
            {"values": list(notes.values)},
        )
        names = ", ".join(column.stored_as for column in notes.texts)
        note = f"by {notes.by.name}; may tell of the person; --notes blanks it"
        keys = notes.values[:KEYS_SHOWN]
        yield Found(f"raw.{notes.contract.source}.{names}", rows, keys, note, "kept")


def _naming(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], person: Person
) -> Looked:
    """Rows of facts that name a member, loaded and waiting."""
    for contract in contracts.values():
        for column in contract.references:
            assert column.reference is not None  # noqa: S101
            keys = person.keys(column.reference.source)
            if not keys or contract.personal_columns:
                continue
            condition = sql.SQL("{} = any(%(keys)s::{}[])").format(
                sql.Identifier(column.stored_as), sql.SQL(column.physical_type)
            )
            rows = _count(connection, sql.Identifier("raw", contract.source), condition, keys)
            yield Found(f"raw.{contract.source}.{column.stored_as}", rows, keys, KEPT, "kept")
            query = sql.SQL(
                "select q.quarantine_id::text from ops.quarantine q where {} order by 1"
            )
            values = {"source": contract.source, "column": column.name, "keys": keys}
            ids = _column(connection, query.format(places.NAMING), values)
            place = f"ops.quarantine, orphans of {contract.source}"
            yield Found(place, len(ids), ids[:KEYS_SHOWN], WAITS, "kept")


def _traces(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], person: Person
) -> Looked:
    hashes = spelled(connection, person.own)
    for trace in traces(connection, contracts):
        yield Found(trace.name, trace.count(connection, hashes))


def _listed(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], person: Person
) -> Looked:
    """Whether the person was erased before: then loads go by the list."""
    hashes = {"hashes": sorted(person.hashes)}
    query = sql.SQL("select count(*) from ops.suppressed_hash where hash = any(%(hashes)s)")
    rows = _number(connection, query.format(), hashes)
    for member in person.members:
        rows += _number(
            connection,
            sql.SQL(
                "select count(*) from ops.suppressed_row where source = %(source)s"
                " and column_name = %(column)s and value = %(value)s"
            ).format(),
            {
                "source": member.source,
                "column": contracts[member.source].key.name,
                "value": member.key,
            },
        )
    yield Found("ops.suppressed_row, ops.suppressed_hash", rows, note=LISTED, kind="kept")


def _count(
    connection: psycopg.Connection,
    table: sql.Identifier,
    condition: sql.Composed,
    keys: Sequence[str],
) -> int:
    query = sql.SQL("select count(*) from {} where {}").format(table, condition)
    return _number(connection, query, {"keys": list(keys)})


def _number(connection: psycopg.Connection, query: sql.Composed, values: Mapping[str, Any]) -> int:
    row = connection.execute(query, values).fetchone()
    return 0 if row is None else int(row[0])


def _column(
    connection: psycopg.Connection, query: sql.Composed, values: Mapping[str, Any]
) -> list[str]:
    return [row[0] for row in connection.execute(query, values).fetchall()]
