"""The list of persons who were erased, which every load goes by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import psycopg

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.suppressed import Suppressed
from fastfeast_assets.warehouse.locks import PERSONS_LOCK


def hold(connection: psycopg.Connection) -> None:
    """Let nobody be erased, and no key be changed, until the end of this transaction."""
    connection.execute("select pg_advisory_xact_lock_shared(%s)", [PERSONS_LOCK])


def of(connection: psycopg.Connection, contract: Contract) -> Suppressed:
    """Who was erased, for a load of a source; nobody more is until the load has ended."""
    hold(connection)
    hashes: list[tuple[str]] = []
    if contract.personal_columns:
        hashes = connection.execute("select hash from ops.suppressed_hash").fetchall()
    known = {column.name for column in contract.columns}
    by_column: dict[str, set[str]] = {}
    for name, value in connection.execute(
        "select column_name, value from ops.suppressed_row where source = %s", [contract.source]
    ).fetchall():
        if name in known:
            by_column.setdefault(name, set()).add(value)
    rows = {name: frozenset(values) for name, values in by_column.items()}
    return Suppressed(frozenset(row[0] for row in hashes), rows)


def leave_rotation(connection: psycopg.Connection, hashes: Iterable[str]) -> None:
    """Let nothing of an open rotation tell of a person who is erased."""
    values = [sorted(hashes)]
    connection.execute(
        "update ops.suppressed_hash s set fingerprint = r.from_fingerprint from ops.key_rotation r"
        " where r.finished_at is null and s.hash = any(%s) and (exists"
        " (select from ops.untranslated_hash u where u.hash = s.hash)"
        " or exists (select from ops.hash_pair p where p.old_hash = s.hash))",
        values,
    )
    connection.execute("delete from ops.untranslated_hash where hash = any(%s)", values)
    connection.execute(
        "delete from ops.hash_pair p using (select unnest(%s::text[]) as hash) h"
        " where h.hash in (p.old_hash, p.new_hash)",
        values,
    )


def add(
    connection: psycopg.Connection,
    hashes: Iterable[str],
    fingerprint: str,
    rows: Mapping[tuple[str, str], Iterable[str]],
) -> None:
    """Put a person on the list.

    Args:
        connection: In the transaction that erases.
        hashes: Of the person alone.
        fingerprint: Of the key that they were made with.
        rows: Values by source and column.
    """
    connection.execute(
        "insert into ops.suppressed_hash (hash, fingerprint) select h, %s from unnest(%s::text[]) h"
        " on conflict do nothing",
        [fingerprint, sorted(hashes)],
    )
    for (source, column), values in rows.items():
        connection.execute(
            "insert into ops.suppressed_row (source, column_name, value)"
            " select %s, %s, v from unnest(%s::text[]) v on conflict do nothing",
            [source, column, sorted(values)],
        )
