"""The numbers of the advisory locks, so that no two are the same.

Locks of single partitions and months go by the hash of their name, in the functions that take them.
"""

import psycopg

MIGRATE_LOCK = 7_301_001
"""Changing the warehouse's tables."""

TRANSFORM_LOCK = 7_301_002
"""Running dbt."""

INGEST_LOCK = 7_301_003
"""Being the one `fastfeast ingest`."""

ATTACH_LOCK = 7_301_004
"""Adding a month to a partitioned table."""

TRANSFORM_WORK_LOCK = 7_301_006
"""Building a model; shared, and held by the model's own transaction (`ops.hold_transform`)."""

CHECK_LOCK = 7_301_007
"""Testing many rows apart from any load."""

PERSONS_LOCK = 7_301_020
"""Changing whose data is stored, or how it is hashed; shared by whoever stores rows."""

ROTATION_LOCK = 7_301_021
"""Reading files for a rotation of the key."""

RUN_LOCK = 7_301_005
"""First of two numbers, on Dagster's storage: the second is the hash of a run that lives."""

MARK_LOCK = 7_301_008
"""First of two numbers: the second is random, by which two sessions know that they share one."""


def is_held(connection: psycopg.Connection, lock: int) -> bool:
    """Whether a session of this database holds a lock; nothing is waited for."""
    row = connection.execute(
        "select exists (select from pg_locks where locktype = 'advisory' and granted"
        " and classid = 0 and objid = %s and objsubid = 1 and database ="
        " (select oid from pg_database where datname = current_database()))",
        [lock],
    ).fetchone()
    return row == (True,)
