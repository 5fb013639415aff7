"""What has to be done to a table, one step at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import psycopg
from psycopg import sql

from fastfeast_assets.warehouse.upgrade.errors import MigrationError

UNCHANGED = "nothing was changed"
LONG_ROWS = 1_000_000
"""With more rows, a step that touches each of them is not done by the way."""


class Phase(IntEnum):
    """When a step is due, over all tables."""

    UNLINK = 0
    LOOSEN = 1
    COLUMNS = 2
    TIGHTEN = 3
    LINK = 4


@dataclass(frozen=True)
class Step:
    """A change of one table.

    Attributes:
        table: With its schema.
        what: What is done, for people.
        statements: Do it; none when there is nothing to be done yet.
        is_by_itself: Whether nothing can be lost and it is quick: no person needs to see it first.
        problem: Why it cannot be done.
        columns: Whose views have to be dropped before; dbt makes them again.
        fills: The new column that the next transform fills from raw.
        waits: The column that becomes not null once that is done.
    """

    table: str
    what: str
    statements: Sequence[sql.Composed] = ()
    phase: Phase = Phase.COLUMNS
    is_by_itself: bool = True
    problem: str | None = None
    columns: tuple[str, ...] = ()
    fills: str | None = None
    waits: str | None = None

    @property
    def text(self) -> str:
        """Table and step."""
        return f"{self.table}: {self.what}"


def run(connection: psycopg.Connection, step: Step) -> None:
    """Do a step in the present transaction.

    Raises:
        MigrationError: What the table holds does not let it be done. Never with a value.
    """
    try:
        for statement in step.statements:
            connection.execute(statement)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise MigrationError(
            f"{step.text}: rows of the table do not allow it (SQLSTATE {error.sqlstate});"
            f" {UNCHANGED}"
        ) from None
    except psycopg.OperationalError:
        raise
    except psycopg.DatabaseError as error:
        raise MigrationError(
            f"{step.text}: PostgreSQL refuses it (SQLSTATE {error.sqlstate}); {UNCHANGED}"
        ) from None


def is_long(connection: psycopg.Connection, table: str) -> bool:
    """Whether a table has so many rows that touching each of them takes long; estimated."""
    row = connection.execute(
        "select coalesce(sum(greatest(c.reltuples, 0)), 0) from pg_class c"
        " where c.oid = to_regclass(%(table)s) or c.oid in"
        " (select inhrelid from pg_inherits where inhparent = to_regclass(%(table)s))",
        {"table": table},
    ).fetchone()
    return row is not None and row[0] > LONG_ROWS
