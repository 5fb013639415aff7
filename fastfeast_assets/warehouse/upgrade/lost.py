"""Which rows of a mart raw cannot give again: retention has taken what they come from."""

from __future__ import annotations

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse.upgrade.shape import Shape
from fastfeast_assets.warehouse.upgrade.wanted import WantedTable


def lost_rows(
    connection: psycopg.Connection, table: WantedTable, has: Shape, contract: Contract | None
) -> int:
    """How many rows of a mart raw holds no row of, or earlier ones only; stubs have none.

    Args:
        connection: To the warehouse.
        table: The mart.
        has: As it is now.
        contract: The source that it is filled from; without one, no row is lost.
    """
    if contract is None or contract.key.stored_as not in has.columns:
        return 0
    conditions = [sql.SQL("r.{key} = t.{key}").format(key=sql.Identifier(contract.key.stored_as))]
    if "_partition_at" in has.columns:
        conditions.append(sql.SQL("r._partition_at >= t._partition_at").format())
    if "valid_from" in has.columns:
        conditions.append(sql.SQL("r._partition_at = t.valid_from").format())
    found = sql.SQL("select from {} r where {}").format(
        sql.Identifier("raw", contract.source), sql.SQL(" and ").join(conditions)
    )
    is_member = sql.SQL(" and not t.is_stub" if "is_stub" in has.columns else "")
    row = connection.execute(
        sql.SQL("select count(*) from {} t where not exists ({}){}").format(
            table.identifier, found, is_member
        )
    ).fetchone()
    return int(row[0]) if row else 0
