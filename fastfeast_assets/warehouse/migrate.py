"""Bringing a database to the present: schemas, `ops` migrations, raw tables.

Migrations are plain SQL files, applied once, in order, under one advisory lock that dies with
its connection, so that two processes may start at once and a killed one leaves no lock behind.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.ddl import column_type, raw_table_ddl
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse.analysts import finds_public_names, set_up_analysts
from fastfeast_assets.warehouse.months import convert
from fastfeast_assets.warehouse.server import MINIMUM_VERSION, ServerError

logger = logging.getLogger(__name__)

SCHEMAS = ("raw", "staging", "intermediate", "marts", "analytics", "ops")
LOCK_KEY = 7_301_001


class MigrationError(Exception):
    """The database and this version of the code do not fit; the text says what to do."""


@dataclass(frozen=True)
class Migration:
    """One SQL file of `migrations/`, named `<version>_<name>.sql`."""

    version: int
    name: str
    statements: str

    @property
    def checksum(self) -> str:
        """Hash of the text, to notice a migration that was edited after it was applied."""
        return hashlib.sha256(self.statements.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All migrations in the order of their versions."""
    folder = resources.files("fastfeast_assets.warehouse") / "migrations"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda f: f.name
    )
    return [
        Migration(int(file.name[:4]), file.name[5:-4], file.read_text(encoding="utf-8"))
        for file in files
    ]


def pending_migrations(connection: psycopg.Connection) -> list[Migration]:
    """The migrations that this database has not seen."""
    if connection.execute("select to_regclass('ops.schema_migration')").fetchone() == (None,):
        return migrations()
    rows = connection.execute("select version, checksum from ops.schema_migration").fetchall()
    applied: dict[int, str] = dict(rows)
    known = {migration.version: migration for migration in migrations()}
    ahead = sorted(set(applied) - set(known))
    if ahead:
        raise MigrationError(
            f"the database has migration {ahead[-1]}, which this version does not know: "
            "update fastfeast_assets"
        )
    for version, checksum in applied.items():
        if known[version].checksum != checksum:
            raise MigrationError(
                f"migration {version} was edited after it was applied: restore its text and "
                "write a new migration"
            )
    return [migration for version, migration in known.items() if version not in applied]


def migrate(connection: psycopg.Connection, contracts: Mapping[str, Contract]) -> None:
    """Bring the database to the present; safe to run again and by several processes at once.

    Args:
        connection: Not in a transaction; on return everything is committed.
        contracts: The sources whose raw tables must exist.

    Raises:
        ServerError: The server is too old, or the role may not create schemas.
        MigrationError: A migration was edited, is unknown, or a raw table cannot follow.
    """
    if connection.info.server_version < MINIMUM_VERSION * 10_000:
        raise ServerError(
            f"PostgreSQL {connection.info.server_version // 10_000} is too old: use "
            f"{MINIMUM_VERSION} or newer"
        )
    connection.execute("select pg_advisory_lock(%s)", [LOCK_KEY])
    try:
        with connection.transaction():
            has_changed = _bring_up(connection, contracts)
        if has_changed or not finds_public_names(connection):
            set_up_analysts(connection)
    finally:
        connection.execute("select pg_advisory_unlock(%s)", [LOCK_KEY])


def _bring_up(connection: psycopg.Connection, contracts: Mapping[str, Contract]) -> bool:
    """Apply what is missing; whether anything was."""
    _create_schemas(connection)
    missing = pending_migrations(connection)
    for migration in missing:
        connection.execute(migration.statements.encode())
        connection.execute(
            "insert into ops.schema_migration (version, name, checksum) values (%s, %s, %s)",
            [migration.version, migration.name, migration.checksum],
        )
        logger.info("applied migration %04d %s", migration.version, migration.name)
    applied = [_apply_contract(connection, contract, contracts) for contract in contracts.values()]
    return bool(missing) or any(applied)


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


def _apply_contract(
    connection: psycopg.Connection, contract: Contract, contracts: Mapping[str, Contract]
) -> bool:
    """Make the raw table of a contract, or add the columns that it has gained."""
    statements = raw_table_ddl(contract, contracts)
    definition = "\n".join(statement.as_string(connection) for statement in statements)
    digest = hashlib.sha256(definition.encode()).hexdigest()
    known = connection.execute(
        "select definition_hash from ops.raw_table where source = %s", [contract.source]
    ).fetchone()
    if known == (digest,):
        return False
    if known is not None:
        _follow_columns(connection, contract)
        if contract.cadence == "stream":
            convert(connection, contract, statements[0])
    for statement in statements:
        connection.execute(statement)
    connection.execute(
        "insert into ops.raw_table (source, contract_version, definition_hash) "
        "values (%s, %s, %s) on conflict (source) do update set "
        "contract_version = excluded.contract_version, "
        "definition_hash = excluded.definition_hash, applied_at = now()",
        [contract.source, contract.version, digest],
    )
    return True


def _follow_columns(connection: psycopg.Connection, contract: Contract) -> None:
    table = sql.Identifier("raw", contract.source)
    rows = connection.execute(
        "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute "
        "where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
        [table.as_string(connection)],
    ).fetchall()
    existing = {name: (type_, is_required) for name, type_, is_required in rows}
    for column in contract.columns:
        wanted = column_type(column)
        if column.stored_as not in existing:
            connection.execute(
                sql.SQL("alter table {} add column {} {}").format(
                    table, sql.Identifier(column.stored_as), wanted
                )
            )
            continue
        has_type, is_required = existing[column.stored_as]
        if not _same_type(connection, has_type, wanted):
            raise MigrationError(
                f"raw.{contract.source}.{column.stored_as} is {has_type}, the contract says "
                f"{wanted.as_string(connection)}: write a migration that changes the column"
            )
        if is_required and not column.required and not column.is_key:
            connection.execute(
                sql.SQL("alter table {} alter column {} drop not null").format(
                    table, sql.Identifier(column.stored_as)
                )
            )


def _same_type(connection: psycopg.Connection, has: str, wanted: sql.Composable) -> bool:
    """Whether PostgreSQL spells both types the same, length and precision included."""
    statement = sql.SQL(
        "select format_type(a.atttypid, a.atttypmod) from pg_attribute a, "
        "(select to_regclass('pg_temp.wanted') as oid) t where a.attrelid = t.oid and a.attnum = 1"
    )
    connection.execute(
        sql.SQL("create temporary table wanted (c {}) on commit drop").format(wanted)
    )
    spelled = connection.execute(statement).fetchone()
    connection.execute("drop table pg_temp.wanted")
    return spelled == (has,)
