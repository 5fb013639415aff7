"""Retention as a test needs it: raw before a day leaves, as if every load had been transformed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import psycopg

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse.retention_months import old_months, prune_month
from fastfeast_assets.warehouse.retention_snapshots import old_loads, prune_repeated

SEEN = """
insert into ops.consumed_load (consumer, load_id, generation)
select 'transform', log_id, generation from ops.pipeline_file_log
on conflict (consumer, load_id) do update set generation = excluded.generation
"""


def prune_raw(
    connection: psycopg.Connection,
    contracts: Iterable[Contract],
    before: date,
    *,
    newest_first: bool = False,
) -> int:
    """Take months of streams and repetitions of snapshots before a day out of raw.

    Args:
        connection: To the warehouse, in autocommit.
        contracts: Of the sources to prune.
        before: The first day that stays.
        newest_first: Take the newest month first.

    Returns:
        Number of rows.
    """
    connection.execute(SEEN)
    gone = 0
    for contract in contracts:
        if contract.cadence == "batch":
            for log_id in old_loads(connection, contract, before):
                gone += prune_repeated(connection, contract, log_id)
            continue
        months = list(old_months(connection, contract, before))
        for month in reversed(months) if newest_first else months:
            gone += prune_month(connection, contract, month.month).rows
    return gone
