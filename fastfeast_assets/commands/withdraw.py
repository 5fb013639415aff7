"""`fastfeast withdraw`: loads are taken back, with a reason that stays on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from fastfeast_assets.commands import completion
from fastfeast_assets.commands.console import number, plain, print_json, stdout, table
from fastfeast_assets.commands.context import log_to_file, warehouse_connection
from fastfeast_assets.commands.errors import USAGE, CommandError
from fastfeast_assets.commands.marts import follow
from fastfeast_assets.commands.quarantine_options import JsonOption, TransformOption, YesOption
from fastfeast_assets.commands.quiet import quiet

if TYPE_CHECKING:
    from fastfeast_assets.assets.resources import Platform
    from fastfeast_assets.warehouse.withdraw import Untouched, Withdrawal

STILL_THERE = (
    "it still lies in the landing zone, where it is not loaded again until its content changes;"
    " `fastfeast reprocess` loads it"
)


@dataclass(frozen=True)
class Outcome:
    """What the command comes to.

    Attributes:
        files: Taken back, or to be.
        untouched: Paths of which there is nothing to take back.
        notes: By path what becomes of the file that lies there, or of another one of its day.
    """

    files: Sequence[Withdrawal]
    untouched: Sequence[Untouched]
    notes: Mapping[str, str]

    def as_json(self, *, is_dry_run: bool) -> dict[str, object]:
        """The outcome for programs."""
        return {
            "is_dry_run": is_dry_run,
            "files": [{**asdict(file), "note": self.notes[file.path]} for file in self.files],
            "untouched": [asdict(item) for item in self.untouched],
        }


def withdraw(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Loaded files, which may be gone by now.",
            show_default=False,
            autocompletion=completion.loaded_files,
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why, for the audit log.", show_default=False)],
    is_sure: YesOption = False,
    transform: TransformOption = True,
    as_json: JsonOption = False,
) -> None:
    """Take loads back: files that should not have been loaded, such as one in the wrong hour.

    Their rows leave raw, and the facts and dimensions show what the other files say. The same
    content is not loaded again under the same path, unless by `fastfeast reprocess`. Without --yes
    nothing is changed. Exit code 1 when nothing of a file is loaded, after everything else was
    done.

    [bold]Example[/bold]

    fastfeast withdraw stream/2026-11-20/12/orders.json --reason "it was that of hour 08" --yes
    """
    from fastfeast_assets.assets.resources import Platform
    from fastfeast_assets.settings import load_settings

    if not reason.strip():
        raise CommandError("the reason is empty", next_step="say why", exit_code=USAGE)
    settings = load_settings()
    log_to_file(settings)
    with warehouse_connection(settings):
        pass
    platform = Platform(settings)
    names = list(dict.fromkeys(map(platform.landing.relative, paths)))
    outcome = _withdraw(platform, names, reason.strip(), is_sure=is_sure)
    console = stdout()
    if as_json:
        print_json(outcome.as_json(is_dry_run=not is_sure))
    else:
        _print(console, outcome, is_sure=is_sure)
    if is_sure and outcome.files:
        _record(platform, outcome.files)
        follow(settings, Console(quiet=True) if as_json else console, is_wanted=transform)
    if not all(item.is_withdrawn for item in outcome.untouched):
        raise typer.Exit(1)


def _withdraw(platform: Platform, names: Sequence[str], reason: str, *, is_sure: bool) -> Outcome:
    from fastfeast_assets.warehouse import identity_guard
    from fastfeast_assets.warehouse.withdraw import Untouched, Withdrawal, look
    from fastfeast_assets.warehouse.withdraw import withdraw as take_back

    with closing(platform.warehouse.connect(autocommit=True)) as connection:
        identity_guard.ensure(connection, platform.settings, is_dry_run=not is_sure)
        found = [look(connection, platform.contracts, name) for name in names]
    if is_sure:
        found = [
            take_back(platform.warehouse, platform.contracts, item, reason=reason)
            if isinstance(item, Withdrawal)
            else item
            for item in found
        ]
    files = [item for item in found if isinstance(item, Withdrawal)]
    untouched = [item for item in found if isinstance(item, Untouched)]
    return Outcome(files, untouched, {file.path: _note(platform, file) for file in files})


def _note(platform: Platform, file: Withdrawal) -> str:
    """What lies in the landing zone of a file or in its place, and what becomes of that."""
    from fastfeast_assets.ingest.landing.layout import siblings

    folder, _, name = file.path.rpartition("/")
    found = platform.look(folders=[folder])
    next_up = {item.relative_path for item in (*found.files, *found.unsettled)}
    behind = {item.relative_path for item in found.refused}
    notes = [STILL_THERE] if file.path in next_up | behind else []
    for other in siblings(file.path, platform.contracts[file.source]):
        if other in next_up | behind:
            before = f", once {name} is gone" if other in behind else ""
            notes.append(f"the next `fastfeast ingest` loads {other} in its place{before}")
    return "; ".join(notes)


def _record(platform: Platform, files: Sequence[Withdrawal]) -> None:
    """Say in Dagster that what it shows of these partitions is in raw no more."""
    with quiet(log_to_file(platform.settings)):
        import dagster as dg

        from fastfeast_assets.assets.raw import raw_key
        from fastfeast_assets.automation.instance import open_instance

        with open_instance(platform.settings) as instance:
            for file in files:
                instance.report_runless_asset_event(
                    dg.AssetObservation(
                        raw_key(file.source),
                        partition=file.partition_key,
                        description="withdrawn; ops.audit_log has the reason",
                        metadata={"path": file.path, "rows_withdrawn": file.rows},
                    )
                )


def _print(console: Console, outcome: Outcome, *, is_sure: bool) -> None:
    if outcome.files:
        heads = ("file", "rows", "pruned before", "refused rows", "orphans waiting")
        rows = [(f.path, f.rows, f.pruned, f.refused, f.waiting) for f in outcome.files]
        title = "Withdrawn" if is_sure else "To withdraw"
        console.print(table(title, heads, rows, right=heads[1:]))
    for file in outcome.files:
        if note := outcome.notes[file.path]:
            console.print(f"{plain(file.path)}: {note}", markup=False, soft_wrap=True)
    for item in outcome.untouched:
        console.print(f"Skipped {plain(item.path)}: {item.reason}", markup=False, soft_wrap=True)
    if not is_sure:
        count = number(len(outcome.files))
        console.print(f"{count} files would be withdrawn. Nothing was changed; --yes does it.")
