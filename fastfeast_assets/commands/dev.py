"""`fastfeast dev`: the operators' console, from any directory."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fastfeast_assets.commands.console import stderr
from fastfeast_assets.commands.errors import USAGE, CommandError

if TYPE_CHECKING:
    from fastfeast_assets.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def dev(
    port: Annotated[int, typer.Option(help="Port of the console.", min=1, max=65535)] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Start Dagster's console and daemon over all assets, until Ctrl-C.

    Prepares the warehouse and Dagster's storage first. The console has no login: leave it on
    127.0.0.1 unless something in front of it asks who is there.

    [bold]Examples[/bold]

    fastfeast dev

    Another port:  fastfeast dev --port 3100
    """
    from fastfeast_assets.contracts.load import load_contracts
    from fastfeast_assets.settings import PROJECT_ROOT, load_settings
    from fastfeast_assets.warehouse import Warehouse

    settings = load_settings()
    _ensure_free(host, port)
    Warehouse(settings).prepare(load_contracts(settings.contracts_dir))
    environment = {**os.environ, **dev_environment(settings)}
    if host not in LOOPBACK:
        stderr().print(
            f"Warning: whoever reaches {host}:{port} can start runs and read everything; there is"
            " no login.",
            markup=False,
        )
    command = [
        str(Path(sys.executable).with_name("dagster")),
        *("dev", "--workspace", str(PROJECT_ROOT / "workspace.yaml")),
        *("--host", host, "--port", str(port)),
    ]
    sys.stdout.flush()
    sys.stderr.flush()
    # Dagster would put a `.env` of its working directory over the environment.
    os.chdir(environment["DAGSTER_HOME"])
    os.execve(command[0], command, environment)  # noqa: S606


def dev_environment(settings: Settings) -> dict[str, str]:
    """The variables that `dagster dev` and the processes below it need beside the settings.

    Paths are made absolute, because `.env` may hold relative ones and Dagster works elsewhere.
    """
    from fastfeast_assets.automation.instance import dagster_home
    from fastfeast_assets.own_key import env_file

    return {
        "DAGSTER_HOME": str(dagster_home(settings)),
        "FASTFEAST_CONTRACTS_DIR": str(settings.contracts_dir),
        "FASTFEAST_DBT_PROJECT_DIR": str(settings.dbt_project_dir),
        "FASTFEAST_ENV_FILE": str(env_file()),
        "FASTFEAST_HOME": str(settings.home),
        "FASTFEAST_LANDING": settings.landing,
    }


def _ensure_free(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CommandError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            next_step="choose another with --port or --host",
            exit_code=USAGE,
        ) from error
