"""Loaded files that have vanished from the landing zone, though it has not been cleaned of them.

Landing zones are cleaned from the oldest files on, or file by file once these are loaded, and
neither leaves a hole. So what counts is a hole: loaded files of a source that are missing between
two that stand, no more of them than a day has; or the newest one alone, while the one before it
stands. Master files may go after the cold start. What our own retention deleted has not vanished.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

import psycopg

# A warehouse that is not upgraded yet has no column for what was deleted.
# By the indexes on path and on source and partition; reads about as much as stands in the zone.
HOLES: LiteralString = """
with standing as (
    select
        source,
        partition_at as since,
        lead(partition_at) over (partition by source order by partition_at) as until,
        case file_type when 'stream' then interval '1 hour' else interval '1 day' end as step
    from ops.pipeline_file_log
    where
        is_loaded and file_path = any(%(present)s)
        and not starts_with(file_path, 'master/')
),
missing as (
    select inside.file_path
    from standing
    inner join ops.pipeline_file_log as inside
        on
            standing.source = inside.source
            and inside.is_loaded
            and inside.partition_at > standing.since
            and inside.partition_at < standing.until
            and to_jsonb(inside) ->> 'landing_pruned_at' is null
    where
        standing.until - standing.since > standing.step
        and standing.until - standing.since <= interval '1 day' + standing.step
    union all
    select newest.file_path
    from standing
    cross join lateral (
        select
            min(later.file_path) as file_path,
            count(*) as files
        from (
            select log.file_path from ops.pipeline_file_log as log
            where
                log.source = standing.source and log.is_loaded
                and to_jsonb(log) ->> 'landing_pruned_at' is null
                and log.partition_at > standing.since
            order by log.partition_at limit 2
        ) as later
    ) as newest
    where standing.until is null and newest.files = 1
)
select file_path from missing where file_path <> all(%(present)s) order by file_path
"""


def vanished(connection: psycopg.Connection, present: Sequence[str]) -> list[str]:
    """The paths of loaded files that are missing.

    Args:
        connection: To the warehouse.
        present: All paths at which something stands in the landing zone.
    """
    rows = connection.execute(HOLES, {"present": list(present)}).fetchall()
    return [row[0] for row in rows]
