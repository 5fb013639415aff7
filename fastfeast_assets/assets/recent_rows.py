"""The rows of a source's last partitions as a picture, for raw tables and their marts."""

from typing import Any

import dagster as dg
import psycopg

from fastfeast_assets.assets.markdown import bar_chart
from fastfeast_assets.contracts.model import Contract

PARTITIONS_SHOWN = 30

RECENT = """
select partition_at, sum(valid_records)::bigint, sum(quarantined)::bigint, sum(orphan_count)::bigint
from (
    select partition_at, valid_records, quarantined, orphan_count
    from ops.pipeline_file_log
    where source = %s and status = 'success' and is_loaded
    order by log_id desc limit %s
) as recent
group by partition_at order by partition_at desc limit %s
"""


def recent_rows(connection: psycopg.Connection, contract: Contract) -> dict[str, Any]:
    """Metadata with the picture, or none when nothing has been loaded."""
    limit = PARTITIONS_SHOWN * len(contract.formats) * 2
    rows = connection.execute(RECENT, [contract.source, limit, PARTITIONS_SHOWN]).fetchall()
    form = "%m-%d %H:%M" if contract.cadence == "stream" else "%Y-%m-%d"
    bars = [(at.strftime(form), *counts) for at, *counts in reversed(rows)]
    return {"recent_partitions": dg.MetadataValue.md(bar_chart(bars))} if bars else {}
