"""Fixtures of tests that call `fastfeast` as a user does: arguments and variables in, text out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler

import pytest
from typer.testing import CliRunner, Result

from fastfeast_assets.cli import app
from fastfeast_assets.settings import Settings

FastFeast = Callable[..., Result]


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Callable[[Settings], None]:
    """Put settings into the environment, where commands find them."""

    def put(settings: Settings) -> None:
        values = {
            "HOME": settings.home,
            "LANDING": settings.landing,
            "PII_KEY": settings.pii_key.get_secret_value(),
            "SETTLE_SECONDS": settings.settle_seconds,
            "DBT_PROJECT_DIR": settings.dbt_project_dir,
            "WAREHOUSE_URL": settings.warehouse_url.get_secret_value()
            if settings.warehouse_url is not None
            else "",
        }
        for name, value in values.items():
            monkeypatch.setenv(f"FASTFEAST_{name}", str(value))

    return put


@pytest.fixture
def bare() -> Iterator[FastFeast]:
    """Call the command with the environment as it is."""

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    yield call
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, RotatingFileHandler):
            root.removeHandler(handler)
            handler.close()


@pytest.fixture
def fastfeast(
    bare: FastFeast, settings: Settings, variables: Callable[[Settings], None]
) -> FastFeast:
    """Call the command with the settings of the test."""
    variables(settings)
    return bare
