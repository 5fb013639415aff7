"""Fixtures of all tests: a real PostgreSQL a session, a fresh database a test."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import fsspec
import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.connection import url_of
from fastfeast_assets.warehouse.migrate import migrate
from fastfeast_assets.warehouse.server import start_server, stop_server
from fastfeast_assets_tests.landing import LandingZone
from fastfeast_assets_tests.s3 import s3_server

PII_KEY = "a-key-for-tests-only-0123456789abcdef"
TEMPLATE = "template_fastfeast"


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> Iterator[None]:
    """Tests see neither the developer's `.env` nor their variables."""
    patch = pytest.MonkeyPatch()
    for name in list(os.environ):
        if name.startswith("FASTFEAST_"):
            patch.delenv(name)
    patch.setenv("FASTFEAST_ENV_FILE", "/nonexistent/.env")
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    """Commands that run in this process close what they write to others; each test begins anew."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """URL of a PostgreSQL that lives as long as the session."""
    # Not below pytest's own directory: a Unix socket's path may have 107 characters.
    home = Path(tempfile.mkdtemp(prefix="ff-"))
    settings = Settings(home=home, pii_key=SecretStr(PII_KEY))
    yield start_server(settings)
    stop_server(settings)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def contracts() -> Mapping[str, Contract]:
    """The contracts of the package."""
    return load_contracts()


@pytest.fixture(scope="session")
def template_database(server_url: str, contracts: Mapping[str, Contract]) -> str:
    """Name of a database that has been brought to the present and holds no rows."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(TEMPLATE)))
    with psycopg.connect(url_of(server_url, dbname=TEMPLATE), autocommit=True) as connection:
        migrate(connection, contracts)
    return TEMPLATE


@pytest.fixture
def database_url(server_url: str, template_database: str) -> Iterator[str]:
    """URL of a fresh, prepared database."""
    name = sql.Identifier(database := f"test_{uuid.uuid4().hex}")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {}").format(name, sql.Identifier(TEMPLATE))
        )
    yield url_of(server_url, dbname=database)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a test: its own database, landing zone and home; nothing settles."""
    return Settings(
        home=tmp_path / "home",
        landing=tmp_path / "landing",
        warehouse_url=SecretStr(database_url),
        pii_key=SecretStr(PII_KEY),
        settle_seconds=0,
    )


@pytest.fixture
def warehouse(settings: Settings, contracts: Mapping[str, Contract]) -> Warehouse:
    """The warehouse of a test."""
    warehouse = Warehouse(settings)
    warehouse.prepare(contracts)
    return warehouse


@pytest.fixture
def landing(settings: Settings) -> LandingZone:
    """The landing zone of a test, with writers of good rows."""
    return LandingZone(settings.landing_directory)


@pytest.fixture(scope="session")
def s3_variables() -> Iterator[Mapping[str, str]]:
    """Variables of an S3 server that lives as long as the session; processes see them, too."""
    with s3_server() as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield variables


@pytest.fixture
def s3_address(s3_variables: Mapping[str, str]) -> str:
    """URL of an empty prefix in a bucket of its own."""
    bucket = f"exports-{uuid.uuid4().hex}"
    fsspec.filesystem("s3").mkdir(bucket)
    return f"s3://{bucket}/landing"
