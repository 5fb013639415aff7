"""Fixtures of tests that load files into a real warehouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.rows import dict_row

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.mask import NameMasker
from fastfeast_assets.ingest.landing import open_landing
from fastfeast_assets.ingest.landing.discover import Discovery, discover
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse, ledger
from fastfeast_assets.warehouse.load import FileReport, load_file
from fastfeast_assets.warehouse.roles.rights import SEARCH_PATH

NOW = datetime(2050, 1, 1, 12, 0, tzinfo=ZoneInfo("UTC"))

Load = Callable[..., dict[str, FileReport]]
Query = Callable[..., list[dict[str, Any]]]
READER = f"-csearch_path={','.join(SEARCH_PATH)}"


def look(settings: Settings, contracts: Mapping[str, Contract]) -> Discovery:
    """What stands in the landing zone long after the days of the tests."""
    return discover(
        open_landing(settings.landing),
        contracts,
        now=NOW,
        settle_seconds=settings.settle_seconds,
        start_date=settings.start_date,
        scrub=NameMasker(settings.pii_key_bytes).scrub,
    )


@pytest.fixture
def load(settings: Settings, warehouse: Warehouse, contracts: Mapping[str, Contract]) -> Load:
    """Load all pending files; gives the reports by path."""

    def load_pending(
        *, retry_failed: bool = False, chunk_rows: int = 50_000
    ) -> dict[str, FileReport]:
        chosen = settings.model_copy(update={"chunk_rows": chunk_rows})
        found = look(settings, contracts)
        with warehouse.connect() as connection:
            files = ledger.pending(connection, found.files, retry_failed=retry_failed)
        return {
            file.relative_path: load_file(
                warehouse,
                contracts[file.source],
                file,
                run_id="test",
                settings=chosen,
                retry_failed=retry_failed,
            )
            for file in files
        }

    return load_pending


@pytest.fixture
def query(warehouse: Warehouse) -> Query:
    """Run a statement as an analyst does and give its rows as dictionaries."""

    def run(statement: str, *parameters: object) -> list[dict[str, Any]]:
        with psycopg.connect(warehouse.dsn, options=READER) as connection:
            cursor = connection.cursor(row_factory=dict_row)
            return cursor.execute(statement.encode(), parameters).fetchall()

    return run


@pytest.fixture
def connection(warehouse: Warehouse) -> psycopg.Connection:
    """An open connection to the test's warehouse."""
    return warehouse.connect(autocommit=True)


@pytest.fixture
def reader(warehouse: Warehouse) -> Iterator[psycopg.Connection]:
    """A session that finds the public names, as analysts' do."""
    with psycopg.connect(warehouse.dsn, autocommit=True, options=READER) as connection:
        yield connection
