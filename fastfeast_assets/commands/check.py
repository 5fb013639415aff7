"""`fastfeast check`: the tests of the marts over a slice of all rows, or over all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fastfeast_assets.commands.check_progress import shown_tests
from fastfeast_assets.commands.console import moment, number, print_json, stderr, stdout, table
from fastfeast_assets.commands.context import log_path, log_to_file, warehouse_connection
from fastfeast_assets.commands.errors import USAGE, CommandError
from fastfeast_assets.commands.quarantine_options import JsonOption
from fastfeast_assets.commands.quiet import quiet

if TYPE_CHECKING:
    from rich.console import Console

    from fastfeast_assets.assets.row_checks import RowChecks
    from fastfeast_assets.settings import Settings

RUNBOOK = "docs/runbooks/rows-do-not-add-up.md"


def check(
    slice_: Annotated[
        int | None,
        typer.Option(
            "--slice",
            metavar="N",
            min=1,
            max=30,
            help="Look at this thirtieth of all rows (default: the one looked at longest ago).",
            show_default=False,
        ),
    ] = None,
    is_all: Annotated[
        bool, typer.Option("--all", help="Look at all rows, and at the analysts' views.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare facts and dimensions with what they come from, whatever was written lately.

    Behind each load the keys of that load are tested. This looks at the others: at a thirtieth of
    all rows, by the hash of their key, or with --all at every row. And always at every row that
    failed before, until it passes. Each night the console does the same with one slice, so that
    each row is looked at once in 30 nights.

    Loads and transforms go on meanwhile. Nothing is changed but what is known to fail: it stands in
    ops.failed_test and ops.failed_row, and in the checks of the console after their next run.
    Exit code 1 when a test fails; a warning alone is shown and is no failure.

    [bold]Examples[/bold]

    The next slice, and what failed before:  fastfeast check

    After mending rows, or before a release:  fastfeast check --all

    For a script:  fastfeast check --json | jq -r '.failed[] | .test, .keys[]'
    """
    from fastfeast_assets.settings import load_settings

    if is_all and slice_ is not None:
        raise CommandError(
            "--all looks at every slice", next_step="give --slice or --all", exit_code=USAGE
        )
    settings = load_settings()
    found = _run(settings, slice_=slice_, is_all=is_all)
    if as_json:
        print_json(as_json_value(found))
    else:
        _print(stdout(), found)
        if not found.is_well:
            stderr().print(f"\nLog: {log_path(settings)}", markup=False, soft_wrap=True)
    if not found.is_well:
        raise typer.Exit(1)


def _run(settings: Settings, *, slice_: int | None, is_all: bool) -> RowChecks:
    with warehouse_connection(settings):
        pass
    log = log_to_file(settings)
    with quiet(log) as terminal, shown_tests(stderr(terminal.err)) as progress:
        from fastfeast_assets.assets.resources import Platform
        from fastfeast_assets.assets.row_checks import RowChecksError, check_rows

        try:
            return check_rows(
                Platform(settings), slice_=slice_, is_all=is_all, on_progress=progress
            )
        except RowChecksError as error:
            raise CommandError(
                str(error), next_step=f"run `fastfeast ingest`; the log is {log}"
            ) from error


def as_json_value(found: RowChecks) -> dict[str, Any]:
    """The result for programs."""
    return {
        "is_well": found.is_well,
        "slice": found.slice,
        "tests": len(found.ran),
        "failed": [
            {
                "test": test.test,
                "mart": test.mart,
                "severity": "error" if test.is_error else "warn",
                "rows": test.failed_rows,
                "keys": list(test.keys),
                "first_failed_at": test.first_failed_at,
                "last_failed_at": test.last_failed_at,
            }
            for test in found.failed
        ],
        "not_run": found.not_run,
    }


def _print(console: Console, found: RowChecks) -> None:
    looked = "all rows" if found.slice is None else f"slice {found.slice} of 30"
    if found.failed:
        heads = ("", "test", "of", "rows", "first keys", "since")
        rows = [
            (
                "FAIL" if test.is_error else "warn",
                test.test,
                test.mart,
                test.failed_rows,
                ", ".join(test.keys),
                moment(test.first_failed_at),
            )
            for test in found.failed
        ]
        console.print(table(f"Tests that do not pass ({looked})", heads, rows, right=("rows",)))
    for name in found.not_run:
        console.print(f"{name} broke off: what it would say is not known.", markup=False)
    errors = sum(test.is_error for test in found.failed)
    if errors:
        console.print(f"  -> how to mend them: {RUNBOOK}", markup=False)
    elif not found.not_run:
        but = ", but for the warnings above" if found.failed else ""
        console.print(
            f"All is well: {number(len(found.ran))} tests passed over {looked}{but}.", markup=False
        )
