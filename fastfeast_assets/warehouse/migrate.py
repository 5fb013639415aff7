"""Bringing a database to the present: schemas, `ops` migrations, raw tables, tables of marts.

Migrations are plain SQL files, applied once, in order. All is done in one transaction, under locks
that die with their connection: two processes may start at once, a killed one leaves nothing behind,
and what does not fit is found before anything is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse.connection import ServerError
from fastfeast_assets.warehouse.locks import MIGRATE_LOCK, TRANSFORM_LOCK, TRANSFORM_WORK_LOCK
from fastfeast_assets.warehouse.roles.grants import set_up_roles
from fastfeast_assets.warehouse.roles.ownership import hand_over
from fastfeast_assets.warehouse.roles.rights import SCHEMAS
from fastfeast_assets.warehouse.server import MINIMUM_VERSION
from fastfeast_assets.warehouse.upgrade import marts
from fastfeast_assets.warehouse.upgrade.errors import WarehouseBusyError
from fastfeast_assets.warehouse.upgrade.manifest import Models, models_of
from fastfeast_assets.warehouse.upgrade.migrations import (
    Migration,
    newest_migration,
    pending_migrations,
)
from fastfeast_assets.warehouse.upgrade.plan import Plan, plan
from fastfeast_assets.warehouse.version import is_recorded, record_version, warehouse_version

WAIT_SECONDS = 30
HAS_LEDGER = "select to_regclass('ops.schema_migration') is not null"


def migrate(
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    *,
    project: Path | None = None,
    target: Path | None = None,
    is_agreed: bool = False,
) -> None:
    """Bring the database to the present; safe to run again and by several processes at once.

    Args:
        connection: Not in a transaction; on return everything is committed.
        contracts: The sources whose raw tables must exist.
        project: The dbt project; without, tables of marts are not looked at.
        target: Where it is kept parsed, if not in itself.
        is_agreed: Whether a person has seen what cannot be done by the way.

    Raises:
        ServerError: The server is too old, or the role may not create schemas.
        NewerWarehouseError: A newer version was at work here.
        UpgradeNeededError: A person should see first what would be changed.
        WarehouseBusyError: A transform or a load is at work, and something is to be changed.
        MigrationError: A migration was edited, or a table cannot follow.
    """
    with _alone(connection):
        missing = pending_migrations(connection)
        models = _models(connection, project, target)
        if not missing and _is_of_this_version(connection, contracts, models):
            set_up_roles(connection)
            return
        with _patient(connection), _between_transforms(connection):
            _change(connection, contracts, models, missing, is_agreed=is_agreed)
        set_up_roles(connection)


@contextmanager
def look(
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    *,
    project: Path | None,
    target: Path | None = None,
) -> Iterator[Plan]:
    """What `migrate` would do, inside a transaction that has the migrations and is taken back.

    Raises:
        ServerError: As `migrate`.
        MigrationError: As `migrate`, but for steps that cannot be done, which the plan names.
    """
    with _alone(connection):
        missing = pending_migrations(connection)
        models = _models(connection, project, target)
        with _patient(connection), connection.transaction(force_rollback=True):
            yield _planned(connection, contracts, models, missing)


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[None]:
    if connection.info.server_version < MINIMUM_VERSION * 10_000:
        raise ServerError(
            f"PostgreSQL {connection.info.server_version // 10_000} is too old: use "
            f"{MINIMUM_VERSION} or newer"
        )
    connection.execute("select pg_advisory_lock(%s)", [MIGRATE_LOCK])
    try:
        yield
    finally:
        connection.execute("select pg_advisory_unlock(%s)", [MIGRATE_LOCK])


def _is_of_this_version(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], models: Models | None
) -> bool:
    """Whether the tables are, besides `ops`; what there is to be noted then is noted."""
    with connection.transaction():
        found = plan(connection, contracts, models, was=None, migrations=())
        if not found.is_nothing:
            return False
        found.note(connection, contracts)
        if not is_recorded(connection, migration=newest_migration()):
            record_version(connection, migration=newest_migration())
    return True


def _change(
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    models: Models | None,
    missing: Sequence[Migration],
    *,
    is_agreed: bool,
) -> None:
    """Change tables while no load that has begun goes on."""
    with connection.transaction():
        if connection.execute(HAS_LEDGER).fetchone() == (True,):
            # Whoever loads has read it in the transaction of the load (`ensure_not_newer`).
            connection.execute("lock table ops.schema_migration in access exclusive mode")
        found = _planned(connection, contracts, models, missing)
        if is_agreed:
            found.ensure_possible()
        else:
            found.ensure_agreed()
        found.apply(connection, contracts)
        hand_over(connection)
        record_version(connection, migration=newest_migration())


def _planned(
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    models: Models | None,
    missing: Sequence[Migration],
) -> Plan:
    """What there is to do, once the migrations are applied."""
    was = warehouse_version(connection)
    _create_schemas(connection)
    for migration in missing:
        connection.execute(migration.statements.encode())
        connection.execute(
            "insert into ops.schema_migration (version, name, checksum) values (%s, %s, %s)",
            [migration.version, migration.name, migration.checksum],
        )
    names = [f"{migration.version:04d} {migration.name}" for migration in missing]
    return plan(connection, contracts, models, was=was, migrations=names)


def _models(
    connection: psycopg.Connection, project: Path | None, target: Path | None
) -> Models | None:
    """What the dbt project makes; None as long as a transform has made nothing."""
    if project is None or not marts.has_marts(connection):
        return None
    return models_of(project, target)


@contextmanager
def _patient(connection: psycopg.Connection) -> Iterator[None]:
    """Wait for others, and not for ever."""
    connection.execute("select set_config('lock_timeout', %s, false)", [f"{WAIT_SECONDS}s"])
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise WarehouseBusyError(
            "the warehouse has to be changed for this version, and others are at work on it, such"
            " as a console of an earlier version: end them, or try again when they are done;"
            " nothing was changed"
        ) from error
    finally:
        connection.execute("reset lock_timeout")


@contextmanager
def _between_transforms(connection: psycopg.Connection) -> Iterator[None]:
    """While no transform is at work, nor the last model of a killed one."""
    try:
        for lock in (TRANSFORM_LOCK, TRANSFORM_WORK_LOCK):
            connection.execute("select pg_advisory_lock(%s)", [lock])
        yield
    finally:
        connection.execute(
            "select pg_advisory_unlock(objid::bigint) from pg_locks where locktype = 'advisory'"
            " and pid = pg_backend_pid() and classid = 0 and objid = any(%s::oid[])",
            [[TRANSFORM_LOCK, TRANSFORM_WORK_LOCK]],
        )


def _create_schemas(connection: psycopg.Connection) -> None:
    known = {row[0] for row in connection.execute("select nspname from pg_namespace").fetchall()}
    try:
        for schema in SCHEMAS:
            if schema not in known:
                statement = sql.SQL("create schema {}").format(sql.Identifier(schema))
                connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        raise ServerError(
            f"role {connection.info.user} may not create schemas: grant create on database "
            f"{connection.info.dbname} to it"
        ) from error
    connection.execute(
        "create table if not exists ops.schema_migration (version integer primary key, "
        "name text not null, checksum text not null, applied_at timestamptz not null default now())"
    )
