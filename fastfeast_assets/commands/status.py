"""`fastfeast status`: where things stand, read-only."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from fastfeast_assets.commands.console import print_json, stdout
from fastfeast_assets.commands.context import has_embedded_cluster, warehouse_connection
from fastfeast_assets.commands.errors import CommandError
from fastfeast_assets.commands.status_page import print_page

if TYPE_CHECKING:
    from fastfeast_assets.commands.status_facts import Facts
    from fastfeast_assets.settings import Settings

STARTS_WHEN_NEEDED = "stopped; it starts with the next command that needs it (fastfeast ingest)"


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Is all well? Problems first; then files, last loads and runs, marts, quarantine.

    Reads only: nothing is started, created or loaded. Exit code 0 whatever is found, 1 when a
    server cannot be reached; a probe from outside asks `fastfeast doctor`.

    [bold]Examples[/bold]

    fastfeast status

    Pending files, for a script:  fastfeast status --json | jq '.pending | add // 0'
    """
    from fastfeast_assets.commands.status_problems import open_problems
    from fastfeast_assets.settings import load_settings

    facts = collect(load_settings())
    if as_json:
        print_json({"problems": [asdict(it) for it in open_problems(facts)], **facts.as_json()})
    else:
        print_page(stdout(), facts)


def collect(settings: Settings) -> Facts:
    """Look at the landing zone, and at the warehouse if it is up."""
    from fastfeast_assets.commands.doctor_identity import identity_problems
    from fastfeast_assets.commands.doctor_machine import free_bytes
    from fastfeast_assets.commands.status_dagster import is_silent, look_at_dagster
    from fastfeast_assets.commands.status_facts import (
        Facts,
        count_by_source,
        first_findings,
        left_alone,
        look_at_landing,
        look_for_vanished,
        read,
    )
    from fastfeast_assets.contracts.load import load_contracts
    from fastfeast_assets.ingest.landing import open_landing
    from fastfeast_assets.warehouse.landing_identity import lost

    found = look_at_landing(settings, load_contracts(settings.contracts_dir))
    facts = Facts(
        server=_server(settings),
        landing=settings.landing,
        # Without a ledger nothing is done.
        pending=count_by_source(found.files),
        landing_findings=left_alone(found),
        near_misses=first_findings(found.near_misses),
        refused=first_findings(found.refused),
        free_bytes=free_bytes(settings.home),
    )
    if facts.server == STARTS_WHEN_NEEDED:
        facts.problem = "the server is stopped: files that are done cannot be told from pending"
        return facts
    try:
        with warehouse_connection(settings) as connection:
            read(connection, facts, found, settings)
            facts.console_heard_at, facts.last_runs = look_at_dagster(settings, connection)
            facts.is_at_work |= not is_silent(facts.console_heard_at)
            facts.identity_problems = identity_problems(connection, settings)
            if (trouble := lost(connection, open_landing(settings.landing))) is not None:
                facts.landing_trouble = trouble.text
            if not facts.identity_problems and not facts.landing_trouble:
                look_for_vanished(connection, facts, found)
    except CommandError as error:
        facts.problem = str(error)
    return facts


def _server(settings: Settings) -> str:
    from psycopg.conninfo import conninfo_to_dict

    from fastfeast_assets.warehouse.server import data_directory, running_pid

    if settings.warehouse_url is not None:
        parts = conninfo_to_dict(settings.warehouse_url.get_secret_value())
        return f"PostgreSQL at {parts.get('host', 'localhost')}, database {parts.get('dbname')}"
    if not has_embedded_cluster(settings):
        return "embedded PostgreSQL, never started"
    pid = running_pid(settings)
    if pid is None:
        return STARTS_WHEN_NEEDED
    return f"embedded PostgreSQL, process {pid}, in {data_directory(settings)}"
