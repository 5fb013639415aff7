"""A wheel of this checkout, made as the Dockerfile makes it, and places that any user can reach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastfeast_assets_tests.e2e.conftest import PROJECT
from fastfeast_assets_tests.package.dockerfile import instructions, is_in_context


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image's wheel is built from: what the first stage copies, and nothing else."""
    place = tmp_path_factory.mktemp("context")
    for instruction in instructions():
        if instruction.name == "COPY" and instruction.stage == 0:
            *sources, target = instruction.words
            for source in sources:
                _copy(Path(source), place / target)
    return place


def _copy(source: Path, target: Path) -> None:
    """As `COPY` does: the content of a folder, or a file into a folder."""
    files = [source] if (PROJECT / source).is_file() else (PROJECT / source).rglob("*")
    for file in files:
        path = PROJECT / file
        if path.is_file() and is_in_context(path.relative_to(PROJECT)):
            below = path.relative_to(PROJECT / source) if path != PROJECT / source else path.name
            (target / below).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / below)


@pytest.fixture(scope="session")
def wheel(context: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built by the setuptools of this environment."""
    place = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", place, context], check=True, capture_output=True)
    [made] = place.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it is installed, for this environment's Python to import from."""
    place = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


@pytest.fixture
def passable() -> Iterator[Path]:
    """A short path that every user can enter, with a blank and an umlaut in it."""
    root = Path(tempfile.mkdtemp(prefix="ff-"))
    root.chmod(0o755)
    place = root / "a ü"
    place.mkdir()
    yield place
    shutil.rmtree(root)


def bare_environment(**variables: str) -> dict[str, str]:
    """Nothing but a path to the system's programs and what is given."""
    certificates = {it: os.environ[it] for it in ("SSL_CERT_FILE",) if it in os.environ}
    return {"PATH": "/usr/bin:/bin", **certificates, **variables}


def run(unpacked: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the unpacked wheel and nothing of this checkout."""
    return subprocess.run(
        [sys.executable, *command],
        env=bare_environment(PYTHONPATH=str(unpacked), **variables),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
