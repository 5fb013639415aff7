"""Fixtures of tests that load files and transform them with dbt."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from dbt.artifacts.schemas.results import NodeStatus, TestStatus
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import ModelNode
from dbt_common.behavior_flags import BehaviorFlagRendered
from psycopg import sql
from psycopg.rows import dict_row
from pydantic import SecretStr

from fastfeast_assets.assets.dbt_cli import environment
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.connection import url_of
from fastfeast_assets_tests.conftest import PII_KEY
from fastfeast_assets_tests.postgres.conftest import connection as connection
from fastfeast_assets_tests.postgres.conftest import load as load
from fastfeast_assets_tests.postgres.conftest import query as query
from fastfeast_assets_tests.postgres.conftest import reader as reader

PROJECT = Path(__file__).parents[2] / "dbt_project"
# The parsed project holds the database's name: with one name it is parsed once.
DATABASE = "dbt_tests"
DATABASE_NAME = sql.Identifier(DATABASE)
BUILT = "template_of_built_models"
KINDS_OF_TESTS = (
    "reconciled_with_raw",
    "checksum_of_raw",
    "stub_without_valid_row",
    "row_rule",
    "follows_its_sources",
)
FACTS = ("path:models/intermediate", "path:models/marts/facts")
LOADS = "select source, log_id, generation from ops.pipeline_file_log where status = 'success'"
DIGESTED = "select consumer, load_id, generation from ops.consumed_load"
FINE = {NodeStatus.Success, NodeStatus.NoOp, TestStatus.Pass}
WARNED = {TestStatus.Warn}

Rows = dict[str, list[dict[str, Any]]]


class Dbt:
    """The dbt project on the warehouse of a test.

    Args:
        warehouse: Where it builds.
        project: The parsed project, and where dbt writes.
        has_views: Whether the warehouse has the views already.
    """

    def __init__(self, warehouse: Warehouse, project: Project, *, has_views: bool) -> None:
        self._warehouse = warehouse
        self._project = project
        self.has_views = has_views

    def run(self, *arguments: str) -> None:
        """Build the models; fails with the errors of those that fail.

        Without arguments, and once they exist, views, the calendar and the dimensions that have no
        load to digest are left out: they only cost time.
        """
        if self.has_views and not arguments:
            arguments = ("--select", *FACTS, *self.due_dimensions())
        assert self.failures("run", *arguments) == {}
        self.has_views = True

    def due_dimensions(self) -> set[str]:
        """Dimensions and histories behind a load that one of them has not digested yet."""
        with self._warehouse.connect() as connection:
            loads = connection.execute(LOADS).fetchall()
            digested = {tuple(row) for row in connection.execute(DIGESTED).fetchall()}
        due: set[str] = set()
        for model, parents in self._project.dimensions():
            if parents & due or any(
                source in parents and (model, load_id, generation) not in digested
                for source, load_id, generation in loads
            ):
                due.add(model)
        return due

    def test(self, *arguments: str) -> None:
        """Run data tests over all rows; fails with those that fail.

        Without arguments, those of a kind that no constraint of the marts watches over already.
        """
        chosen = arguments or ("--select", *(f"test_name:{kind}" for kind in KINDS_OF_TESTS))
        with environment({"FASTFEAST_ROWS": "all"}):
            assert self.failures("test", "--exclude-resource-type", "unit_test", *chosen) == {}

    def operation(self, macro: str) -> None:
        """Run a macro by itself."""
        result = self._project.invoke("run-operation", macro)
        assert result.success, result.exception
        self.has_views = False

    def failures(self, command: str, *arguments: str) -> dict[str, str]:
        """The message of each node of a dbt command that was not fine; warnings are."""
        nodes = self._nodes(command, *arguments)
        return {name: text for name, (status, text) in nodes.items() if status not in FINE | WARNED}

    def found(self, command: str, *arguments: str) -> set[str]:
        """The nodes of a dbt command that failed or warned; a known failure warns, behind loads."""
        nodes = self._nodes(command, *arguments)
        return {name for name, (status, _) in nodes.items() if status not in FINE}

    def warnings(self, *arguments: str) -> dict[str, str]:
        """The message of each data test that warned."""
        nodes = self._nodes("test", "--exclude-resource-type", "unit_test", *arguments)
        return {name: text for name, (status, text) in nodes.items() if status in WARNED}

    def _nodes(self, command: str, *arguments: str) -> dict[str, tuple[object, str]]:
        result = self._project.invoke(command, *arguments)
        if result.exception is not None:
            raise result.exception
        nodes = getattr(result.result, "results", [])
        assert nodes, f"dbt {command} {arguments} selected nothing"
        return {node.node.name: (node.status, str(node.message)) for node in nodes}


class Project:
    """The dbt project, parsed once for all commands that need no other variables.

    Args:
        target: Directory for what dbt writes.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self._manifest: Manifest | None = None
        # In bytes, for each command changes the nodes that it is given.
        self._nodes = b""
        self._variables: set[str] = set()

    def invoke(self, *arguments: str) -> dbtRunnerResult:
        """Run a dbt command in this process, on the warehouse of the environment."""
        command = [*arguments, *project_options(self.target)]
        if "--vars" in arguments:
            return dbtRunner().invoke(command)
        manifest = self._parsed()
        manifest.nodes = pickle.loads(self._nodes)  # noqa: S301
        return dbtRunner(manifest).invoke(command)

    def variables(self) -> set[str]:
        """Environment variables by which dbt parses the project anew when one changes."""
        self._parsed()
        return self._variables

    def dimensions(self) -> Iterator[tuple[str, set[str]]]:
        """Each dimension and history with the names of what it is built from, which come first."""
        manifest = self._parsed()
        parents = {
            node.unique_id: set(node.depends_on_nodes)
            for node in manifest.nodes.values()
            if isinstance(node, ModelNode)
        }
        for unique_id in TopologicalSorter(parents).static_order():
            node = manifest.nodes.get(unique_id)
            if isinstance(node, ModelNode) and node.fqn[2] in ("dimensions", "history"):
                yield node.name, {name.split(".")[-1] for name in parents[unique_id]}

    def _parsed(self) -> Manifest:
        if self._manifest is None:
            parsed = dbtRunner().invoke(["parse", *project_options(self.target)]).result
            assert isinstance(parsed, Manifest)
            self._manifest, self._nodes = parsed, pickle.dumps(parsed.nodes)
            self._variables = set(parsed.env_vars)
        return self._manifest


