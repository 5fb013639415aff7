"""`fastfeast status`: where things stand, read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from fastfeast_assets.commands.console import moment, number, plain, print_json, stdout, table
from fastfeast_assets.commands.context import (
    FIRST_STEPS,
    NOTHING_YET,
    has_embedded_cluster,
    warehouse_connection,
)
from fastfeast_assets.commands.errors import CommandError

if TYPE_CHECKING:
    from fastfeast_assets.commands.status_facts import Facts
    from fastfeast_assets.settings import Settings

VANISHED = (
    "what was loaded of it still counts; if it should not, for it was moved to another hour, say:"
    " fastfeast withdraw FILE --reason TEXT"
)
STARTS_WHEN_NEEDED = "stopped; it starts with the next command that needs it (fastfeast ingest)"


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the server, files, last loads, rows of the marts, quarantine and last transform.

    Reads only: nothing is started, created or loaded.

    [bold]Examples[/bold]

    fastfeast status

    Pending files, for a script:  fastfeast status --json | jq '.pending | add // 0'
    """
    from fastfeast_assets.settings import load_settings

    facts = collect(load_settings())
    if as_json:
        print_json(facts.as_json())
    else:
        _print(stdout(), facts)


def collect(settings: Settings) -> Facts:
    """Look at the landing zone, and at the warehouse if it is up."""
    from fastfeast_assets.commands.doctor_identity import identity_problems
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

    found = look_at_landing(settings, load_contracts(settings.contracts_dir))
    facts = Facts(
        server=_server(settings),
        landing=settings.landing,
        # Without a ledger nothing is done.
        pending=count_by_source(found.files),
        landing_findings=left_alone(found),
        near_misses=first_findings(found.near_misses),
        refused=first_findings(found.refused),
    )
    if facts.server == STARTS_WHEN_NEEDED:
        facts.problem = "the server is stopped: files that are done cannot be told from pending"
        return facts
    try:
        with warehouse_connection(settings) as connection:
            read(connection, facts, found)
            facts.identity_problems = identity_problems(connection, settings)
            if not facts.identity_problems:
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


def _print(console: Console, facts: Facts) -> None:
    waiting = ", ".join(f"{source} {number(files)}" for source, files in facts.pending.items())
    findings = ", ".join(f"{number(n)} {name}" for name, n in facts.landing_findings.items())
    pending = sum(facts.pending.values())
    rows = [
        ("server", facts.server),
        ("landing zone", facts.landing),
        ("files pending", f"{number(pending)} ({waiting})" if pending else "none"),
    ]
    rows += [("left alone", findings)] if findings else []
    if facts.problem:
        console.print(table("FastFeast", ("", ""), rows))
        _print_landing(console, facts)
        console.print(f"{facts.problem[0].upper()}{facts.problem[1:]}.", markup=False)
        if NOTHING_YET in facts.problem:
            console.print(f"  -> {FIRST_STEPS}", markup=False)
        return
    files = ", ".join(f"{number(count)} {name}" for name, count in facts.files.items())
    transformed = moment(facts.last_transform_at) or "never"
    if facts.untransformed_loads:
        transformed += f"; {number(facts.untransformed_loads)} loads are newer"
    rows += [("files handled", files or "none"), ("last transform", transformed)]
    console.print(table("FastFeast", ("", ""), rows))
    for problem in facts.identity_problems:
        console.print(Text(plain(f"Nothing is loaded: {problem}"), style="red"), soft_wrap=True)
    _print_landing(console, facts)
    _print_loads(console, facts)
    _print_marts(console, facts)
    _print_backlog(console, facts)


def _print_landing(console: Console, facts: Facts) -> None:
    """What in the landing zone waits for a person."""
    for title, findings, kind in (
        ("Nearly right names, not loaded", facts.near_misses, "nearly right name"),
        ("Refused", facts.refused, "refused"),
    ):
        if not findings:
            continue
        console.print(Text(f"{title} ({number(facts.landing_findings[kind])})", style="yellow"))
        for finding in findings:
            line = plain(f"{finding['path']}: {finding['reason']}")
            console.print(f"  {line}", markup=False, soft_wrap=True)
        if (rest := facts.landing_findings[kind] - len(findings)) > 0:
            console.print(f"  and {number(rest)} more; `fastfeast ingest --json` lists all")
        console.print()
    if facts.vanished:
        title = f"Loaded, and vanished from the landing zone ({number(facts.vanished)})"
        console.print(Text(title, style="yellow"))
        for path in facts.vanished_files:
            console.print(f"  {plain(path)}", markup=False, soft_wrap=True)
        if (rest := facts.vanished - len(facts.vanished_files)) > 0:
            console.print(f"  and {number(rest)} more")
        console.print(f"  -> {VANISHED}\n", markup=False, soft_wrap=True)


def _print_loads(console: Console, facts: Facts) -> None:
    if facts.last_loads:
        heads = ("when", "file", "status", "rows in", "loaded", "quarantined")
        rows = [
            (moment(load.pop("processed_at")), *load.values())
            for load in map(dict, facts.last_loads)
        ]
        console.print(table("Last loads", heads, rows, right=heads[3:]))
    if facts.failed_files:
        failed = [
            (file["file_path"], file["failure_reason"], moment(file["processed_at"]))
            for file in facts.failed_files
        ]
        console.print(table("Failed files", ("file", "reason", "since"), failed))
        console.print("  -> correct the file, or run `fastfeast ingest --retry-failed`\n")


def _print_marts(console: Console, facts: Facts) -> None:
    if facts.failed_tests:
        heads = ("table", "test", "rows")
        wrong = [(test["mart"], test["test"], number(test["rows"])) for test in facts.failed_tests]
        console.print(table("Rows known to be wrong", heads, wrong, right=("rows",)))
        console.print("  -> `fastfeast check` names their keys\n", markup=False)
    if not facts.marts:
        console.print("The marts are not built yet: run `fastfeast ingest`.\n")
        return
    rows = [
        (mart.name, f"{'about ' if mart.is_estimate else ''}{number(mart.rows)}")
        for mart in facts.marts
    ]
    console.print(table("Marts", ("table", "rows"), rows, right=("rows",)))


def _print_backlog(console: Console, facts: Facts) -> None:
    from fastfeast_assets.commands.status_facts import REASONS

    sources = sorted({*facts.quarantine, *facts.orphans})
    if not sources:
        console.print("The quarantine is empty.")
        return
    heads = ("source", "refused rows", "orphans waiting")
    rows = [(name, facts.quarantine.get(name, 0), facts.orphans.get(name, 0)) for name in sources]
    console.print(table("Quarantine", heads, rows, right=heads[1:]))
    if facts.reasons:
        reasons = [tuple(reason.values()) for reason in facts.reasons[:REASONS]]
        titles = ("source", "stage", "reason", "rows")
        console.print(table("Reasons", titles, reasons, right=("rows",)))
    more = len(facts.reasons) - REASONS
    hint = f"{more} more reasons; " if more > 0 else ""
    console.print(Text(plain(f"{hint}rows: fastfeast quarantine list")))
