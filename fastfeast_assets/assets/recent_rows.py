"""The rows of a source's last partitions as a picture, for raw tables and their marts."""

from typing import Any

import dagster as dg
import psycopg

from fastfeast_assets.assets.markdown import bar_chart
from fastfeast_assets.contracts.model import Contract

PARTITIONS_SHOWN = 30

RECENT = """
select
    partition_at,
    sum(valid_records)::bigint,
    sum(quarantined)::bigint,
    sum(orphan_count)::bigint
from ops.pipeline_file_log
where source = %s and is_loaded
group by partition_at order by partition_at desc limit %s
"""


def recent_rows(connection: psycopg.Connection, contract: Contract) -> dict[str, Any]:
    """Metadata: the picture, and numbers of the newest partition that Dagster plots over time.

    Empty when nothing has been loaded.
    """
    rows = connection.execute(RECENT, [contract.source, PARTITIONS_SHOWN]).fetchall()
    if not rows:
        return {}
    form = "%m-%d %H:%M" if contract.cadence == "stream" else "%Y-%m-%d"
    bars = [(at.strftime(form), *counts) for at, *counts in reversed(rows)]
    _, loaded, quarantined, waiting = bars[-1]
    return {
        "recent_partitions": dg.MetadataValue.md(bar_chart(bars)),
        "newest_partition": f"{rows[0][0]:%Y-%m-%d %H:%M}",
        "newest_partition_rows_loaded": loaded,
        "newest_partition_rows_quarantined": quarantined,
        "newest_partition_rows_waiting": waiting,
    }
