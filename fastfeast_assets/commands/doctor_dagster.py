"""What `fastfeast doctor` looks at in Dagster: its storage, and whether its daemons are at work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg

from fastfeast_assets.commands.errors import problem_of
from fastfeast_assets.commands.findings import Finding, error_text, failed, passed, warned
from fastfeast_assets.warehouse.connection import ServerError, connect
from fastfeast_assets.warehouse.server import DAGSTER_SCHEMA, dagster_storage_url

if TYPE_CHECKING:
    from fastfeast_assets.settings import Settings


def check_dagster(settings: Settings) -> Iterator[Finding]:
    """The storage, and by what is in it the daemons."""
    storage = _dagster_storage(settings)
    yield storage
    if storage.outcome == "pass":
        yield _daemons(settings)


def _dagster_storage(settings: Settings) -> Finding:
    title = "Dagster's storage"
    try:
        with connect(dagster_storage_url(settings), path=DAGSTER_SCHEMA) as connection:
            return passed(title, f"database {connection.info.dbname}")
    except ServerError as error:
        return failed(title, error_text(error), "see what it says")
    except psycopg.errors.InsufficientPrivilege as error:
        advice = "grant createdb to the role, make the database, or set FASTFEAST_DAGSTER_URL"
        return failed(title, error_text(error), advice)
    except (OSError, psycopg.Error) as error:
        variable = "WAREHOUSE" if settings.dagster_url is None else "DAGSTER"
        return failed(title, error_text(error), f"check FASTFEAST_{variable}_URL")


def _daemons(settings: Settings) -> Finding:
    from fastfeast_assets.automation.instance import open_instance, silent_daemons

    try:
        with open_instance(settings) as instance:
            silent = silent_daemons(instance, time.time())
            needed = len(instance.get_required_daemon_types())
    except Exception as error:  # noqa: BLE001 - whatever Dagster's storage is like, the rest is told
        problem = problem_of(error)
        text = problem.text if problem else f"{type(error).__name__} in Dagster's storage"
        return failed("daemons", text, problem.next_step if problem else "report this")
    if not silent:
        return passed("daemons", f"all {needed} at work")
    ages = [age for age in silent.values() if age is not None]
    last = f"last heard of {min(ages) / 60:.0f} minutes ago" if ages else "never heard of"
    detail = f"{len(silent)} of {needed} not at work, {last}"
    advice = "start them with `fastfeast dev`; until then only `fastfeast ingest` loads files"
    return warned("daemons", detail, advice)
