"""`fastfeast simulate`: hands over to `simulate.command`, which is only imported when it runs."""

from __future__ import annotations

from typing import Any

import typer

# Everything behind the name belongs to the real command, `--help` included.
CONTEXT_SETTINGS: dict[str, Any] = {
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "help_option_names": [],
}


def simulate(ctx: typer.Context) -> None:
    """Write days of FastFeast files into a landing zone, dirt included."""
    from fastfeast_assets.settings import SettingsError, load_settings
    from fastfeast_assets.simulate.command import simulate as command

    defaults = {}
    try:
        defaults["out"] = str(load_settings().landing_directory)
    except SettingsError:
        # Needs no settings; without a local landing zone the place must be named.
        defaults.clear()
    app = typer.Typer(rich_markup_mode="rich", add_completion=False)
    app.command(context_settings={"help_option_names": ["-h", "--help"]})(command)
    code = typer.main.get_command(app).main(
        args=ctx.args,
        prog_name=ctx.command_path,
        standalone_mode=False,
        default_map=defaults,
    )
    if code:
        raise typer.Exit(code)
