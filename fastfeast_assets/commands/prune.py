"""`fastfeast prune`: old rows, attempts and runs leave; what is in use stays."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from fastfeast_assets.commands.console import number, print_json, stderr, stdout, table
from fastfeast_assets.commands.context import log_to_file, warehouse_connection
from fastfeast_assets.commands.errors import USAGE, CommandError
from fastfeast_assets.commands.quarantine_options import JsonOption, YesOption

if TYPE_CHECKING:
    from fastfeast_assets.commands.prune_steps import Line


class What(StrEnum):
    """What can be pruned."""

    RAW = "raw"
    QUARANTINE = "quarantine"
    LOG = "log"
    DAGSTER = "dagster"
    LANDING = "landing"


USUAL = (What.RAW, What.QUARANTINE, What.LOG, What.DAGSTER)

SHORTEST_RAW_DAYS = 7
LONGEST_DAYS = 36_500


def prune(
    what: Annotated[
        str, typer.Option(help="Some of raw, quarantine, log, dagster and landing, with commas.")
    ] = ",".join(USUAL),
    keep_days: Annotated[
        int | None,
        typer.Option(
            help="Keep what is younger than this. Default: raw 400, quarantine 180, log 400, "
            "dagster 30, landing none.",
            min=1,
            max=LONGEST_DAYS,
            show_default=False,
        ),
    ] = None,
    is_sure: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take out what is old. Without --yes only counts are shown and nothing is changed.

    raw: whole months of the stream sources, and rows of daily snapshots that only repeat the day
    before. Facts and dimensions stay. Rows of waiting orphans stay.

    quarantine: rows that were resolved, released or discarded; never open ones.

    log: attempts at files that a later one has replaced.

    dagster: runs with their event logs, but for those that hold the latest materialization of a
    partition or the latest result of a check.

    landing: landing files that are loaded, unchanged since and waited for by no row of the
    quarantine. Only where it is named, with --keep-days; deleted for good.

    [bold]Examples[/bold]

    What would go:  fastfeast prune

    Dagster's runs of more than two weeks ago:  fastfeast prune --what dagster --keep-days 14 --yes
    """
    from fastfeast_assets.commands.prune_steps import Pruner
    from fastfeast_assets.contracts.load import load_contracts
    from fastfeast_assets.settings import load_settings
    from fastfeast_assets.warehouse import Warehouse, identity_guard
    from fastfeast_assets.warehouse.retention_ops import KEEP_DAYS

    chosen = _chosen(what)
    if keep_days is not None and What.RAW in chosen and keep_days < SHORTEST_RAW_DAYS:
        raise CommandError(
            f"raw is kept for at least {SHORTEST_RAW_DAYS} days: files come late",
            next_step="give a longer time, or leave raw out of --what",
            exit_code=USAGE,
        )
    if keep_days is None and What.LANDING in chosen:
        raise CommandError(
            "landing files are deleted for good, and nothing says how long they are kept",
            next_step="give --keep-days, longer than it takes to look into a refused row",
            exit_code=USAGE,
        )
    settings = load_settings()
    log_to_file(settings)
    with warehouse_connection(settings):
        pass
    contracts = load_contracts(settings.contracts_dir)
    warehouse = Warehouse(settings)
    warehouse.prepare(contracts)
    with closing(warehouse.connect(autocommit=True)) as connection:
        identity_guard.ensure(connection, settings, is_dry_run=not is_sure)
    now = datetime.now(settings.zone)
    pruner = Pruner(settings, warehouse, contracts, is_dry_run=not is_sure)
    lines: list[Line] = []
    for item in chosen:
        before = now - timedelta(days=keep_days or KEEP_DAYS[item])
        lines += pruner.run(item.value, before)
    if as_json:
        print_json({"is_dry_run": not is_sure, "items": [line.as_json() for line in lines]})
        return
    console = stdout()
    heads = ("what", "unit", "old", "of it", "note")
    cells = [(line.what, line.unit, line.count, line.done, line.note) for line in lines]
    console.print(table("Prune", heads, cells, right=("old", "of it")))
    total = sum(line.count for line in lines)
    if is_sure:
        console.print(f"{number(sum(line.done for line in lines))} pruned.")
    else:
        console.print(f"{number(total)} would be pruned. Nothing was changed; --yes does it.")
    if any(line.is_busy for line in lines):
        stderr().print("Something was in use or not ours to delete; see the notes.")
        raise typer.Exit(1)


def _chosen(text: str) -> list[What]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in tuple(What)]
    if unknown or not names:
        raise CommandError(
            f"--what does not know {', '.join(unknown) or 'nothing'}",
            next_step=f"give some of {', '.join(What)}",
            exit_code=USAGE,
        )
    return [What(name) for name in names]
