"""What Dagster's storage says of its runs and daemons, by a look at its tables.

Opening the storage itself takes a second, and makes it where there is none.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from fastfeast_assets.warehouse.connection import ServerError, connect
from fastfeast_assets.warehouse.server import DAGSTER_SCHEMA, existing_dagster_url

if TYPE_CHECKING:
    from fastfeast_assets.settings import Settings

LAST_RUNS = 5
# Daemons are heard of every 30 s, seen late when a machine is busy.
SILENT_SECONDS = 300.0

HEARD: LiteralString = "select max(timestamp) from daemon_heartbeats"
RUNS: LiteralString = """
select pipeline_name, status, start_time, end_time from runs order by id desc limit %s
"""


def look_at_dagster(
    settings: Settings, connection: psycopg.Connection
) -> tuple[datetime | None, list[dict[str, Any]]]:
    """When a daemon was last heard of, and the last runs, the newest first.

    Args:
        settings: Which may name the storage.
        connection: To the warehouse.

    Returns:
        None and nothing where there is no storage, or it does not answer.
    """
    try:
        url = existing_dagster_url(settings, connection)
        if url is None:
            return None, []
        with connect(url, autocommit=True, path=DAGSTER_SCHEMA) as storage:
            if storage.execute("select to_regclass('daemon_heartbeats')").fetchone() == (None,):
                return None, []
            row = storage.execute(HEARD).fetchone()
            heard = row[0].replace(tzinfo=UTC) if row and row[0] else None
            return heard, [_run(*run) for run in storage.execute(RUNS, [LAST_RUNS]).fetchall()]
    except (ServerError, OSError, psycopg.Error):
        # `fastfeast doctor` says what is wrong with it.
        return None, []


def is_silent(heard_at: datetime | None) -> bool:
    """Whether no daemon has been heard of of late."""
    return heard_at is None or (datetime.now(UTC) - heard_at).total_seconds() > SILENT_SECONDS


def _run(job: str, status: str, start: float | None, end: float | None) -> dict[str, Any]:
    started = None if start is None else datetime.fromtimestamp(start, UTC)
    seconds = None if start is None or end is None else round(end - start, 1)
    return {"job": job, "status": status, "started_at": started, "seconds": seconds}
