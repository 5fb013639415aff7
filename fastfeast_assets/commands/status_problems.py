"""What is not well, the worst first: what `fastfeast status` says first and `doctor` warns of.

Belongs here: which facts are problems, and what to do about each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastfeast_assets.commands.console import number
from fastfeast_assets.commands.doctor_machine import FREE_WARNING, GIGABYTE

if TYPE_CHECKING:
    from fastfeast_assets.commands.status_facts import Facts


@dataclass(frozen=True)
class OpenProblem:
    """Something that waits for a person.

    Attributes:
        text: What.
        advice: What to do about it.
    """

    text: str
    advice: str


def open_problems(facts: Facts) -> Iterator[OpenProblem]:
    """What is not well by these facts."""
    if facts.problem:
        yield OpenProblem(facts.problem, "fastfeast doctor")
    for text in facts.identity_problems:
        yield OpenProblem(f"nothing is loaded: {text}", "see docs/runbooks/another-identity.md")
    if facts.landing_trouble:
        yield OpenProblem(facts.landing_trouble, "mount it, or set FASTFEAST_LANDING")
    if facts.failed_files:
        yield OpenProblem(
            f"{_some(len(facts.failed_files), 'file')} could not be loaded, "
            f"such as {facts.failed_files[0]['file_path']}",
            "correct it and put it in place again, or run `fastfeast ingest --retry-failed`",
        )
    if wrong := [test for test in facts.failed_tests if test["is_error"]]:
        yield OpenProblem(
            f"{_some(sum(test['rows'] for test in wrong), 'row')} of the marts known to be wrong,"
            f" such as in {wrong[0]['mart']}",
            "`fastfeast check` names their keys",
        )
    if facts.untransformed_loads and not facts.is_at_work:
        last = next((run for run in facts.last_runs if run["status"] == "FAILURE"), None)
        failed = f"; the last failed run is one of {last['job']}" if last else ""
        yield OpenProblem(
            f"{_some(facts.untransformed_loads, 'load')} not in the marts, and nothing is at work"
            f" on it{failed}",
            "fastfeast ingest, or start the console; a failed run is told by `fastfeast dev`",
        )
    for kind, what, advice in (
        ("refused", "refused", "see below why"),
        ("nearly right name", "of a nearly right name, not loaded", "give them the right name"),
    ):
        if count := facts.landing_findings.get(kind):
            yield OpenProblem(f"{_some(count, 'file')} {what}", advice)
    if facts.vanished:
        yield OpenProblem(
            f"{_some(facts.vanished, 'loaded file')} vanished from the landing zone",
            "if what was loaded should not count: fastfeast withdraw FILE --reason TEXT",
        )
    if facts.true_orphans:
        yield OpenProblem(
            f"{_some(facts.true_orphans, 'orphan')} waiting for a parent for too long",
            "see docs/runbooks/orphans-pile-up.md",
        )
    if facts.free_bytes is not None and facts.free_bytes < FREE_WARNING:
        yield OpenProblem(
            f"{facts.free_bytes / GIGABYTE:.1f} GB free on the disk of FASTFEAST_HOME", "make room"
        )


def _some(count: int, what: str) -> str:
    return f"{number(count)} {what}{'' if count == 1 else 's'}"
