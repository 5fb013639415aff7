"""The Dockerfile as its instructions, to try what it does without Docker."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from fastfeast_assets_tests.e2e.conftest import PROJECT

IGNORED = tuple((PROJECT / ".dockerignore").read_text().split())


@dataclass(frozen=True)
class Instruction:
    """One of them.

    Attributes:
        name: Such as `RUN`.
        text: What follows, in one line.
        stage: The number of its stage, from 0.
    """

    name: str
    text: str
    stage: int

    @property
    def words(self) -> list[str]:
        """The words of the text."""
        return shlex.split(self.text)


def instructions() -> list[Instruction]:
    """All of them, in order."""
    text = (PROJECT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found: list[Instruction] = []
    stage = -1
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name:
            stage += name == "FROM"
            found.append(Instruction(name, " ".join(rest.split()), stage))
    return found


def is_in_context(path: Path) -> bool:
    """Whether the builder gets a file of the checkout, by `.dockerignore`."""
    parts = [str(it) for it in (path, *path.parents) if str(it) != "."]
    return not any(
        fnmatch(part, pattern) or pattern == f"**/{Path(part).name}"
        for part in parts
        for pattern in IGNORED
    )
