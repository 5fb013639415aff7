"""What retention has taken of daily snapshots, remembered: who was listed when, saying what.

A row that says what another row of its key says is kept as a sighting that names that row. When
that row leaves, for its file is corrected or withdrawn, one of the sightings becomes a row of raw
again. The newest valid sighting of a key is always a row of raw.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.contracts.technical import TECHNICAL_COLUMNS

# Changes with every export; a member that changed in nothing else has not changed.
UNCOMPARED = frozenset({"updated_at"})

# A row of raw as the load that listed it had it: {said} is the row that says the same.
REVIVE = sql.SQL(
    "with chosen as materialized ({chosen}),"
    " gone as (delete from ops.sighting s using chosen c"
    " where s.load_id = c.load_id and s.source = %(source)s and s.key = c.key"
    " and s.said_by is not null),"
    " repointed as (update ops.sighting s set said_by = c.load_id from chosen c"
    " where s.source = %(source)s and s.key = c.key and s.said_by = %(leaving)s"
    " and s.load_id <> c.load_id),"
    " counted as (update ops.pipeline_file_log l set pruned_records = pruned_records - of_load.n"
    " from (select load_id, count(*) as n from chosen group by 1) of_load"
    " where l.log_id = of_load.load_id)"
    " insert into {table} ({columns}) select {values} from chosen c"
    " join {table} said on said._load_id = c.said_by and said.{key} = c.key::{type}"
    " join ops.pipeline_file_log l on l.log_id = c.load_id"
    " cross join lateral jsonb_populate_record(said, coalesce(c.uncompared, '{{}}')"
    " || jsonb_build_object('_partition_at', c.partition_at, '_source_file', l.file_path,"
    " '_file_hash', l.file_hash, '_row_number', c.row_number, '_run_id', l.run_id,"
    " '_loaded_at', l.processed_at, '_load_id', c.load_id)) as revived"
)
# Of each key the first sighting that a leaving load speaks for.
SPOKEN_FOR = sql.SQL(
    "select distinct on (s.key) s.* from ops.sighting s"
    " where s.source = %(source)s and s.said_by = %(leaving)s order by s.key, s.partition_at"
)
# Of each key that leaves the newest sighting, where raw has no row as new.
NEWEST = sql.SQL(
    "select s.* from (select distinct on (s.key) s.*, l.file_path from ops.removed_key r"
    " join ops.sighting s on s.source = %(source)s and s.key = r.key and s.said_by is not null"
    " join ops.pipeline_file_log l on l.log_id = s.load_id"
    " where r.load_id = %(replaced_by)s and r.source = %(source)s"
    " order by s.key, s.partition_at desc, l.file_path) s"
    " where not exists (select from {table} n where n.{key} = s.key::{type}"
    " and (n._partition_at > s.partition_at"
    " or n._partition_at = s.partition_at and n._source_file < s.file_path))"
)
# Refused rows count as well: who was a stub for them may be none.
NOTE_LISTED = (
    "insert into ops.removed_key (load_id, source, key, partition_at)"
    " select %(replaced_by)s, source, key, partition_at from ops.sighting"
    " where load_id = %(leaving)s and key is not null"
    " union all select distinct %(replaced_by)s, q.source, left(q.primary_key, 64), l.partition_at"
    " from ops.quarantine q join ops.pipeline_file_log l using (log_id)"
    " where q.log_id = %(leaving)s and q.rejection_stage <> 'orphan' and q.primary_key is not null"
)


def lock(connection: psycopg.Connection, contract: Contract) -> None:
    """Let nobody else take rows of this source out of raw until the end.

    Taken before the ledger's rows of it are changed; nothing for streams, of which nothing is
    remembered.
    """
    if contract.cadence == "batch":
        connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{contract.source}/sightings"],
        )


def forget(
    connection: psycopg.Connection, contract: Contract, log_id: int, *, replaced_by: int
) -> None:
    """Drop what is remembered of a load that leaves raw, and its own rows as what others say.

    Called before its rows leave; notes its remembered and refused keys for the load that replaces
    it.
    """
    values = {"source": contract.source, "leaving": log_id, "replaced_by": replaced_by}
    connection.execute(NOTE_LISTED, values)
    connection.execute("delete from ops.sighting where load_id = %(leaving)s", values)
    connection.execute(_revival(contract, SPOKEN_FOR), values)


def keep_newest(
    connection: psycopg.Connection, contract: Contract, log_id: int, *, replaced_by: int
) -> None:
    """Bring back into raw the newest sighting of each key that has just left it."""
    values = {"source": contract.source, "leaving": log_id, "replaced_by": replaced_by}
    connection.execute(_revival(contract, NEWEST), values)


def uncompared(contract: Contract, row: str) -> sql.Composable:
    """Expression: the values of a raw row that sightings of one version need not share."""
    names = [column.stored_as for column in contract.columns if column.name in UNCOMPARED]
    if not names:
        return sql.SQL("null::jsonb")
    pairs = (
        sql.SQL("{}, {}").format(sql.Literal(name), sql.Identifier(row, name)) for name in names
    )
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))


def says_the_same(contract: Contract, one: str, other: str) -> sql.Composed:
    """Condition: two raw rows of a key have the same values, but for those that always change.

    What was hidden of an uncontracted value has another hash in every load: such values count as
    the same when all else is, the length too.
    """
    names = [column.stored_as for column in contract.columns if column.name not in UNCOMPARED]
    return sql.SQL("({}) is not distinct from ({})").format(
        *(
            sql.SQL(", ").join(
                [*(sql.Identifier(row, name) for name in names), _extra_without_hashes(row)]
            )
            for row in (one, other)
        )
    )


def _extra_without_hashes(row: str) -> sql.Composed:
    return sql.SQL("regexp_replace({}::text, '[0-9a-fA-F]{{64}}', '', 'g')").format(
        sql.Identifier(row, "_extra")
    )


def _revival(contract: Contract, chosen: sql.SQL) -> sql.Composed:
    key = contract.key
    parts = {
        "table": sql.Identifier("raw", contract.source),
        "key": sql.Identifier(key.stored_as),
        "type": sql.SQL(key.physical_type),
    }
    columns = [
        *(column.stored_as for column in contract.columns),
        *(column.name for column in TECHNICAL_COLUMNS),
    ]
    return REVIVE.format(
        **parts,
        chosen=chosen.format(**parts),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(sql.Identifier("revived", name) for name in columns),
    )
