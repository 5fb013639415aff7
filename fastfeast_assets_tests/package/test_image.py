"""The Dockerfile: what it takes, who it runs as. What its commands do is tried in `test_bare`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fastfeast_assets_tests.e2e.conftest import PROJECT
from fastfeast_assets_tests.package.dockerfile import Instruction, instructions, is_in_context


def named(name: str, stage: int) -> list[Instruction]:
    return [it for it in instructions() if it.name == name and it.stage == stage]


def test_the_linter_has_nothing_to_say_and_would_say_it(tmp_path: Path) -> None:
    linter = Path(sys.executable).with_name("hadolint")
    text = (PROJECT / "Dockerfile").read_text()
    for content, code in ((text, 0), (f"{text}USER root\n", 1)):
        (tmp_path / "Dockerfile").write_text(content)
        judged = subprocess.run(
            [linter, tmp_path / "Dockerfile"], capture_output=True, text=True, check=False
        )
        assert judged.returncode == code, judged.stdout


def test_it_runs_as_a_user_with_a_name_and_without_rights() -> None:
    """Without a name, the embedded server would not know its own user."""
    last = instructions()[-1].stage
    assert last == 1
    [user] = named("USER", last)
    number = user.text.partition(":")[0]
    [run] = named("RUN", last)
    assert f"useradd --uid {number} " in run.text
    [home] = named("VOLUME", last)
    assert f"install -d -o fastfeast -g fastfeast -m 0700 {home.text}" in run.text
    assert f"FASTFEAST_HOME={home.text}" in named("ENV", last)[0].words
    names = [it.name for it in instructions() if it.stage == last]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert names.index("RUN") < names.index("USER")


def test_the_last_stage_takes_the_environment_alone() -> None:
    [copy] = named("COPY", 1)
    assert copy.text == "--from=build /opt/fastfeast /opt/fastfeast"
    assert named("ADD", 0) == named("ADD", 1) == []


def test_every_package_is_installed_by_its_hash() -> None:
    installs = [
        command
        for run in named("RUN", 0)
        for command in run.text.split(" && ")
        if "pip install" in command
    ]
    assert len(installs) == 3
    for command in installs:
        assert "--no-deps" in command
        assert "--require-hashes" in command or command.endswith("/dist/*.whl")


@pytest.mark.parametrize("instruction", named("COPY", 0), ids=lambda it: it.text.split()[0])
def test_what_it_copies_is_there_and_not_ignored(instruction: Instruction) -> None:
    for source in instruction.words[:-1]:
        assert (PROJECT / source).exists()
        assert is_in_context(Path(source))


@pytest.mark.parametrize(
    "secret", [".env", ".env.example", ".fastfeast/pg/PG_VERSION", ".git/config", ".venv/bin/dbt"]
)
def test_what_is_of_this_machine_does_not_get_to_the_builder(secret: str) -> None:
    assert not is_in_context(Path(secret))
    assert not is_in_context(Path("dbt_project/target/manifest.json"))
    assert not is_in_context(Path("fastfeast_assets/__pycache__/cli.pyc"))


def test_it_listens_where_its_health_is_asked() -> None:
    assert json.loads(named("ENTRYPOINT", 1)[0].text) == ["fastfeast"]
    assert json.loads(named("CMD", 1)[0].text) == ["dev", "--host", "0.0.0.0"]  # noqa: S104
    [port] = named("EXPOSE", 1)
    assert f"127.0.0.1:{port.text}/server_info" in named("HEALTHCHECK", 1)[0].text