def project_options(target: Path) -> list[str]:
    """Command-line options that name the project and keep dbt's files away from it."""
    project = os.fspath(PROJECT)
    paths = ["--target-path", os.fspath(target), "--log-path", os.fspath(target)]
    lean = ["--quiet", "--no-write-json", "--log-level-file", "none"]
    return ["--project-dir", project, "--profiles-dir", project, *paths, *lean]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The dbt project of the session."""
    with pytest.MonkeyPatch.context() as patch:
        # It walks the stack for each flag at each command, a second in a worker of the test runner.
        patch.setattr(BehaviorFlagRendered, "_default_source", staticmethod(lambda: "Unknown"))
        yield Project(tmp_path_factory.mktemp("dbt"))


@pytest.fixture(scope="session")
def built_database(server_url: str, template_database: str, project: Project) -> str:
    """Name of a database where dbt has built all models from nothing; made once."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", [BUILT]).fetchone():
            return BUILT
    name = sql.Identifier(BUILT)
    url = make_database(server_url, template_database)
    settings = Settings(
        home=project.target, warehouse_url=SecretStr(url), pii_key=SecretStr(PII_KEY)
    )
    warehouse = Warehouse(settings)
    with environment(warehouse.dbt_environment()):
        Dbt(warehouse, project, has_views=False).run()
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("alter database {} rename to {}").format(DATABASE_NAME, name))
    return BUILT


@pytest.fixture
def is_built(request: pytest.FixtureRequest) -> bool:
    """Whether the test's database has the tables and views of dbt, still without rows."""
    return request.node.get_closest_marker("unbuilt") is None


@pytest.fixture
def database_url(
    server_url: str, template_database: str, request: pytest.FixtureRequest, is_built: bool
) -> str:
    """URL of a fresh, prepared database, by the same name for every test."""
    template = request.getfixturevalue("built_database") if is_built else template_database
    return make_database(server_url, template)


def make_database(server_url: str, template: str) -> str:
    """Make the database of a test as a copy of another one; gives its URL."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(DATABASE_NAME))
        connection.execute(
            sql.SQL("create database {} template {}").format(
                DATABASE_NAME, sql.Identifier(template)
            )
        )
    return url_of(server_url, dbname=DATABASE)


@pytest.fixture
def dbt(
    warehouse: Warehouse, project: Project, is_built: bool, monkeypatch: pytest.MonkeyPatch
) -> Dbt:
    """The dbt project on the warehouse of the test."""
    for name, value in warehouse.dbt_environment().items():
        monkeypatch.setenv(name, value)
    return Dbt(warehouse, project, has_views=is_built)


class Marts:
    """What the marts of a test hold, but for the calendar, which no load changes."""

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
        statement = (
            "select tablename from pg_tables where schemaname = 'marts'"
            " and tablename not in ('dim_date', 'dim_time') order by 1"
        )
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
