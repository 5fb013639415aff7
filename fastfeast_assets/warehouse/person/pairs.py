"""Hashes under two keys, side by side, while a rotation of the key is open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse.months import column_names

# An erased person has no pair; but the list of the erased follows the key. Before the rotation is
# open loads go by the former hashes still, so that the list waits for it.
ADD = (
    "with given as materialized (select * from unnest(%s::text[], %s::text[]) as g (old, new)),"
    " followed as (update ops.suppressed_hash s set hash = g.new, fingerprint = r.to_fingerprint"
    " from given g, ops.key_rotation r where r.finished_at is null and s.hash = g.old"
    " and not exists (select from ops.suppressed_hash t where t.hash = g.new))"
    " insert into ops.hash_pair (old_hash, new_hash) select g.old, g.new from given g"
    " where not exists (select from ops.suppressed_hash s, ops.key_rotation r"
    " where r.finished_at is null and s.hash in (g.old, g.new))"
    " on conflict do nothing"
)
LEFT = "delete from ops.untranslated_hash where source = %s and hash = any(%s) returning hash"


def add(connection: psycopg.Connection, pairs: Mapping[str, str]) -> None:
    """Note pairs: by former hash the present one."""
    if pairs:
        connection.execute(ADD, [list(pairs), list(pairs.values())])


def follow(connection: psycopg.Connection, contract: Contract, pairs: Mapping[str, str]) -> None:
    """Note the pairs that a load has seen, and give its source the present hashes of them.

    Else somebody whose file was gone when the key was changed would have a new version. Raw and
    quarantine alone: the marts are built from raw when they digest the load.
    """
    if not pairs:
        return
    add(connection, pairs)
    left = connection.execute(LEFT, [contract.source, list(pairs)]).fetchall()
    if left:
        for statement in _translations(connection, contract, has_marts=False):
            connection.execute(
                sql.SQL("{} and p.old_hash = any(%s)").format(statement), [[row[0] for row in left]]
            )


def translate(connection: psycopg.Connection, contract: Contract) -> int:
    """Put present hashes in the place of former ones, wherever a source has them.

    Returns:
        Number of rows and versions that were changed.
    """
    statements = _translations(connection, contract, has_marts=True)
    return sum(connection.execute(statement).rowcount for statement in statements)


def places_of_hashes(
    connection: psycopg.Connection, contract: Contract, *, has_marts: bool
) -> Iterator[tuple[str, str]]:
    """Table and column wherever hashes of persons of a source are, but for the quarantine."""
    tables = [f"raw.{contract.source}"]
    if has_marts:
        tables += [f"marts.{contract.target}", f"marts.{contract.target}_history"]
    for table in tables:
        known = column_names(connection, table)
        for column in contract.personal_columns:
            if column.stored_as in known:
                yield table, column.stored_as


def _translations(
    connection: psycopg.Connection, contract: Contract, *, has_marts: bool
) -> Iterator[sql.Composed]:
    """Statements: by the pairs, `p`; each ends in a condition."""
    for table, column in places_of_hashes(connection, contract, has_marts=has_marts):
        yield sql.SQL(
            "update {} t set {column} = p.new_hash from ops.hash_pair p"
            " where t.{column} = p.old_hash"
        ).format(sql.Identifier(*table.split(".")), column=sql.Identifier(column))
    for name in (column.name for column in contract.personal_columns):
        yield sql.SQL(
            "update ops.quarantine t set raw_data ="
            " jsonb_set(t.raw_data, array[{name}], to_jsonb(p.new_hash)) from ops.hash_pair p"
            " where t.source = {source} and t.raw_data ->> {name} = p.old_hash"
        ).format(name=sql.Literal(name), source=sql.Literal(contract.source))
