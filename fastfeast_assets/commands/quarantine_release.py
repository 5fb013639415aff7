"""`fastfeast quarantine release`: refused rows that today's contract accepts go into raw."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console

from fastfeast_assets.commands.console import number, plain, print_json, shortened, stdout, table
from fastfeast_assets.commands.context import log_to_file, warehouse_connection
from fastfeast_assets.commands.marts import follow
from fastfeast_assets.commands.quarantine_options import (
    FileOption,
    Filters,
    IdsArgument,
    JsonOption,
    RuleOption,
    SourceOption,
    StageOption,
    Status,
    TransformOption,
    YesOption,
    chosen,
)

if TYPE_CHECKING:
    from fastfeast_assets.warehouse.release_file import RowOutcome

LISTED = 20
TEXT_WIDTH = 90


def release(
    ids: IdsArgument = None,
    source: SourceOption = None,
    stage: StageOption = None,
    rule: RuleOption = None,
    file: FileOption = None,
    is_sure: YesOption = False,
    transform: TransformOption = True,
    as_json: JsonOption = False,
) -> None:
    """Judge open quarantined rows again, by today's contracts, and load those that are good now.

    For when a contract was wrong and has been corrected. Rows that are still bad get their present
    reasons. Without --yes nothing is changed: what would be done is worked out and shown.

    Personal values stand in the quarantine as hashes only: a row that was refused for one cannot be
    judged again, nor one whose values do not stand in their columns. For those, load the file again
    with [bold]fastfeast reprocess[/bold].

    [bold]Examples[/bold]

    What would become of them:  fastfeast quarantine release --source orders --rule allowed

    Do it:  fastfeast quarantine release --source orders --rule allowed --yes

    Two rows:  fastfeast quarantine release 17 18 --yes
    """
    from fastfeast_assets.commands.quarantine_rows import ensure_known
    from fastfeast_assets.commands.quarantine_rows import ids as ids_of
    from fastfeast_assets.contracts.load import load_contracts
    from fastfeast_assets.settings import load_settings
    from fastfeast_assets.warehouse import Warehouse
    from fastfeast_assets.warehouse.release import release as release_rows

    filters = chosen(Filters(source, stage, rule, Status.OPEN, file, tuple(ids) if ids else None))
    settings = load_settings()
    log_to_file(settings)
    with warehouse_connection(settings) as connection:
        ensure_known(connection, settings, filters)
        wanted = ids_of(connection, filters)
    contracts = load_contracts(settings.contracts_dir)
    warehouse = Warehouse(settings)
    warehouse.prepare(contracts)
    outcomes = release_rows(
        warehouse,
        contracts,
        wanted,
        settings=settings,
        run_id=str(uuid.uuid4()),
        is_dry_run=not is_sure,
    )
    console = stdout()
    released = sum(outcome.result == "released" for outcome in outcomes)
    if as_json:
        print_json({"is_dry_run": not is_sure, "rows": [asdict(outcome) for outcome in outcomes]})
    else:
        _print(console, outcomes, is_dry_run=not is_sure)
    if is_sure and released:
        follow(settings, Console(quiet=True) if as_json else console, is_wanted=transform)


def _print(console: Console, outcomes: Sequence[RowOutcome], *, is_dry_run: bool) -> None:
    if not outcomes:
        console.print("No open row in quarantine matches.")
        return
    left = [outcome for outcome in outcomes if outcome.result != "released"]
    cells = [
        (
            str(outcome.quarantine_id),
            outcome.source_file,
            str(outcome.row_number),
            "still refused" if outcome.result == "refused" else "cannot be judged",
            shortened(outcome.text, TEXT_WIDTH),
        )
        for outcome in left[:LISTED]
    ]
    if cells:
        heads = ("id", "file", "row", "result", "why")
        console.print(table("Not released", heads, cells, right=("id", "row")))
        if len(left) > LISTED:
            console.print(f"and {number(len(left) - LISTED)} more; --json lists all")
    counts = Counter(outcome.result for outcome in outcomes)
    verb = "would be" if is_dry_run else "were"
    console.print(
        plain(
            f"{number(counts['released'])} rows {verb} released into raw, "
            f"{number(counts['refused'])} are still refused, "
            f"{number(counts['unreadable'])} cannot be judged from the quarantine."
        ),
        markup=False,
    )
    if is_dry_run:
        console.print("Nothing was changed; --yes does it.")
