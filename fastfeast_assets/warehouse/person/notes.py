"""What people wrote about a person: free text of rows that lead to a member.

Source of the rule: a note is about whom its ticket is about. Where a source names the member itself
(an agent in an event), that is who wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.warehouse.person.subject import Person


@dataclass(frozen=True)
class Notes:
    """Free text of a source that leads to some members.

    Attributes:
        contract: Of the source.
        texts: Its columns that hold what people write.
        by: Its column that leads there.
        values: Of that column, as text.
    """

    contract: Contract
    texts: tuple[Column, ...]
    by: Column
    values: tuple[str, ...]

    @property
    def condition(self) -> sql.Composed:
        """Condition on rows of the raw table, or of its fact; parameter `values`."""
        return sql.SQL("{} = any(%(values)s::{}[])").format(
            sql.Identifier(self.by.stored_as), sql.SQL(self.by.physical_type)
        )

    @property
    def has_text(self) -> sql.Composed:
        """Condition: there is any text."""
        return sql.SQL("({}) is distinct from ({})").format(
            sql.SQL(", ").join(sql.Identifier(column.stored_as) for column in self.texts),
            sql.SQL(", ").join(sql.NULL for _ in self.texts),
        )


def notes_about(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], person: Person
) -> Iterator[Notes]:
    """The free text that leads to the members of a person."""
    for source in sorted({member.source for member in person.members}):
        keys = person.keys(source)
        for contract in contracts.values():
            texts = tuple(column for column in contract.columns if column.is_confidential)
            if contract.personal_columns or not texts:
                continue
            for by, values in _paths(connection, contracts, contract, source, keys):
                if values:
                    yield Notes(contract, texts, by, tuple(values))


def _paths(
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    contract: Contract,
    source: str,
    keys: list[str],
) -> Iterator[tuple[Column, list[str]]]:
    """The columns that lead to a source, by which values: straight, or over one source between."""
    straight = _references(contract, source)
    if straight:
        yield from ((column, keys) for column in straight)
        return
    for column in contract.references:
        assert column.reference is not None  # noqa: S101
        between = contracts[column.reference.source]
        for last in _references(between, source):
            rows = connection.execute(
                sql.SQL("select distinct {}::text from {} where {} = any(%s::{}[])").format(
                    sql.Identifier(between.key.stored_as),
                    sql.Identifier("raw", between.source),
                    sql.Identifier(last.stored_as),
                    sql.SQL(last.physical_type),
                ),
                [keys],
            ).fetchall()
            yield column, sorted(row[0] for row in rows)


def _references(contract: Contract, source: str) -> list[Column]:
    return [
        column
        for column in contract.references
        if column.reference is not None and column.reference.source == source
    ]
