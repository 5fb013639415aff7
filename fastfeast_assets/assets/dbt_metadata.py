"""What a materialization of a dbt table says about itself, at a cost that does not grow."""

from typing import Any

import dagster as dg
import psycopg
from psycopg import sql

# Up to this size a table is counted; beyond, the planner's estimate has to do.
MAXIMUM_BYTES_COUNTED = 16 << 20


def row_counts(connection: psycopg.Connection, key: dg.AssetKey) -> dict[str, Any]:
    """The rows of a table, counted when it is small and estimated when it is large.

    Views have no rows of their own; nothing is said about them.
    """
    schema, name = key.path
    found = connection.execute(
        "select c.reltuples::bigint, pg_relation_size(c.oid) from pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = %s and c.relname = %s and c.relkind = 'r'",
        [schema, name],
    ).fetchone()
    if found is None:
        return {}
    estimate, size = found
    if size > MAXIMUM_BYTES_COUNTED and estimate >= 0:
        return {"dagster/row_count": estimate, "row_count_is_estimated": True}
    counted = connection.execute(
        sql.SQL("select count(*) from {}").format(sql.Identifier(schema, name))
    ).fetchone()
    return {"dagster/row_count": counted[0] if counted else 0}
