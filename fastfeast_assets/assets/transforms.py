"""What `fastfeast ingest` has to do in the marts: loads to take in, levels that have come due.

A load is seen when a run has built every model behind its source. The marts keep their own account
for their own work in the same table.
"""

from collections.abc import Mapping, Sequence

import psycopg

CONSUMER = "transform"

# By the indexes over what is pending.
HAS_COME_DUE = """
select
    exists (
        select from marts.fact_ticket
        where sla_response_status = 'pending' and sla_first_due_at < now() at time zone %(zone)s
    )
    or exists (
        select from marts.fact_ticket
        where sla_resolution_status = 'pending' and sla_resolve_due_at < now() at time zone %(zone)s
    )
"""


def untransformed(connection: psycopg.Connection, *, without: Sequence[str] = ()) -> dict[int, int]:
    """The successful loads that no completed transform has seen, replaced ones included.

    Gives each with its generation: a decision about rows of a load makes it one to be seen again.

    Args:
        connection: To the warehouse.
        without: Sources whose loads are left out.
    """
    rows = connection.execute(
        "select log_id, generation from ops.pipeline_file_log l where status = 'success'"
        " and not exists (select from ops.consumed_load c where c.consumer = %s"
        " and c.load_id = l.log_id and c.generation >= l.generation)"
        " and source <> all(%s::text[]) order by log_id",
        [CONSUMER, list(without)],
    ).fetchall()
    return dict(rows)


def untransformed_sources(connection: psycopg.Connection) -> list[str]:
    """The sources with loads that no completed transform has seen."""
    rows = connection.execute(
        "select distinct source from ops.pipeline_file_log where log_id = any(%s) order by 1",
        [list(untransformed(connection))],
    ).fetchall()
    return [row[0] for row in rows]


def has_come_due(connection: psycopg.Connection, timezone: str) -> bool:
    """Whether a ticket is pending whose service level has come due by now.

    Args:
        connection: To the warehouse.
        timezone: Of the business clock.
    """
    if connection.execute("select to_regclass('marts.fact_ticket')").fetchone() == (None,):
        return False
    return connection.execute(HAS_COME_DUE, {"zone": timezone}).fetchone() == (True,)


def mark_transformed(connection: psycopg.Connection, loads: Mapping[int, int]) -> None:
    """Record that a completed transform has seen these loads, in the generation that it read."""
    connection.execute(
        "insert into ops.consumed_load (consumer, load_id, generation)"
        " select %s, unnest(%s::bigint[]), unnest(%s::integer[])"
        " on conflict (consumer, load_id) do update set generation = excluded.generation,"
        " consumed_at = excluded.consumed_at where consumed_load.generation < excluded.generation",
        [CONSUMER, list(loads), list(loads.values())],
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
