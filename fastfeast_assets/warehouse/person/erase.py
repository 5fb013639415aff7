"""Taking one person out of the warehouse: in one transaction, with its entry in the audit log.

Rows stay, and so do money, times and numbers: what told of the person leaves them. The account
stays right, for no row leaves; the ledger says how many are without their person. Loads to come go
by the list of `suppression`, whatever file brings the person again. Source of the rule:
docs/adr/0044-erasing-a-person.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.suppressed import MARK, blank_of
from fastfeast_assets.warehouse import audit, identity_guard, sightings
from fastfeast_assets.warehouse.database import Warehouse
from fastfeast_assets.warehouse.locks import PERSONS_LOCK
from fastfeast_assets.warehouse.person import places, suppression
from fastfeast_assets.warehouse.person.notes import Notes, notes_about
from fastfeast_assets.warehouse.person.places import Found
from fastfeast_assets.warehouse.person.subject import (
    Member,
    Person,
    UnknownPersonError,
    Value,
    person_of,
    sources_of_persons,
)
from fastfeast_assets.warehouse.person.traces import spelled, traces
from fastfeast_assets.warehouse.person.versions import join_versions
from fastfeast_assets.warehouse.pii_key import ensure_key, fingerprint, masker_of

COUNTED = sql.SQL(
    " counted as (update ops.pipeline_file_log l set erased_records = erased_records + of_load.n"
    " from (select load_id, count(*) as n from blanked group by 1) of_load"
    " where l.log_id = of_load.load_id) select count(*) from blanked"
)
BLANK_ROWS = sql.SQL(
    "with blanked as (update {table} set {blanks} where {condition}"
    " and ({columns}) is distinct from ({values}) returning _load_id as load_id),"
)
BLANK_REFUSED = sql.SQL(
    "with blanked as (update ops.quarantine q set"
    " raw_data = jsonb_build_object({key}, q.primary_key, {mark}, true),"
    " reasons = (select coalesce(jsonb_agg(r.item - 'value' order by r.place), '[]')"
    " from jsonb_array_elements(q.reasons) with ordinality as r (item, place)),"
    " rejection_reason = coalesce((select string_agg((r.item ->> 'column') || ': '"
    " || (r.item ->> 'rule'), '; ' order by r.place)"
    " from jsonb_array_elements(q.reasons) with ordinality as r (item, place)), '')"
    " where {condition} returning q.log_id as load_id),"
)


class SeveralPersonsError(Exception):
    """A value is that of several members of one source, who may be several persons."""

    def __init__(self, members: list[Member]) -> None:
        self.members = members
        names = ", ".join(f"{member.source} {member.key}" for member in members)
        super().__init__(f"several members have or had this value, who may be several: {names}")


@dataclass(frozen=True)
class Erasure:
    """What was erased, or would be.

    Attributes:
        person: Whom it was about.
        places: What was done where.
        suppressed_hashes: How many hashes loads to come look for.
    """

    person: Person
    places: list[Found]
    suppressed_hashes: int


def erase(
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
    asked: Member | Value,
    *,
    reason: str,
    has_notes: bool,
    is_dry_run: bool,
) -> Erasure:
    """Take a person out, and keep the person out.

    Waits for a transform that is at work, and for loads; neither begins before it has ended.

    Args:
        warehouse: Prepared for the contracts.
        contracts: All contracts by source.
        asked: Who.
        reason: Why, for the audit log.
        has_notes: Also what people wrote about the person.
        is_dry_run: Do everything and take it back.

    Raises:
        UnknownPersonError: What is asked for can name nobody.
        SeveralPersonsError: It names several.
        IdentityError: Key, clock, first partition or landing zone are not those of the warehouse.
    """
    settings = warehouse.settings
    with (
        warehouse.transform_lock(),
        warehouse.connect(autocommit=True) as connection,
        connection.transaction(force_rollback=is_dry_run),
    ):
        ensure_key(connection, settings)
        identity_guard.ensure(connection, settings, is_dry_run=is_dry_run)
        connection.execute("select pg_advisory_xact_lock(%s)", [PERSONS_LOCK])
        person = person_of(connection, contracts, masker_of(connection, settings).hashers(), asked)
        _ensure_one(person, asked)
        if isinstance(asked, Member):
            _ensure_known(connection, contracts[asked.source], person)
        for contract in sources_of_persons(contracts):
            sightings.lock(connection, contract)
        done = [
            *_members(connection, contracts, person),
            *_refused(connection, contracts, person),
            *_traces(connection, contracts, person),
        ]
        rows: dict[tuple[str, str], list[str]] = {
            (member.source, contracts[member.source].key.name): person.keys(member.source)
            for member in person.members
        }
        if has_notes:
            for notes in notes_about(connection, contracts, person):
                done += _blank_notes(connection, notes)
                rows[notes.contract.source, notes.by.name] = list(notes.values)
        suppression.add(connection, person.own, fingerprint(settings), rows)
        suppression.leave_rotation(connection, person.own)
        done = [found for found in done if found.rows]
        _audit(connection, person, done, reason)
    return Erasure(person, done, len(person.own))


def _ensure_one(person: Person, asked: Member | Value) -> None:
    sources = [member.source for member in person.members]
    if isinstance(asked, Value) and len(sources) > len(set(sources)):
        raise SeveralPersonsError(list(person.members))


def _ensure_known(connection: psycopg.Connection, contract: Contract, person: Person) -> None:
    """A number that no file has listed is a slip: its next owner would be kept out."""
    row = connection.execute(
        sql.SQL(
            "select exists (select from {} where {}) or exists (select from ops.quarantine q"
            " where q.source = %(source)s and q.primary_key = any(%(keys)s::text[]))"
        ).format(sql.Identifier("raw", contract.source), places.of_members(contract)),
        {"keys": person.keys(contract.source), "source": contract.source},
    ).fetchone()
    if row != (True,):
        raise UnknownPersonError(f"no file has listed {contract.source} of this number")


def _members(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], person: Person
) -> Iterator[Found]:
    for source in sorted({member.source for member in person.members}):
        contract, keys = contracts[source], person.keys(source)
        blanks = {c.stored_as: blank_of(c) for c in contract.columns if not c.is_shown}
        condition, values = places.of_members(contract), {"keys": keys}
        raw = _blank_rows(contract, {**blanks, "_extra": None}, condition)
        yield Found(f"raw.{source}", _number(connection, raw, values), keys)
        for mart, columns in places.marts_of(connection, contract).items():
            rows = _blank_mart(
                connection, mart, {name: blanks[name] for name in columns}, condition, values
            )
            yield Found(f"marts.{mart}", rows, keys)
            if mart.endswith("_history"):
                join_versions(connection, mart, contract.key.stored_as, keys)


def _blank_rows(
    contract: Contract, blanks: Mapping[str, str | None], condition: sql.Composed
) -> sql.Composed:
    """Statement: blank columns of rows of raw, count them in the ledger, give their number."""
    return (
        BLANK_ROWS.format(
            table=sql.Identifier("raw", contract.source),
            blanks=_assignments(blanks),
            condition=condition,
            columns=sql.SQL(", ").join(map(sql.Identifier, blanks)),
            values=sql.SQL(", ").join(map(sql.Literal, blanks.values())),
        )
        + COUNTED
    )


def _blank_mart(
    connection: psycopg.Connection,
    mart: str,
    blanks: Mapping[str, str | None],
    condition: sql.Composed,
    values: Mapping[str, list[str]],
) -> int:
    if not blanks:
        return 0
    statement = sql.SQL(
        "update {} set {}, _loaded_at = now() where {} and ({}) is distinct from ({})"
    ).format(
        sql.Identifier("marts", mart),
        _assignments(blanks),
        condition,
        sql.SQL(", ").join(map(sql.Identifier, blanks)),
        sql.SQL(", ").join(map(sql.Literal, blanks.values())),
    )
    return connection.execute(statement, values).rowcount


def _assignments(blanks: Mapping[str, str | None]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in blanks.items()
    )


def _refused(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], person: Person
) -> Iterator[Found]:
    for contract in sources_of_persons(contracts):
        statement = (
            BLANK_REFUSED.format(
                key=sql.Literal(contract.key.name),
                mark=sql.Literal(MARK),
                condition=places.refused(contract),
            )
            + COUNTED
        )
        values = {
            "source": contract.source,
            "keys": person.keys(contract.source),
            "hashes": sorted(person.own),
        }
        place = f"ops.quarantine of {contract.source}"
        yield Found(place, _number(connection, statement, values))


def _traces(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], person: Person
) -> Iterator[Found]:
    hashes = spelled(connection, person.own)
    for trace in traces(connection, contracts):
        yield Found(trace.name, trace.erase(connection, hashes))


def _blank_notes(connection: psycopg.Connection, notes: Notes) -> Iterator[Found]:
    blanks = {column.stored_as: blank_of(column) for column in notes.texts}
    values = {"values": list(notes.values)}
    source, target = notes.contract.source, notes.contract.target
    raw = _blank_rows(notes.contract, {**blanks, "_extra": None}, notes.condition)
    yield Found(f"raw.{source}", _number(connection, raw, values))
    if places.marts_of(connection, notes.contract):
        rows = _blank_mart(connection, target, blanks, notes.condition, values)
        yield Found(f"marts.{target}", rows)
    held = connection.execute(
        "update ops.quarantine set raw_data = raw_data || %(blanks)s::jsonb - '_extra'"
        " where source = %(source)s and raw_data ->> %(by)s = any(%(values)s)",
        {
            **values,
            "source": source,
            "by": notes.by.name,
            "blanks": psycopg.types.json.Jsonb({c.name: blank_of(c) for c in notes.texts}),
        },
    ).rowcount
    yield Found(f"ops.quarantine of {source}", held)


def _audit(connection: psycopg.Connection, person: Person, done: list[Found], reason: str) -> None:
    """One entry for each member, or one for a value that nobody has now."""
    new = {
        "reason": reason,
        "rows": {found.place: found.rows for found in done},
        "suppressed_hashes": len(person.own),
    }
    targets = [f"person/{member.source}/{member.key}" for member in person.members]
    audit.write(
        connection, [audit.Entry("erase", target, None, new) for target in targets or ["person"]]
    )


def _number(
    connection: psycopg.Connection, statement: sql.Composed, values: Mapping[str, object]
) -> int:
    row = connection.execute(statement, values).fetchone()
    return 0 if row is None else int(row[0])
