"""`fastfeast ingest`: everything pending in the landing zone to the marts, in one go."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fastfeast_assets.commands.console import print_json, stderr, stdout
from fastfeast_assets.commands.context import log_path, log_to_file
from fastfeast_assets.commands.errors import USAGE, CommandError
from fastfeast_assets.commands.ingest_progress import shown_progress
from fastfeast_assets.commands.quiet import quiet

if TYPE_CHECKING:
    from fastfeast_assets.commands.ingest_report import IngestReport
    from fastfeast_assets.settings import Settings


def _address(value: str) -> str:
    """A directory that exists, or the URL of an object store, as the settings keep it."""
    from fastfeast_assets.landing_address import landing_address

    try:
        address = landing_address(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if "://" not in address and not Path(address).is_dir():
        what = "is a file" if Path(address).exists() else "does not exist"
        raise typer.BadParameter(f"Directory '{value}' {what}.")
    return address


STOPPING = "stopping after this file; once more (Ctrl-C) stops at once"

LandingOption = Annotated[
    str | None,
    typer.Option("--landing", metavar="DIR", help="Same as DIR.", parser=_address),
]


def ingest(
    directory: Annotated[
        str | None,
        typer.Argument(
            metavar="DIR",
            help="Landing zone to read, a directory or s3://... (default: FASTFEAST_LANDING).",
            parser=_address,
            show_default=False,
        ),
    ] = None,
    landing: LandingOption = None,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Also load files whose present content has failed."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Load every pending file of the landing zone and bring the marts up to date.

    Files that are done are skipped, so running it again is always safe. Bad rows go to the
    quarantine with their reasons; a file that cannot be read stops no other file.
    Exit code 1 when a file or a run failed, after everything else was done. Ctrl-C ends after the
    file that is being loaded, a second one at once; the next ingest goes on from there.

    [bold]Examples[/bold]

    What is pending in the landing zone of the settings:  fastfeast ingest

    A landing zone elsewhere:  fastfeast ingest /srv/exports/fastfeast

    One in an object store:  fastfeast ingest s3://exports/fastfeast

    Files that failed for a reason that is now gone:  fastfeast ingest --retry-failed
    """
    from fastfeast_assets.ingest.landing import open_landing
    from fastfeast_assets.settings import load_settings

    settings = load_settings()
    if directory is not None and landing is not None and directory != landing:
        raise CommandError(
            "two landing zones are named", next_step="give DIR or --landing", exit_code=USAGE
        )
    if (chosen := directory or landing) is not None:
        # The id of the variable is that of the zone of the settings.
        own_id = settings.landing_id if chosen == settings.landing else None
        settings = settings.model_copy(update={"landing": chosen, "landing_id": own_id})
    report = run_ingest(settings, retry_failed=retry_failed)
    if as_json:
        print_json(report.as_json())
    else:
        trouble = open_landing(settings.landing).trouble()
        is_known = report.summary.landing_trouble is not None
        if trouble is not None and trouble.is_absent and not is_known:
            stderr().print(
                f"The landing zone {settings.landing} does not exist yet: set FASTFEAST_LANDING,"
                " or try `fastfeast simulate --help`",
                markup=False,
            )
        report.print(stdout(), settings.landing)
        if report.exit_code == 1:
            stderr().print(f"\nLog: {log_path(settings)}", markup=False, soft_wrap=True)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def run_ingest(
    settings: Settings, *, retry_failed: bool = False, is_loading: bool = True
) -> IngestReport:
    """Ingest with progress on stderr; what libraries print goes to the log.

    Args:
        settings: Of the platform.
        retry_failed: Also load files whose present content has failed before.
        is_loading: Whether to load what is pending; without, only the marts are brought up to
            date.

    Raises:
        psycopg.OperationalError: The warehouse cannot be reached.
        ServerError: The server cannot be used.
    """
    log = log_to_file(settings)
    with quiet(log) as terminal, shown_progress(stderr(terminal.err)) as progress:
        progress.note("starting")
        from fastfeast_assets.automation.ingest import ingest_pending
        from fastfeast_assets.commands.ingest_report import IngestReport
        from fastfeast_assets.commands.interruptible import interruptible
        from fastfeast_assets.warehouse import Warehouse

        summary, code = interruptible(
            lambda stopping: ingest_pending(
                settings,
                retry_failed=retry_failed,
                is_loading=is_loading,
                on_progress=progress.show,
                stopping=stopping,
            ),
            on_first=lambda: progress.say(STOPPING),
            on_second=progress.close,
        )
        transform_seconds = (
            time.perf_counter() - progress.transform_started if progress.transform_started else 0.0
        )
        with closing(Warehouse(settings).connect(autocommit=True)) as connection:
            return IngestReport.of(summary, connection, transform_seconds, signal_code=code)
