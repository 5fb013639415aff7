"""Fixtures of tests that load files and transform them with dbt."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from dbt.artifacts.schemas.results import NodeStatus, TestStatus
from dbt.cli.main import dbtRunner
from psycopg import sql
from psycopg.rows import dict_row

from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.server import url_of
from fastfeast_assets_tests.postgres.conftest import connection as connection
from fastfeast_assets_tests.postgres.conftest import load as load
from fastfeast_assets_tests.postgres.conftest import query as query

PROJECT = Path(__file__).parents[2] / "dbt_project"
# The parsed project holds the database's name: with one name it is parsed once.
DATABASE = "dbt_tests"
KINDS_OF_TESTS = ("reconciled_with_raw", "checksum_of_raw", "stub_without_valid_row", "row_rule")
FINE = {NodeStatus.Success, NodeStatus.NoOp, TestStatus.Pass}
WARNED = {TestStatus.Warn}

Rows = dict[str, list[dict[str, Any]]]


class Dbt:
    """The dbt project on the warehouse of a test.

    Args:
        target: Directory for what dbt writes; it keeps the parsed project between runs.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._has_views = False

    def run(self, *arguments: str) -> None:
        """Build the models; fails with the errors of those that fail.

        Without arguments, views and the calendar are left out once they exist: they only cost time.
        """
        if self._has_views and not arguments:
            arguments = ("--exclude", "config.materialized:view", "path:models/marts/calendar")
        assert self.failures("run", *arguments) == {}
        self._has_views = True

    def test(self, *arguments: str) -> None:
        """Run data tests; fails with those that fail.

        Without arguments, those of a kind that no constraint of the marts watches over already.
        """
        chosen = arguments or ("--select", *(f"test_name:{kind}" for kind in KINDS_OF_TESTS))
        assert self.failures("test", "--exclude-resource-type", "unit_test", *chosen) == {}

    def operation(self, macro: str) -> None:
        """Run a macro by itself."""
        result = dbtRunner().invoke(["run-operation", macro, *project_options(self._target)])
        assert result.success, result.exception
        self._has_views = False

    def failures(self, command: str, *arguments: str) -> dict[str, str]:
        """The message of each node of a dbt command that was not fine; warnings are."""
        nodes = self._nodes(command, *arguments)
        return {name: text for name, (status, text) in nodes.items() if status not in FINE | WARNED}

    def warnings(self, *arguments: str) -> dict[str, str]:
        """The message of each data test that warned."""
        nodes = self._nodes("test", "--exclude-resource-type", "unit_test", *arguments)
        return {name: text for name, (status, text) in nodes.items() if status in WARNED}

    def _nodes(self, command: str, *arguments: str) -> dict[str, tuple[object, str]]:
        options = project_options(self._target)
        result = dbtRunner().invoke([command, *options, *arguments])
        if result.exception is not None:
            raise result.exception
        nodes = getattr(result.result, "results", [])
        assert nodes, f"dbt {command} {arguments} selected nothing"
        return {node.node.name: (node.status, str(node.message)) for node in nodes}


def project_options(target: Path) -> list[str]:
    """Command-line options that name the project and keep dbt's files away from it."""
    project = os.fspath(PROJECT)
    paths = ["--target-path", os.fspath(target), "--log-path", os.fspath(target)]
    lean = ["--quiet", "--no-write-json", "--log-level-file", "none"]
    return ["--project-dir", project, "--profiles-dir", project, *paths, *lean]


@pytest.fixture
def database_url(server_url: str, template_database: str) -> str:
    """URL of a fresh, prepared database, by the same name for every test."""
    name, template = sql.Identifier(DATABASE), sql.Identifier(template_database)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))
        connection.execute(sql.SQL("create database {} template {}").format(name, template))
    return url_of(server_url, dbname=DATABASE)


@pytest.fixture(scope="session")
def dbt_target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where dbt writes."""
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture
def dbt(warehouse: Warehouse, dbt_target: Path, monkeypatch: pytest.MonkeyPatch) -> Dbt:
    """The dbt project on the warehouse of the test."""
    for name, value in warehouse.dbt_environment().items():
        monkeypatch.setenv(name, value)
    return Dbt(dbt_target)


class Marts:
    """What the marts of a test hold."""

    def __init__(self, settings: Settings) -> None:
        assert settings.warehouse_url is not None
        self._url = settings.warehouse_url.get_secret_value()

    def rows(self, *, ignore: frozenset[str] = frozenset({"_loaded_at"})) -> Rows:
        """All rows by table, without what depends on when they were written."""
        return {
            table: sorted(
                (
                    {name: value for name, value in row.items() if name not in ignore}
                    for row in self._read(table, "*")
                ),
                key=repr,
            )
            for table in self.tables()
        }

    def written(self) -> dict[str, set[tuple[str, str]]]:
        """Identity of each stored row version; any write changes it."""
        return {
            table: {(row["ctid"], row["xmin"]) for row in self._read(table, "ctid, xmin")}
            for table in self.tables()
        }

    def tables(self) -> list[str]:
        """Names of the marts."""
        statement = "select tablename from pg_tables where schemaname = 'marts' order by 1"
        with psycopg.connect(self._url) as connection:
            return [row[0] for row in connection.execute(statement).fetchall()]

    def _read(self, table: str, columns: LiteralString) -> Sequence[Mapping[str, Any]]:
        statement = sql.SQL("select {} from {}").format(
            sql.SQL(columns), sql.Identifier("marts", table)
        )
        with psycopg.connect(self._url) as connection:
            return connection.cursor(row_factory=dict_row).execute(statement).fetchall()


@pytest.fixture
def marts(settings: Settings) -> Marts:
    """The marts of the test."""
    return Marts(settings)
