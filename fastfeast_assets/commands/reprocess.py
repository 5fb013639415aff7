"""`fastfeast reprocess`: files are loaded again although the ledger says that they are done."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from fastfeast_assets.commands import completion
from fastfeast_assets.commands.console import number, plain, print_json, stderr, stdout, table
from fastfeast_assets.commands.context import log_to_file
from fastfeast_assets.commands.marts import follow
from fastfeast_assets.commands.quarantine_options import JsonOption, TransformOption, YesOption

if TYPE_CHECKING:
    import psycopg

    from fastfeast_assets.commands.reprocess_selection import Selection
    from fastfeast_assets.ingest.landing.discover import LandingFile
    from fastfeast_assets.warehouse.load import FileReport

LISTED = 30
PRUNED = "raw no longer holds its month: its values may replace newer ones in the marts"


def reprocess(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Landing files.",
            show_default=False,
            autocompletion=completion.loaded_files,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Only files of this source.", autocompletion=completion.sources),
    ] = None,
    partition: Annotated[
        str | None, typer.Option(help="A day, 2026-11-20, or an hour, 2026-11-20-08:00.")
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="First partition.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last partition, included.")] = None,
    is_sure: YesOption = False,
    transform: TransformOption = True,
    as_json: JsonOption = False,
) -> None:
    """Load landing files again although they are done: after a contract or the code has changed.

    Each file's rows are replaced in one transaction, and its open quarantined rows are judged
    anew. Files that are not in the landing zone any more are named and skipped. Without --yes
    nothing is changed. Exit code 1 when a file or a run failed, after everything else was done.

    [bold]Examples[/bold]

    One file:  fastfeast reprocess stream/2026-11-20/08/orders.json --yes

    A day of a source:  fastfeast reprocess --source orders --partition 2026-11-20 --yes

    Everything of a week:  fastfeast reprocess --from 2026-11-16 --to 2026-11-22 --yes
    """
    from fastfeast_assets.assets.resources import Platform
    from fastfeast_assets.commands.reprocess_runs import record
    from fastfeast_assets.commands.reprocess_selection import select, wanted
    from fastfeast_assets.settings import load_settings
    from fastfeast_assets.warehouse import identity_guard
    from fastfeast_assets.warehouse.load import load_file

    settings = load_settings()
    log_to_file(settings)
    platform = Platform(settings)
    request = wanted(files or (), source, partition, first, last, platform.contracts)
    with closing(platform.warehouse.connect(autocommit=True)) as connection:
        identity_guard.ensure(connection, settings, is_dry_run=not is_sure)
        selection = select(connection, platform, request)
        notes = {file.relative_path: _note(connection, file) for file in selection.files}
    run_id = str(uuid.uuid4())
    reports = [
        load_file(
            platform.warehouse,
            platform.contracts[file.source],
            file,
            run_id=run_id,
            settings=settings,
            is_forced=True,
        )
        for file in (selection.files if is_sure else ())
    ]
    console = stdout()
    if as_json:
        print_json(_as_json(selection, notes, reports, is_dry_run=not is_sure))
    elif is_sure:
        _print_reports(console, reports, selection)
    else:
        _print_plan(console, selection, notes)
    handled = {report.relative_path for report in reports if report.status in ("success", "failed")}
    failed_runs = record(platform, [f for f in selection.files if f.relative_path in handled])
    for run in failed_runs:
        stderr().print(f"Run {run} failed; see it in `fastfeast dev`.", markup=False)
    if any(report.status == "success" for report in reports):
        follow(settings, Console(quiet=True) if as_json else console, is_wanted=transform)
    if failed_runs or any(report.status == "failed" for report in reports):
        raise typer.Exit(1)


def _note(connection: psycopg.Connection, file: LandingFile) -> str:
    """What the ledger says of a file."""
    from fastfeast_assets.contracts.ddl import month_of
    from fastfeast_assets.warehouse.ledger import latest
    from fastfeast_assets.warehouse.months import Month, was_pruned

    if was_pruned(connection, Month(file.source, month_of(file.partition_at))):
        return PRUNED
    entry = latest(connection, [file.relative_path]).get(file.relative_path)
    if entry is None:
        return "not loaded before"
    return "withdrawn" if entry.is_withdrawn else entry.status


def _as_json(
    selection: Selection,
    notes: Mapping[str, str],
    reports: Sequence[FileReport],
    *,
    is_dry_run: bool,
) -> dict[str, object]:
    return {
        "is_dry_run": is_dry_run,
        "files": [{"path": path, "ledger": note} for path, note in notes.items()],
        "skipped": [{"path": path, "reason": reason} for path, reason in selection.left],
        "reports": [
            {
                "path": report.relative_path,
                "status": report.status,
                "failure_reason": report.failure_reason,
                "total": report.total,
                "valid": report.valid,
                "quarantined": report.quarantined,
            }
            for report in reports
        ],
    }


def _print_plan(console: Console, selection: Selection, notes: Mapping[str, str]) -> None:
    if notes:
        rows = list(notes.items())
        console.print(table("To load again", ("file", "ledger"), rows[:LISTED]))
        if len(rows) > LISTED:
            console.print(f"and {number(len(rows) - LISTED)} more; --json lists all")
    _print_left(console, selection)
    console.print(
        f"{number(len(notes))} files would be loaded again. Nothing was changed; --yes does it."
        if notes
        else "No file matches."
    )


def _print_reports(console: Console, reports: Sequence[FileReport], selection: Selection) -> None:
    if reports:
        heads = ("file", "status", "rows in", "loaded", "quarantined")
        rows = [(r.relative_path, r.status, r.total, r.valid, r.quarantined) for r in reports]
        console.print(table("Loaded again", heads, rows, right=heads[2:]))
    for report in reports:
        if report.failure_reason:
            console.print(
                Text(f"{plain(report.relative_path)}: {plain(report.failure_reason)}", style="red"),
                soft_wrap=True,
            )
    _print_left(console, selection)
    if not reports:
        console.print("No file matches.")


def _print_left(console: Console, selection: Selection) -> None:
    for path, reason in selection.left:
        console.print(f"Skipped {plain(path)}: {plain(reason)}", markup=False, soft_wrap=True)
