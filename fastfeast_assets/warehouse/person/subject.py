"""Who a person is in the warehouse: the members that are this person, and the hashes.

A person is asked for by a number (a customer, a driver, an agent) or by a value (a phone, an
e-mail, a national id), of which every member that ever had it counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Canonical, Column, Contract
from fastfeast_assets.ingest.judge.canonical import canonical
from fastfeast_assets.ingest.judge.mask import Hasher


class UnknownPersonError(Exception):
    """What was given names nobody; the text says what is expected, never the value."""


@dataclass(frozen=True)
class Value:
    """A phone, an e-mail or a national id.

    Attributes:
        form: As contracts name it: `phone`, `email`, `digits`.
        text: As it was given.
    """

    form: Canonical
    text: str = field(repr=False)


@dataclass(frozen=True, order=True)
class Member:
    """A member of a source of persons.

    Attributes:
        key: As text.
    """

    source: str
    key: str


@dataclass(frozen=True)
class Person:
    """A person as far as the warehouse knows.

    Attributes:
        members: That are this person.
        hashes: Of the values that they have or had, and of the one that was asked for.
        others: Further members that have or had one of the hashes.
        shared: Those of the hashes that `others` have.
    """

    members: Sequence[Member]
    hashes: frozenset[str]
    others: Sequence[Member]
    shared: frozenset[str]

    @property
    def own(self) -> frozenset[str]:
        """The hashes that are nobody else's."""
        return self.hashes - self.shared

    def keys(self, source: str) -> list[str]:
        """The keys of the members of a source."""
        return [member.key for member in self.members if member.source == source]


def sources_of_persons(contracts: Mapping[str, Contract]) -> list[Contract]:
    """The sources whose members are persons: those with personal columns."""
    return [contract for contract in contracts.values() if contract.personal_columns]


def person_of(
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    hashers: Sequence[Hasher],
    asked: Member | Value,
) -> Person:
    """Look a person up.

    Args:
        connection: To the warehouse.
        contracts: All contracts by source.
        hashers: What hashes persons, one for each key in use.
        asked: A member, or a value of anybody.

    Raises:
        UnknownPersonError: It can name nobody.
    """
    sources = sources_of_persons(contracts)
    if isinstance(asked, Member):
        members, given = [_checked(asked, contracts)], set()
    else:
        value = _canonical(asked, sources)
        given = {hasher.hash(value) for hasher in hashers}
        members = sorted(_with_hashes(connection, sources, given))
    hashes = given | _hashes_of(connection, contracts, members)
    others = sorted(_with_hashes(connection, sources, hashes) - set(members))
    shared = hashes & _hashes_of(connection, contracts, others)
    return Person(members, frozenset(hashes), others, frozenset(shared))


def _checked(member: Member, contracts: Mapping[str, Contract]) -> Member:
    contract = contracts.get(member.source)
    if contract is None or not contract.personal_columns:
        raise UnknownPersonError(f"no contract knows persons by the name of {member.source}")
    if contract.key.kind == "integer" and not re.fullmatch(r"[0-9]{1,9}", member.key):
        raise UnknownPersonError(f"{contract.key.name} is a number; give it as the files have it")
    is_number = contract.key.kind == "integer"
    return Member(member.source, str(int(member.key)) if is_number else member.key)


def _canonical(value: Value, sources: Sequence[Contract]) -> str:
    text = canonical(value.text, value.form)
    columns = [column for contract in sources for column in _columns(contract, value.form)]
    if not any(column.pattern and re.fullmatch(column.pattern, text) for column in columns):
        raise UnknownPersonError(
            "that is no such value as a file could hold in good order: an Egyptian mobile has 11"
            " digits, a national id 15, an e-mail ends in .com"
        )
    return text


def _columns(contract: Contract, form: Canonical) -> Iterator[Column]:
    return (column for column in contract.personal_columns if column.canonical == form)


def _with_hashes(
    connection: psycopg.Connection, sources: Sequence[Contract], hashes: set[str]
) -> set[Member]:
    """The members that have or had one of some hashes."""
    found: set[Member] = set()
    for contract in sources if hashes else ():
        rows = connection.execute(
            sql.SQL("select distinct {}::text from {} where {}").format(
                sql.Identifier(contract.key.stored_as),
                sql.Identifier("raw", contract.source),
                has_one_of(contract),
            ),
            {"hashes": sorted(hashes)},
        ).fetchall()
        found |= {Member(contract.source, row[0]) for row in rows}
    return found


def _hashes_of(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], members: Sequence[Member]
) -> set[str]:
    """All hashes that members have or had."""
    found: set[str] = set()
    for source in {member.source for member in members}:
        contract = contracts[source]
        keys = [member.key for member in members if member.source == source]
        for column in contract.personal_columns:
            rows = connection.execute(
                sql.SQL(
                    "select distinct {hash} from {table} where {key} = any(%s::{type}[])"
                ).format(
                    hash=sql.Identifier(column.stored_as),
                    table=sql.Identifier("raw", source),
                    key=sql.Identifier(contract.key.stored_as),
                    type=sql.SQL(contract.key.physical_type),
                ),
                [keys],
            ).fetchall()
            found |= {row[0] for row in rows if is_hash(row[0])}
    return found


def has_one_of(contract: Contract) -> sql.Composed:
    """Condition: a row has one of the hashes `%(hashes)s` in a personal column."""
    return sql.SQL(" or ").join(
        sql.SQL("{} = any(%(hashes)s)").format(sql.Identifier(column.stored_as))
        for column in contract.personal_columns
    )


def is_hash(value: str | None) -> bool:
    """Whether what stands in a personal column is a person's hash."""
    return value is not None and re.fullmatch("[0-9a-f]{64}", value) is not None
