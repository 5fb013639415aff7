"""`fastfeast quarantine discard`: rows are given up, with a reason that stays on record."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from fastfeast_assets.commands.console import number, print_json, stdout, table
from fastfeast_assets.commands.context import log_to_file, warehouse_connection
from fastfeast_assets.commands.errors import USAGE, CommandError
from fastfeast_assets.commands.quarantine_options import (
    FileOption,
    Filters,
    IdsArgument,
    JsonOption,
    RuleOption,
    SourceOption,
    StageOption,
    Status,
    YesOption,
    chosen,
)

LISTED = 20


def discard(
    reason: Annotated[str, typer.Option(help="Why, for the audit log.", show_default=False)],
    ids: IdsArgument = None,
    source: SourceOption = None,
    stage: StageOption = None,
    rule: RuleOption = None,
    file: FileOption = None,
    is_sure: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give open quarantined rows up, waiting orphans among them; the reason is kept.

    They stay in the quarantine as discarded, and so does the stub member that a refused dimension
    row has left. Without --yes nothing is changed.

    [bold]Example[/bold]

    fastfeast quarantine discard --file 'stream/2026-11-20/*' --rule duplicate --reason
    "delivered twice, agreed with the exporter" --yes
    """
    from fastfeast_assets.commands.quarantine_rows import ensure_known
    from fastfeast_assets.commands.quarantine_rows import ids as ids_of
    from fastfeast_assets.contracts.load import load_contracts
    from fastfeast_assets.settings import load_settings
    from fastfeast_assets.warehouse import Warehouse
    from fastfeast_assets.warehouse.discard import discard as discard_rows

    filters = chosen(Filters(source, stage, rule, Status.OPEN, file, tuple(ids) if ids else None))
    if not reason.strip():
        raise CommandError("the reason is empty", next_step="say why", exit_code=USAGE)
    settings = load_settings()
    log_to_file(settings)
    with warehouse_connection(settings) as connection:
        ensure_known(connection, settings, filters)
        wanted = ids_of(connection, filters)
    warehouse = Warehouse(settings)
    warehouse.prepare(load_contracts(settings.contracts_dir))
    rows = discard_rows(warehouse, wanted, reason=reason.strip(), is_dry_run=not is_sure)
    if as_json:
        print_json({"is_dry_run": not is_sure, "rows": [asdict(row) for row in rows]})
        return
    console = stdout()
    if not rows:
        console.print("No open row in quarantine matches.")
        return
    cells = [(str(row.quarantine_id), row.source_file, str(row.row_number)) for row in rows]
    title = "Discarded" if is_sure else "To discard"
    console.print(table(title, ("id", "file", "row"), cells[:LISTED], right=("id", "row")))
    if len(rows) > LISTED:
        console.print(f"and {number(len(rows) - LISTED)} more; --json lists all")
    verb = "were" if is_sure else "would be"
    console.print(f"{number(len(rows))} rows {verb} discarded.")
    if not is_sure:
        console.print("Nothing was changed; --yes does it.")
