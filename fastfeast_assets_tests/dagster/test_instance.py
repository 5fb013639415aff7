"""Dagster's storage is PostgreSQL, found by the settings, from one `dagster.yaml`."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import psycopg
import pytest
import sqlalchemy
from dagster._core.utils import make_new_run_id
from dagster_postgres import DagsterPostgresStorage, PostgresRunStorage
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from fastfeast_assets.automation.instance import CONFIGURATION, dagster_home, open_instance
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.connection import ServerError, url_of
from fastfeast_assets.warehouse.server import dagster_storage_url


def test_home_holds_the_projects_configuration(settings: Settings) -> None:
    home = dagster_home(settings)
    assert home == settings.home / "dagster"
    copy = home / "dagster.yaml"
    assert copy.read_bytes() == CONFIGURATION.read_bytes()
    copy.write_text("outdated: true\n")
    dagster_home(settings)
    assert copy.read_bytes() == CONFIGURATION.read_bytes()


def test_runs_are_kept_in_the_database_of_the_settings(settings: Settings) -> None:
    @dg.asset
    def thing() -> None: ...

    with open_instance(settings) as instance:
        assert isinstance(instance.run_storage, PostgresRunStorage)
        assert dg.materialize([thing], instance=instance).success
    with open_instance(settings) as instance:
        assert instance.get_runs_count() == 1
        assert instance.get_latest_materialization_event(dg.AssetKey("thing")) is not None
    with psycopg.connect(dagster_storage_url(settings)) as connection:
        row = connection.execute("select count(*) from runs").fetchone()
    assert row == (1,)
    logs = settings.home / "dagster" / "storage"
    assert any(logs.rglob("*.err"))


def test_plain_dagster_dev_finds_the_storage_by_the_environment(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert settings.warehouse_url is not None
    monkeypatch.setenv("FASTFEAST_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("FASTFEAST_WAREHOUSE_URL", settings.warehouse_url.get_secret_value())
    monkeypatch.setenv("FASTFEAST_PII_KEY", settings.pii_key.get_secret_value())
    with dg.DagsterInstance.from_config(str(CONFIGURATION.parent)) as instance:
        assert isinstance(instance.run_storage, PostgresRunStorage)
        assert instance.run_storage.postgres_url == dagster_storage_url(settings)
        assert instance.root_directory == str(tmp_path / "elsewhere" / "dagster")


def test_sessions_of_the_storage_do_not_depend_on_defaults(
    settings: Settings, server_url: str
) -> None:
    with open_instance(settings) as instance:
        database = dagster_storage_url(settings).partition("?")[0].rpartition("/")[2]
        with psycopg.connect(server_url, autocommit=True) as connection:
            for setting in ("timezone = 'Asia/Tokyo'", "transaction_timeout = '1h'"):
                statement = sql.SQL("alter database {} set {}")
                connection.execute(statement.format(sql.Identifier(database), sql.SQL(setting)))
        storage = instance.run_storage
        assert isinstance(storage, PostgresRunStorage)
        storage._engine.dispose()
        with storage.connect() as session:
            shown = session.execute(
                sqlalchemy.text(
                    "select current_setting('timezone'), current_setting('transaction_timeout'),"
                    " current_setting('search_path')"
                )
            ).one()
    assert tuple(shown) == ("UTC", "0", "dagster")


def test_an_old_style_url_is_understood(settings: Settings) -> None:
    url = dagster_storage_url(settings).replace("postgresql://", "postgres://")
    settings = settings.model_copy(update={"dagster_url": SecretStr(url)})
    with open_instance(settings) as instance:
        assert instance.get_runs_count() == 0


@pytest.fixture
def url(settings: Settings, server_url: str) -> str:
    """Of the database that the storage will use, still empty."""
    assert settings.warehouse_url is not None
    name = str(conninfo_to_dict(settings.warehouse_url.get_secret_value())["dbname"]) + "_dagster"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return url_of(server_url, dbname=name)


def test_tables_of_an_earlier_version_leave_the_public_schema(settings: Settings, url: str) -> None:
    """Their runs stay; not while the console of that version is connected."""
    storage = DagsterPostgresStorage(url)
    storage.run_storage.add_run(dg.DagsterRun("thing", run_id=make_new_run_id()))
    with (
        psycopg.connect(url),
        pytest.raises(ServerError, match="end the console of the earlier version"),
        open_instance(settings),
    ):
        pass
    with open_instance(settings) as instance:
        assert instance.get_runs_count() == 1
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where nspname = 'public'"
        ).fetchone()
    assert row == (0,)


def test_tables_of_another_application_stay_where_they_are(settings: Settings, url: str) -> None:
    """Some have `runs` and `alembic_version`, too."""
    with psycopg.connect(url, autocommit=True) as connection:
        for table in ("alembic_version (version_num text)", "runs (run_uuid text)", "jobs (a int)"):
            connection.execute(f"create table public.{table}".encode())
        with open_instance(settings) as instance:
            assert instance.get_runs_count() == 0
        rows = connection.execute("select tablename from pg_tables where schemaname = 'public'")
        assert sorted(rows) == [("alembic_version",), ("jobs",), ("runs",)]


@pytest.mark.parametrize("name", ["My Db", "مستودع", "a%b", "q?x#y", "{{ x }}", "d'b"])
def test_a_database_of_any_name_holds_the_storage(
    settings: Settings, server_url: str, name: str
) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    chosen = settings.model_copy(
        update={"dagster_url": SecretStr(url_of(server_url, dbname=name)), "warehouse_url": None}
    )
    try:
        with open_instance(chosen) as instance:
            assert instance.get_runs_count() == 0
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
            )
