"""What tests of the marts have found and remember, and which slice of all rows is next.

The tests of the dbt project write it themselves (`macros/failed_rows.sql`); here it is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import psycopg

SLICES = 30
"""All rows fall into so many slices, by the hash of their key."""

KEYS_SHOWN = 5

FAILED = """
select test, mart, severity, failed_rows, needs_all, first_failed_at, last_failed_at,
    array(
        select key from ops.failed_row as failed where failed.test = found.test
        order by key limit %(keys)s
    )
from ops.failed_test as found
where %(tests)s::text[] is null or test = any(%(tests)s)
order by severity, mart, test
"""


@dataclass(frozen=True)
class FailedTest:
    """A test that did not pass when it ran last.

    Attributes:
        test: Its name in the dbt project and in the console.
        mart: The table or view that it is about; empty for several.
        is_error: Whether it is more than a warning.
        failed_rows: How many rows fail.
        needs_all: Whether only a look at all rows can make it pass.
        keys: The first keys that fail; of views there are none.
    """

    test: str
    mart: str
    is_error: bool
    failed_rows: int
    needs_all: bool
    first_failed_at: datetime
    last_failed_at: datetime
    keys: tuple[str, ...]


def failed_tests(
    connection: psycopg.Connection, tests: Iterable[str] | None = None
) -> list[FailedTest]:
    """The tests that did not pass when they ran last, errors first; of those named or of all."""
    chosen = None if tests is None else list(tests)
    rows = connection.execute(FAILED, {"keys": KEYS_SHOWN, "tests": chosen}).fetchall()
    return [
        FailedTest(test, mart, severity == "error", count, needs_all, first, last, tuple(keys))
        for test, mart, severity, count, needs_all, first, last, keys in rows
    ]


def oldest_slice(connection: psycopg.Connection) -> int:
    """The slice that was looked at longest ago, 1 to 30."""
    rows = connection.execute(
        "select slice from ops.checked_slice order by checked_at, slice"
    ).fetchall()
    checked = [row[0] for row in rows]
    never = [slice_ for slice_ in range(1, SLICES + 1) if slice_ not in checked]
    return int((never or checked)[0])


def mark_checked(connection: psycopg.Connection, slices: Iterable[int]) -> None:
    """Record that all rows of some slices have been looked at now."""
    connection.execute(
        "insert into ops.checked_slice (slice) select unnest(%s::smallint[])"
        " on conflict (slice) do update set checked_at = excluded.checked_at",
        [list(slices)],
    )


def forget_tests(connection: psycopg.Connection, known: Iterable[str]) -> None:
    """Drop what was remembered of tests that are none any more.

    Args:
        connection: To the warehouse.
        known: The names of all tests that there are.
    """
    names = list(known)
    with connection.transaction():
        connection.execute("delete from ops.failed_row where test <> all(%s::text[])", [names])
        connection.execute("delete from ops.failed_test where test <> all(%s::text[])", [names])
