"""The result of one check of `fastfeast doctor`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from fastfeast_assets.commands.errors import problem_of

Outcome = Literal["pass", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        check: What was looked at.
        outcome: `fail` stops the platform from working, `warn` does not.
        detail: What was seen.
        advice: What to do about it; empty when it is well.
    """

    check: str
    outcome: Outcome
    detail: str
    advice: str = ""

    def as_json(self) -> dict[str, str]:
        """The finding for programs."""
        return asdict(self)


def passed(check: str, detail: str) -> Finding:
    """All is well."""
    return Finding(check, "pass", detail)


def warned(check: str, detail: str, advice: str) -> Finding:
    """It works, but someone should know."""
    return Finding(check, "warn", detail, advice)


def failed(check: str, detail: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(check, "fail", detail, advice)


def error_text(error: Exception) -> str:
    """What an error says, without what it may give away."""
    problem = problem_of(error)
    return problem.text if problem is not None else type(error).__name__
