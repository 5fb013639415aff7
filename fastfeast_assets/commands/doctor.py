"""`fastfeast doctor`: is everything as it must be, and if not, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text

from fastfeast_assets.commands.console import MARKS, print_json, stdout, table
from fastfeast_assets.commands.findings import Finding, failed, passed


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    r"""Check the whole set-up: pass, warn or fail, and what to do.

    Starts the embedded server, since only that shows that it can start; loads nothing.
    Exit code 1 when a check fails.

    [bold]Examples[/bold]

    fastfeast doctor

    Only what is not well:  fastfeast doctor --json | jq '.\[] | select(.outcome != "pass")'
    """
    findings = list(examine())
    if as_json:
        print_json([finding.as_json() for finding in findings])
    else:
        _print(findings)
    if any(finding.outcome == "fail" for finding in findings):
        raise typer.Exit(1)


def examine() -> Iterator[Finding]:
    """All checks; those that need what has failed are left out."""
    from fastfeast_assets.commands import doctor_machine as machine
    from fastfeast_assets.commands.context import close_files
    from fastfeast_assets.contracts.load import ContractError, load_contracts
    from fastfeast_assets.installation import LOCK
    from fastfeast_assets.settings import SettingsError, load_settings

    close_files()
    yield machine.check_python()
    yield machine.check_packages(LOCK)
    try:
        settings = load_settings()
    except SettingsError as error:
        for line in str(error).splitlines():
            yield failed("settings", line, "set it in the environment or in .env")
        return
    yield passed("settings", "valid")
    yield machine.check_key(settings)
    yield machine.check_user(settings)
    yield machine.check_timezone(settings)
    yield machine.check_home(settings)
    yield machine.check_disk(settings)
    yield machine.check_manifest(settings)
    try:
        contracts = load_contracts(settings.contracts_dir)
    except ContractError as error:
        yield failed("contracts", str(error), "correct the file it names")
        yield machine.check_landing(settings)
        return
    yield passed("contracts", f"{len(contracts)} sources")

    from fastfeast_assets.commands.doctor_server import check_server

    yield from check_server(settings, contracts)


def _print(findings: list[Finding]) -> None:
    console = stdout()
    rows = []
    for finding in findings:
        style, mark = MARKS[finding.outcome]
        rows.append((Text(mark, style=style), finding.check, finding.detail))
    console.print(table("fastfeast doctor", ("", "check", "found"), rows))
    for finding in findings:
        if finding.advice:
            style, mark = MARKS[finding.outcome]
            line = Text(f"{mark} ", style=style)
            line.append(f"{finding.check}: {finding.advice}", style="default")
            console.print(line, soft_wrap=True)
    bad = sum(finding.outcome == "fail" for finding in findings)
    warnings = sum(finding.outcome == "warn" for finding in findings)
    if not bad and not warnings:
        console.print("All is well.", style="green")
    else:
        console.print(f"{bad} failed, {warnings} warned.", style="red" if bad else "yellow")
