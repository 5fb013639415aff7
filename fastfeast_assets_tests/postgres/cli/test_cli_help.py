"""Help that teaches, fast, for every command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fastfeast_assets_tests.postgres.cli.conftest import FastFeast

COMMANDS = (
    ["ingest"],
    ["withdraw"],
    ["demo"],
    ["simulate"],
    ["status"],
    ["check"],
    ["doctor"],
    ["dev"],
    ["url"],
    ["stop"],
    ["quarantine", "list"],
    ["quarantine", "show"],
    ["quarantine", "export"],
)
HEAVY = ("dagster", "pandas", "pyarrow", "dbt", "psycopg", "pydantic")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(bare: FastFeast, command: list[str]) -> None:
    result = bare(*command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert f"fastfeast {' '.join(command)}" in result.stdout


def test_the_overview_names_every_command(bare: FastFeast) -> None:
    result = bare("--help")
    assert result.exit_code == 0
    assert all(command[0] in result.stdout for command in COMMANDS)


def test_the_overview_imports_nothing_heavy() -> None:
    """What makes `--help` slow is what it imports."""
    code = (
        "import sys; from typer.testing import CliRunner; from fastfeast_assets.cli import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert not set(HEAVY) & set(done.stdout.split())


def test_version(bare: FastFeast) -> None:
    result = bare("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("fastfeast ")


@pytest.mark.parametrize(
    "arguments",
    [["nosuch"], ["ingest", "--nosuch"], ["ingest", "/nonexistent"], ["url", "--database", "x"]],
    ids=" ".join,
)
def test_a_wrong_call_is_a_usage_error(bare: FastFeast, arguments: list[str]) -> None:
    result = bare(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
