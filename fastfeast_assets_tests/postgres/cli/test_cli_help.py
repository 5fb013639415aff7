"""Help that teaches, fast, for every command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from fastfeast_assets.cli import app
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The full names of all commands below one."""
    for name, command in group.commands.items():
        below = (*path, name)
        yield from commands(command, below) if hasattr(command, "commands") else [below]


COMMANDS = sorted(commands(typer.main.get_command(app)))
HEAVY = ("dagster", "pandas", "pyarrow", "dbt", "psycopg", "pydantic")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(
    bare: FastFeast, command: tuple[str, ...]
) -> None:
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


@pytest.mark.parametrize("group", [(), ("quarantine",), ("person",)], ids=" ".join)
def test_the_bare_name_is_a_question_and_no_mistake(
    bare: FastFeast, group: tuple[str, ...]
) -> None:
    result = bare(*group)
    assert result.exit_code == 0
    assert "Usage" in result.stdout
    assert "Commands" in result.stdout or "Look" in result.stdout
