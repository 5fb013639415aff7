"""Where a person may be, as conditions in SQL that finding and erasing share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse.months import column_names

KEYS_SHOWN = 20

REFUSED = sql.SQL(
    "q.source = %(source)s and q.rejection_stage <> 'orphan' and not q.raw_data ? '_erased'"
    " and (q.primary_key = any(%(keys)s) or {hashes})"
)
NAMING = sql.SQL(
    "q.rejection_stage = 'orphan' and q.status = 'open' and q.source = %(source)s"
    " and q.raw_data ->> %(column)s = any(%(keys)s)"
)


@dataclass(frozen=True)
class Found:
    """What there is of a person in one place, or what was done there.

    Attributes:
        place: A table, a column, a landing file.
        rows: How many rows.
        keys: Of the first of them: numbers of members, ids of quarantined rows.
        note: What becomes of them, where they are not erased.
        kind: `person`, `other` for members that share a value, `kept` for what stays, `file`.
    """

    place: str
    rows: int
    keys: Sequence[str] = ()
    note: str = ""
    kind: str = "person"


def of_members(contract: Contract) -> sql.Composed:
    """Condition: a row is that of a member; parameter `keys`."""
    return sql.SQL("{} = any(%(keys)s::{}[])").format(
        sql.Identifier(contract.key.stored_as), sql.SQL(contract.key.physical_type)
    )


def refused(contract: Contract) -> sql.Composed:
    """Condition on `q`: a refused row that may be the person's; parameters source, keys, hashes."""
    hashes = sql.SQL(" or ").join(
        sql.SQL("q.raw_data ->> {} = any(%(hashes)s)").format(sql.Literal(column.name))
        for column in contract.personal_columns
    )
    return REFUSED.format(hashes=hashes)


def marts_of(connection: psycopg.Connection, contract: Contract) -> dict[str, list[str]]:
    """The tables of marts with members of a source: their columns that tell of a person."""
    hidden = [column.stored_as for column in contract.columns if not column.is_shown]
    found = {}
    for name in (contract.target, f"{contract.target}_history"):
        if columns := column_names(connection, f"marts.{name}"):
            found[name] = [column for column in hidden if column in columns]
    return found
