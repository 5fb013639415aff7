"""Hashes of persons in texts, which version 0.1 stored there; later ones do not.

A text of today is hashed under a key that nobody keeps, so nothing here could find anybody in it:
only the landing files can tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.suppressed import ERASED
from fastfeast_assets.warehouse.months import column_names

HAS_OLD_HASHES = "select exists (select from ops.pii_key where scheme = 'direct')"
OF_OPS = {
    "ops.quarantine": {
        "raw_data": "jsonb",
        "reasons": "jsonb",
        "rejection_reason": "text",
        "primary_key": "text",
    },
    "ops.audit_log": {"old": "jsonb", "new": "jsonb"},
}


@dataclass(frozen=True)
class Trace:
    """A column of text in which hashes may stand.

    Attributes:
        kind: `text` or `jsonb`.
    """

    table: str
    column: str
    kind: str

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.table}.{self.column}, text of version 0.1"

    def count(self, connection: psycopg.Connection, hashes: Sequence[str]) -> int:
        """How many rows have one of the hashes in it."""
        if not hashes:
            return 0
        query = sql.SQL("select count(*) from {table} where {column}::text ~ %s")
        row = connection.execute(query.format(**self._names), ["|".join(hashes)]).fetchone()
        return 0 if row is None else int(row[0])

    def erase(self, connection: psycopg.Connection, hashes: Sequence[str]) -> int:
        """Put a word in the place of the hashes; gives the number of rows."""
        if not hashes:
            return 0
        pattern = "|".join(hashes)
        query = sql.SQL(
            "update {table} set {column} = regexp_replace({column}::text, %s, %s, 'g')::{kind}"
            " where {column}::text ~ %s"
        )
        return connection.execute(query.format(**self._names), [pattern, ERASED, pattern]).rowcount

    @property
    def _names(self) -> dict[str, sql.Composable]:
        return {
            "table": sql.Identifier(*self.table.split(".")),
            "column": sql.Identifier(self.column),
            "kind": sql.SQL(self.kind),
        }


def spelled(connection: psycopg.Connection, hashes: Collection[str]) -> list[str]:
    """Some hashes, and what they were before a rotation that is open: texts are not rotated."""
    rows = connection.execute(
        "select old_hash from ops.hash_pair where new_hash = any(%s)", [list(hashes)]
    ).fetchall()
    return sorted({*hashes, *(row[0] for row in rows)})


def traces(connection: psycopg.Connection, contracts: Mapping[str, Contract]) -> Iterator[Trace]:
    """All columns in which there may be hashes; none in a warehouse that version 0.1 never saw."""
    if connection.execute(HAS_OLD_HASHES).fetchone() != (True,):
        return
    for contract in contracts.values():
        for column in contract.columns:
            if not column.is_free_text:
                continue
            yield Trace(f"raw.{contract.source}", column.stored_as, "text")
            for mart in (contract.target, f"{contract.target}_history"):
                if column.stored_as in column_names(connection, f"marts.{mart}"):
                    yield Trace(f"marts.{mart}", column.stored_as, "text")
        yield Trace(f"raw.{contract.source}", "_extra", "jsonb")
    for table, columns in OF_OPS.items():
        for name, kind in columns.items():
            yield Trace(table, name, kind)
