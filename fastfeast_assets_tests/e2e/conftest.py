"""Fixtures of tests that run the `fastfeast` command as an operator does: real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from fastfeast_assets_tests.conftest import PII_KEY

COMMAND = "from fastfeast_assets.cli import main; main()"
PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Home:
    """An installation of its own: home directory, landing zone and embedded server."""

    directory: Path
    project: Path = PROJECT
    warehouse_url: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def landing(self) -> Path:
        """The landing zone."""
        return self.directory / "landing"

    @property
    def environment(self) -> Mapping[str, str]:
        """What its processes see."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("FASTFEAST_")}
        return {
            **inherited,
            "PYTHONPATH": str(self.project),
            "FASTFEAST_HOME": str(self.directory),
            "FASTFEAST_PII_KEY": PII_KEY,
            "FASTFEAST_ENV_FILE": str(self.directory / "no.env"),
            "FASTFEAST_DBT_PROJECT_DIR": str(self.project / "dbt_project"),
            "FASTFEAST_SETTLE_SECONDS": "0.1",
            **({"FASTFEAST_WAREHOUSE_URL": self.warehouse_url} if self.warehouse_url else {}),
            **self.variables,
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command."""
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            env=self.environment,
            cwd=self.project,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Run the command to its end; gives its output."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=600)
        assert process.returncode == expect, f"{arguments}\n{out}\n{err}"
        return out

    def url(self, database: str = "warehouse") -> str:
        """Connection URL of one of its databases."""
        return self.run("url", "--database", database).strip()

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Rows of a query on its warehouse."""
        with psycopg.connect(self.url(), row_factory=dict_row) as connection:
            return connection.execute(statement.encode()).fetchall()

    def marts(self) -> dict[str, list[str]]:
        """All rows of all marts as text, without what depends on when and how they were loaded."""
        with psycopg.connect(self.url()) as connection:
            tables = connection.execute(
                "select tablename from pg_tables where schemaname = 'marts' order by 1"
            ).fetchall()
            return {
                table: sorted(
                    row[0]
                    for row in connection.execute(
                        sql.SQL(
                            "select (to_jsonb(t) - '_loaded_at' - '_load_id')::text from {} t"
                        ).format(sql.Identifier("marts", table))
                    )
                )
                for (table,) in tables
            }

    def written(self) -> dict[str, set[tuple[str, str]]]:
        """Identity of each stored row version in all layers; any write changes it."""
        with psycopg.connect(self.url()) as connection:
            tables = connection.execute(
                "select schemaname, tablename from pg_tables "
                "where schemaname in ('raw', 'marts', 'ops')"
            ).fetchall()
            return {
                f"{schema}.{table}": set(
                    connection.execute(
                        sql.SQL("select ctid::text, xmin::text from {}").format(
                            sql.Identifier(schema, table)
                        )
                    ).fetchall()
                )
                for schema, table in tables
            }


@pytest.fixture(scope="module")
def new_home() -> Iterator[Callable[..., Home]]:
    """Make installations; their servers stop and their files go at the end."""
    homes: list[Home] = []

    def make(project: Path = PROJECT, warehouse_url: str | None = None) -> Home:
        # Not below pytest's own directory: a Unix socket's path may have 107 characters.
        home = Home(Path(tempfile.mkdtemp(prefix="ff-")), project, warehouse_url)
        homes.append(home)
        home.landing.mkdir()
        return home

    yield make
    for home in homes:
        home.start("stop").communicate(timeout=60)
        shutil.rmtree(home.directory, ignore_errors=True)
