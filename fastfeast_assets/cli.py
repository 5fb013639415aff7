"""The command `fastfeast`: mounts the commands and reports their errors.

What a command does is in `commands`, one module each.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from rich.text import Text

from fastfeast_assets.commands.check import check
from fastfeast_assets.commands.console import plain, stderr
from fastfeast_assets.commands.demo import demo
from fastfeast_assets.commands.dev import dev
from fastfeast_assets.commands.doctor import doctor
from fastfeast_assets.commands.dump import dump
from fastfeast_assets.commands.errors import problem_of
from fastfeast_assets.commands.groups import HelpfulGroup
from fastfeast_assets.commands.ingest import ingest
from fastfeast_assets.commands.person import person
from fastfeast_assets.commands.prune import prune
from fastfeast_assets.commands.psql import ANY_ARGUMENTS, psql
from fastfeast_assets.commands.quarantine import quarantine
from fastfeast_assets.commands.quarantine_discard import discard
from fastfeast_assets.commands.quarantine_release import release
from fastfeast_assets.commands.reprocess import reprocess
from fastfeast_assets.commands.roles import roles
from fastfeast_assets.commands.rotate_key import rotate_key
from fastfeast_assets.commands.server import stop, url
from fastfeast_assets.commands.simulate import CONTEXT_SETTINGS, simulate
from fastfeast_assets.commands.status import status
from fastfeast_assets.commands.upgrade import upgrade
from fastfeast_assets.commands.withdraw import withdraw
from fastfeast_assets.installation import SET_UP


class ErrorReportingGroup(HelpfulGroup):
    """A group whose expected errors end in one clear line and the next step, on stderr."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            console = stderr()
            for line in problem.text.splitlines():
                label = Text("Error: ", style="bold red")
                console.print(label.append(plain(line), style="default"), soft_wrap=True)
            if problem.next_step:
                console.print(f"  -> {problem.next_step}", markup=False, soft_wrap=True)
            raise typer.Exit(problem.exit_code) from None


app = typer.Typer(
    name="fastfeast",
    cls=ErrorReportingGroup,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Settings are FASTFEAST_* variables, read from the environment and from .env.",
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        try:
            number = version("fastfeast-assets")
        except PackageNotFoundError:
            number = f"(not installed; {SET_UP})"
        typer.echo(f"fastfeast {number}")
        raise typer.Exit


@app.callback()
def fastfeast(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """FastFeast's landing files and orders as a PostgreSQL star schema.

    New here? `fastfeast demo` shows a simulated day; `fastfeast doctor` checks the set-up.
    """


_WORK, _LOOK, _SERVE = "Bring data in", "Look", "Run"
app.command(rich_help_panel=_WORK)(ingest)
app.command(rich_help_panel=_WORK)(reprocess)
app.command(rich_help_panel=_WORK)(withdraw)
app.command(rich_help_panel=_WORK)(demo)
app.command(rich_help_panel=_WORK, context_settings=CONTEXT_SETTINGS)(simulate)
app.command(rich_help_panel=_LOOK)(status)
app.command(rich_help_panel=_LOOK)(doctor)
app.command(rich_help_panel=_LOOK)(check)
quarantine.command()(release)
quarantine.command()(discard)
app.add_typer(quarantine, name="quarantine", rich_help_panel=_LOOK)
app.add_typer(person, name="person", rich_help_panel=_LOOK)
app.command(rich_help_panel=_SERVE)(dev)
app.command(rich_help_panel=_SERVE, context_settings=ANY_ARGUMENTS)(psql)
app.command(rich_help_panel=_SERVE)(url)
app.command(rich_help_panel=_SERVE)(dump)
app.command(rich_help_panel=_SERVE)(stop)
app.command(rich_help_panel=_SERVE)(prune)
app.command(rich_help_panel=_SERVE)(upgrade)
app.command(rich_help_panel=_SERVE)(roles)
app.command("rotate-key", rich_help_panel=_SERVE)(rotate_key)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # Where the data of the embedded server are, when not in the home; that a key was made.
    notices = logging.StreamHandler()
    for name in ("fastfeast_assets.warehouse.server_user", "fastfeast_assets.own_key"):
        logging.getLogger(name).addHandler(notices)
    try:
        app()
    finally:
        _flush()


def _flush() -> None:
    """Write what is left, and not again at exit when the reader has gone."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
