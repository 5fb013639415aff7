"""The SQL files of `warehouse/migrations`: which there are, and which a database has not seen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import psycopg

from fastfeast_assets.warehouse.upgrade.errors import MigrationError
from fastfeast_assets.warehouse.version import ensure_not_newer


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


@cache
def migrations() -> Sequence[Migration]:
    """All migrations in the order of their versions, as this process has found them first."""
    folder = resources.files("fastfeast_assets.warehouse") / "migrations"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda f: f.name
    )
    return [
        Migration(int(file.name[:4]), file.name[5:-4], file.read_text(encoding="utf-8"))
        for file in files
    ]


def newest_migration() -> int:
    """The version of the last migration that this process knows."""
    return migrations()[-1].version


def pending_migrations(connection: psycopg.Connection) -> list[Migration]:
    """The migrations that this database has not seen.

    Raises:
        NewerWarehouseError: A newer version was at work here.
        MigrationError: A migration is another than the one that was applied.
    """
    if connection.execute("select to_regclass('ops.schema_migration')").fetchone() == (None,):
        return list(migrations())
    ensure_not_newer(connection, migration=newest_migration())
    rows = connection.execute("select version, checksum from ops.schema_migration").fetchall()
    applied: dict[int, str] = dict(rows)
    known = {migration.version: migration for migration in migrations()}
    for version, checksum in applied.items():
        if version not in known:
            raise MigrationError(
                f"the database has migration {version}, which this version does not know"
            )
        if known[version].checksum != checksum:
            raise MigrationError(
                f"migration {version} was edited after it was applied: restore its text and "
                "write a new migration"
            )
    return [migration for version, migration in known.items() if version not in applied]
