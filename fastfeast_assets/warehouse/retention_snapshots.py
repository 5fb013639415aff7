"""Retention of the raw tables of batch sources: repetitions leave, changes stay.

A daily snapshot says of most members what the day before said. Such a row may go once it is old
and a newer one of its key is there; the first row of every version stays. That the others were
there is remembered, so that dimensions and their histories can be built again, whatever is
corrected since.
"""

from __future__ import annotations

from datetime import date

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse import audit, sightings
from fastfeast_assets.warehouse.retention_months import TRANSFORM

REPEATED = sql.SQL(
    "select r.{key} as key, before.said_by from {table} r"
    " cross join lateral (select * from ("
    " select p._load_id as said_by, p._partition_at as seen_at, p._source_file as path"
    " from {table} p where p.{key} = r.{key} and p._partition_at < r._partition_at"
    " union all"
    " select s.said_by, s.partition_at, l.file_path from ops.sighting s"
    " join ops.pipeline_file_log l on l.log_id = s.load_id"
    " where s.source = %(source)s and s.key = r.{key}::text and s.said_by is not null"
    " and s.partition_at < r._partition_at"
    " ) seen order by seen_at desc, path limit 1) before"
    " join {table} said on said.{key} = r.{key} and said._load_id = before.said_by"
    " where r._load_id = %(load)s and said._load_id <> r._load_id and {same}"
    " and exists (select from {table} n"
    " where n.{key} = r.{key} and n._partition_at > r._partition_at)"
)
TAKE = sql.SQL(
    "with repeated as materialized ({repeated}),"
    " gone as (delete from {table} r using repeated"
    " where r._load_id = %(load)s and r.{key} = repeated.key returning r.*),"
    " repointed as (update ops.sighting s set said_by = repeated.said_by from repeated"
    " where s.source = %(source)s and s.said_by = %(load)s and s.key = repeated.key::text)"
    " insert into ops.sighting"
    " (source, key, partition_at, load_id, row_number, said_by, uncompared)"
    " select %(source)s, gone.{key}::text, gone._partition_at, gone._load_id, gone._row_number,"
    " repeated.said_by, {uncompared} from gone join repeated on repeated.key = gone.{key}"
)


def old_loads(connection: psycopg.Connection, contract: Contract, before: date) -> list[int]:
    """The loads of partitions before a day that a transform has seen, the newest first."""
    rows = connection.execute(
        "select log_id from ops.pipeline_file_log l where source = %s and is_loaded"
        " and partition_at < %s and valid_records > pruned_records"
        " and exists (select from ops.consumed_load c"
        " where c.consumer = %s and c.load_id = l.log_id and c.generation >= l.generation)"
        " order by partition_at desc, file_path",
        [contract.source, before, TRANSFORM],
    ).fetchall()
    return [row[0] for row in rows]


def count_repeated(connection: psycopg.Connection, contract: Contract, log_id: int) -> int:
    """How many rows of a load only repeat the snapshot before."""
    row = connection.execute(
        sql.SQL("select count(*) from ({}) r").format(_repeated(contract)),
        {"source": contract.source, "load": log_id},
    ).fetchone()
    return int(row[0]) if row else 0


def prune_repeated(connection: psycopg.Connection, contract: Contract, log_id: int) -> int:
    """Take the rows of a load that only repeat the snapshot before out of raw.

    That they were there is remembered (`sightings`). One transaction a load.

    Returns:
        Number of rows.
    """
    with connection.transaction():
        sightings.lock(connection, contract)
        gone = connection.execute(
            TAKE.format(
                repeated=_repeated(contract),
                table=sql.Identifier("raw", contract.source),
                key=sql.Identifier(contract.key.stored_as),
                uncompared=sightings.uncompared(contract, "gone"),
            ),
            {"source": contract.source, "load": log_id},
        ).rowcount
        if gone:
            row = connection.execute(
                "update ops.pipeline_file_log set pruned_records = pruned_records + %s"
                " where log_id = %s returning file_path, valid_records - pruned_records",
                [gone, log_id],
            ).fetchone()
            path, left = row or ("", 0)
            target = f"raw.{contract.source}/{path}"
            entry = audit.Entry("prune", target, {"rows": left + gone}, {"rows": left})
            audit.write(connection, [entry])
    return gone


def _repeated(contract: Contract) -> sql.Composed:
    """Query: key and said_by of the rows of a load that say what the sighting before says.

    That one, or the row that says the same, stays; and there is a newer row of the key.
    """
    return REPEATED.format(
        table=sql.Identifier("raw", contract.source),
        key=sql.Identifier(contract.key.stored_as),
        same=sightings.says_the_same(contract, "said", "r"),
    )
