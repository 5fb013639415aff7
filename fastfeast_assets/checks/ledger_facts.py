"""What the service-level checks need to know of the warehouse, read in a few queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

import psycopg
from psycopg import sql

from fastfeast_assets.assets.transforms import CONSUMER
from fastfeast_assets.checks.expected import LOOK_BACK
from fastfeast_assets.contracts.model import Contract

# When the thing happened that a row of a fact tells of.
EVENT_COLUMNS = {
    "fact_order": "created_at",
    "fact_ticket": "created_at",
    "fact_ticket_event": "event_ts",
}

# By the index on source and partition, however long the ledger is.
NEWEST = """
select
    wanted.source,
    (
        select min(log.partition_at) from ops.pipeline_file_log as log
        where log.source = wanted.source and log.is_loaded and log.partition_at > %(master)s
    ),
    (
        select max(log.partition_at) from ops.pipeline_file_log as log
        where log.source = wanted.source and log.is_loaded and log.partition_at > %(master)s
    ),
    (
        select log.partition_at from ops.pipeline_file_log as log
        where
            log.source = wanted.source and log.is_loaded and log.partition_at > %(master)s
            and exists (
                select from ops.consumed_load as consumed
                where
                    consumed.load_id = log.log_id
                    and consumed.consumer in (log.source_table, %(whole)s)
            )
        order by log.partition_at desc limit 1
    )
from unnest(%(sources)s::text[]) as wanted (source)
"""
LOADED = """
select source, array_agg(distinct partition_at) from ops.pipeline_file_log
where
    source = any(%(sources)s) and is_loaded
    and partition_at > greatest(%(master)s, %(since)s)
group by source
"""
HAS_COLUMNS = """
select count(*) from pg_attribute
where attrelid = to_regclass(%s) and attname = any(%s) and not attisdropped
"""


@dataclass(frozen=True)
class LedgerFacts:
    """Moments on the business clock, without zone; master files are left out.

    Attributes:
        first: By cadence, the first partition that was ever loaded.
        newest_loaded: By source, the newest partition in raw.
        newest_digested: By source, the newest one that its mart has taken in.
        loaded: By source, the partitions of late that are in raw.
        newest_event: By fact, the newest event that is not in the future.
    """

    first: Mapping[str, datetime]
    newest_loaded: Mapping[str, datetime]
    newest_digested: Mapping[str, datetime]
    loaded: Mapping[str, frozenset[datetime]]
    newest_event: Mapping[str, datetime]


def read_facts(
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    start: date,
    now: datetime,
) -> LedgerFacts:
    """Read them.

    Args:
        connection: To the warehouse.
        contracts: All contracts by source.
        start: First daily partition, which holds the master files.
        now: On the business clock, without zone.
    """
    values = {
        "sources": list(contracts),
        "master": datetime.combine(start, time()),
        "since": now - 2 * max(LOOK_BACK.values()),
        "whole": CONSUMER,
    }
    sources = connection.execute(NEWEST, values).fetchall()
    first: dict[str, datetime] = {}
    for source, at, _, _ in sources:
        if at is not None:
            cadence = contracts[source].cadence
            first[cadence] = min(at, first.get(cadence, at))
    events = {fact: _newest_event(connection, fact, now) for fact in EVENT_COLUMNS}
    return LedgerFacts(
        first=first,
        newest_loaded={source: at for source, _, at, _ in sources if at is not None},
        newest_digested={source: at for source, _, _, at in sources if at is not None},
        loaded={source: frozenset(at) for source, at in connection.execute(LOADED, values)},
        newest_event={fact: at for fact, at in events.items() if at is not None},
    )


def _newest_event(connection: psycopg.Connection, fact: str, now: datetime) -> datetime | None:
    """Found by the index on the day, newest day first, not by reading the fact."""
    column = EVENT_COLUMNS[fact]
    has_columns = connection.execute(HAS_COLUMNS, [f"marts.{fact}", [column, "date_key"]])
    if has_columns.fetchone() != (2,):
        return None
    query = sql.SQL(
        "select {column} from {fact} where {column} <= %(now)s and date_key <= %(today)s"
        " order by date_key desc, {column} desc limit 1"
    ).format(column=sql.Identifier(column), fact=sql.Identifier("marts", fact))
    row = connection.execute(query, {"now": now, "today": int(f"{now:%Y%m%d}")}).fetchone()
    return None if row is None else row[0]
