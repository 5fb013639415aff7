"""Versions of members that have become the same: what a history derived anew would have."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from fastfeast_assets.warehouse.months import column_names

# A version that says what the one before says is none; the one before lasts as long as it did.
JOIN = sql.SQL(
    "with marked as (select version_key, member_key, valid_from,"
    " case when said is not distinct from"
    " lag(said) over (partition by member_key order by valid_from) then 0 else 1 end as begins"
    " from (select version_key, {key} as member_key, valid_from,"
    " jsonb_build_array({columns}) as said from {history} where {key}::text = any(%s)) v),"
    " grouped as (select *, sum(begins) over"
    " (partition by member_key order by valid_from) as position from marked),"
    " runs as (select (array_agg(version_key order by valid_from))[1] as first_key,"
    " (array_agg(version_key order by valid_from desc))[1] as last_key"
    " from grouped group by member_key, position having count(*) > 1),"
    " kept as (update {history} h set valid_to = last.valid_to, is_current = last.is_current,"
    " is_absent = last.is_absent, absent_since = last.absent_since, _loaded_at = now()"
    " from runs join {history} last on last.version_key = runs.last_key"
    " where h.version_key = runs.first_key)"
    " delete from {history} h using grouped"
    " where h.version_key = grouped.version_key and grouped.begins = 0"
)
OF_A_VERSION = frozenset(
    {
        "version_key",
        "valid_from",
        "valid_to",
        "is_current",
        "is_absent",
        "absent_since",
        "_loaded_at",
    }
)


def join_versions(
    connection: psycopg.Connection, history: str, key: str, members: Sequence[str]
) -> int:
    """Make one version of neighbours that say the same.

    Args:
        connection: In the transaction that made them say the same.
        history: Name of the table in marts.
        key: Its column of the member.
        members: Whose versions.

    Returns:
        How many versions are gone.
    """
    columns = column_names(connection, f"marts.{history}")
    said = [name for name in columns if name not in OF_A_VERSION and name != key]
    statement = JOIN.format(
        history=sql.Identifier("marts", history),
        key=sql.Identifier(key),
        columns=sql.SQL(", ").join(map(sql.Identifier, said)),
    )
    return connection.execute(statement, [list(members)]).rowcount
