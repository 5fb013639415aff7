"""Which loads a completed transform has seen: what `fastfeast ingest` still has to do.

A load is seen when a run has built every model behind its source. The marts keep their own account
for their own work in the same table.
"""

from collections.abc import Sequence

import psycopg

CONSUMER = "transform"


def untransformed(connection: psycopg.Connection, *, without: Sequence[str] = ()) -> list[int]:
    """The successful loads that no completed transform has seen, replaced ones included.

    Args:
        connection: To the warehouse.
        without: Sources whose loads are left out.
    """
    rows = connection.execute(
        "select log_id from ops.pipeline_file_log l where status = 'success' and not exists"
        " (select from ops.consumed_load c where c.consumer = %s and c.load_id = l.log_id)"
        " and source <> all(%s::text[]) order by log_id",
        [CONSUMER, list(without)],
    ).fetchall()
    return [row[0] for row in rows]


def untransformed_sources(connection: psycopg.Connection) -> list[str]:
    """The sources with loads that no completed transform has seen."""
    rows = connection.execute(
        "select distinct source from ops.pipeline_file_log where log_id = any(%s) order by 1",
        [untransformed(connection)],
    ).fetchall()
    return [row[0] for row in rows]


def mark_transformed(connection: psycopg.Connection, load_ids: Sequence[int]) -> None:
    """Record that a completed transform has seen these loads."""
    connection.execute(
        "insert into ops.consumed_load (consumer, load_id) select %s, unnest(%s::bigint[])"
        " on conflict do nothing",
        [CONSUMER, list(load_ids)],
    )


def mark_visible(connection: psycopg.Connection, table: str) -> None:
    """Note when loads reached their mart: now, for those that it has digested since the last time.

    Args:
        connection: To the warehouse.
        table: The mart that has just been built.
    """
    connection.execute(
        "update ops.pipeline_file_log as log set visible_at = clock_timestamp()"
        " from ops.consumed_load as consumed"
        " where log.source_table = %(table)s and log.status = 'success' and log.visible_at is null"
        " and consumed.consumer = %(table)s and consumed.load_id = log.log_id",
        {"table": table},
    )
