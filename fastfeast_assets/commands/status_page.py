"""The page of `fastfeast status`: the answer, what is not well, then everything else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from fastfeast_assets.commands.console import moment, number, plain, table
from fastfeast_assets.commands.context import FIRST_STEPS, NOTHING_YET

if TYPE_CHECKING:
    from fastfeast_assets.commands.status_facts import Facts

VANISHED = (
    "what was loaded of it still counts; if it should not, for it was moved to another hour, say:"
    " fastfeast withdraw FILE --reason TEXT"
)


def print_page(console: Console, facts: Facts) -> None:
    """Print the facts for people."""
    if facts.problem:
        console.print(f"{facts.problem[0].upper()}{facts.problem[1:]}.", markup=False)
        if NOTHING_YET in facts.problem:
            console.print(f"  -> {FIRST_STEPS}", markup=False)
        console.print(table("FastFeast", ("", ""), _about_files(facts)))
        _print_landing(console, facts)
        return
    _print_verdict(console, facts)
    console.print(table("FastFeast", ("", ""), [*_about_files(facts), *_about_work(facts)]))
    _print_landing(console, facts)
    _print_failed(console, facts)
    _print_loads(console, facts)
    _print_marts(console, facts)
    _print_backlog(console, facts)


def _print_verdict(console: Console, facts: Facts) -> None:
    """The answer to whether all is well, and if not, what to do."""
    from fastfeast_assets.commands.status_problems import open_problems

    problems = list(open_problems(facts))
    if not problems:
        console.print("All is well.", style="green")
        return
    many = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    console.print(f"{many}:", style="red")
    for problem in problems:
        console.print(Text(f"  {plain(problem.text)}", style="red"), soft_wrap=True)
        console.print(f"  -> {problem.advice}", markup=False, soft_wrap=True)
    console.print()


def _about_files(facts: Facts) -> list[tuple[str, str]]:
    waiting = ", ".join(f"{source} {number(files)}" for source, files in facts.pending.items())
    findings = ", ".join(f"{number(n)} {name}" for name, n in facts.landing_findings.items())
    pending = sum(facts.pending.values())
    rows = [
        ("server", facts.server),
        ("landing zone", facts.landing),
        ("files pending", f"{number(pending)} ({waiting})" if pending else "none"),
    ]
    return [*rows, ("left alone", findings)] if findings else rows


def _about_work(facts: Facts) -> list[tuple[str, str]]:
    files = ", ".join(f"{number(count)} {name}" for name, count in facts.files.items())
    transformed = moment(facts.last_transform_at) or "never"
    if facts.untransformed_loads:
        transformed += f"; {number(facts.untransformed_loads)} loads are newer"
    newest = ", ".join(f"{source} {at:%Y-%m-%d %H:%M}" for source, at in facts.newest.items())
    runs = ", ".join(f"{run['job']} {run['status'].lower()}" for run in facts.last_runs)
    return [
        ("files handled", files or "none"),
        ("newest hour", newest or "none"),
        ("last transform", transformed),
        ("last runs", runs or "none"),
        ("console", _console(facts.console_heard_at)),
        ("refused today", f"{number(facts.quarantined_today)} rows"),
        ("orphans", _orphans(facts)),
        ("disk", "" if facts.free_bytes is None else f"{facts.free_bytes / 2**30:.1f} GB free"),
    ]


def _console(heard_at: datetime | None) -> str:
    from fastfeast_assets.commands.status_dagster import is_silent

    if heard_at is None:
        return "never at work; `fastfeast ingest` loads, or `fastfeast dev`"
    if is_silent(heard_at):
        return f"not at work since {moment(heard_at)}"
    return f"heard of {(datetime.now(UTC) - heard_at).total_seconds():.0f} s ago"


def _orphans(facts: Facts) -> str:
    waiting = sum(facts.orphans.values())
    late = f", {number(facts.true_orphans)} for too long" if facts.true_orphans else ""
    return f"{number(waiting)} waiting{late}"


def _print_landing(console: Console, facts: Facts) -> None:
    """What in the landing zone waits for a person."""
    for title, findings, kind in (
        ("Nearly right names, not loaded", facts.near_misses, "nearly right name"),
        ("Refused", facts.refused, "refused"),
    ):
        if not findings:
            continue
        console.print(Text(f"{title} ({number(facts.landing_findings[kind])})", style="yellow"))
        for finding in findings:
            line = plain(f"{finding['path']}: {finding['reason']}")
            console.print(f"  {line}", markup=False, soft_wrap=True)
        if (rest := facts.landing_findings[kind] - len(findings)) > 0:
            console.print(f"  and {number(rest)} more; `fastfeast ingest --json` lists all")
        console.print()
    if facts.vanished:
        title = f"Loaded, and vanished from the landing zone ({number(facts.vanished)})"
        console.print(Text(title, style="yellow"))
        for path in facts.vanished_files:
            console.print(f"  {plain(path)}", markup=False, soft_wrap=True)
        if (rest := facts.vanished - len(facts.vanished_files)) > 0:
            console.print(f"  and {number(rest)} more")
        console.print(f"  -> {VANISHED}\n", markup=False, soft_wrap=True)


def _print_failed(console: Console, facts: Facts) -> None:
    if facts.failed_files:
        failed = [
            (file["file_path"], file["failure_reason"], moment(file["processed_at"]))
            for file in facts.failed_files
        ]
        console.print(table("Failed files", ("file", "reason", "since"), failed))
    if facts.failed_tests:
        heads = ("table", "test", "rows")
        wrong = [(test["mart"], test["test"], number(test["rows"])) for test in facts.failed_tests]
        console.print(table("Rows known to be wrong", heads, wrong, right=("rows",)))


def _print_loads(console: Console, facts: Facts) -> None:
    if facts.last_loads:
        heads = ("when", "file", "status", "rows in", "loaded", "quarantined")
        rows = [
            (moment(load.pop("processed_at")), *load.values())
            for load in map(dict, facts.last_loads)
        ]
        console.print(table("Last loads", heads, rows, right=heads[3:]))


def _print_marts(console: Console, facts: Facts) -> None:
    if not facts.marts:
        console.print("The marts are not built yet: run `fastfeast ingest`.\n")
        return
    rows = [
        (mart.name, f"{'about ' if mart.is_estimate else ''}{number(mart.rows)}")
        for mart in facts.marts
    ]
    console.print(table("Marts", ("table", "rows"), rows, right=("rows",)))


def _print_backlog(console: Console, facts: Facts) -> None:
    from fastfeast_assets.commands.status_facts import REASONS

    sources = sorted({*facts.quarantine, *facts.orphans})
    if not sources:
        console.print("The quarantine is empty.")
        return
    heads = ("source", "refused rows", "orphans waiting")
    rows = [(name, facts.quarantine.get(name, 0), facts.orphans.get(name, 0)) for name in sources]
    console.print(table("Quarantine", heads, rows, right=heads[1:]))
    if facts.reasons:
        reasons = [tuple(reason.values()) for reason in facts.reasons[:REASONS]]
        titles = ("source", "stage", "reason", "rows")
        console.print(table("Reasons", titles, reasons, right=("rows",)))
    more = len(facts.reasons) - REASONS
    hint = f"{more} more reasons; " if more > 0 else ""
    console.print(Text(plain(f"{hint}rows: fastfeast quarantine list")))
