"""`fastfeast quarantine list|show|export`: the refused rows and waiting orphans.

Commands that change something are in `quarantine_release` and `quarantine_discard`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from fastfeast_assets.commands.console import (
    moment,
    number,
    plain,
    print_json,
    shortened,
    stderr,
    stdout,
    table,
)
from fastfeast_assets.commands.context import warehouse_connection
from fastfeast_assets.commands.errors import CommandError
from fastfeast_assets.commands.groups import HelpfulGroup
from fastfeast_assets.commands.quarantine_options import (
    FileOption,
    Filters,
    Format,
    JsonOption,
    RuleOption,
    SourceOption,
    StageOption,
    Status,
    StatusOption,
)

if TYPE_CHECKING:
    from fastfeast_assets.commands.quarantine_rows import Row

quarantine = typer.Typer(
    cls=HelpfulGroup,
    rich_markup_mode="rich",
    help="Rows that were refused and orphans that wait, with every reason.",
)

REASON_WIDTH = 60


@quarantine.command("list")
def list_rows(
    source: SourceOption = None,
    stage: StageOption = None,
    rule: RuleOption = None,
    status: StatusOption = Status.OPEN,
    file: FileOption = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List quarantined rows, the newest first.

    [bold]Examples[/bold]

    Bad amounts in orders:  fastfeast quarantine list --source orders --rule range:order_amount

    Waiting orphans:  fastfeast quarantine list --stage orphan

    All of one day:  fastfeast quarantine list --file 'stream/2026-11-20/*' --limit 1000
    """
    from fastfeast_assets.commands.quarantine_rows import count, ensure_known, newest
    from fastfeast_assets.settings import load_settings

    filters, settings = Filters(source, stage, rule, status, file), load_settings()
    with warehouse_connection(settings) as connection:
        ensure_known(connection, settings, filters)
        total = count(connection, filters)
        rows = newest(connection, filters, limit)
    if as_json:
        print_json({"total": total, "rows": rows})
        return
    console = stdout()
    if not rows:
        console.print("No row in quarantine matches.")
        return
    heads = ("id", "file", "row", "stage", "key", "reasons")
    console.print(table("Quarantine", heads, map(_cells, rows), right=("id", "row")))
    console.print(
        f"{number(len(rows))} of {number(total)}; all about one: fastfeast quarantine show ID"
    )


def _cells(row: Row) -> tuple[object, ...]:
    from fastfeast_assets.commands.quarantine_rows import reason_texts

    texts = [shortened(text, REASON_WIDTH) for text in reason_texts(row)]
    return (
        str(row["quarantine_id"]),
        row["source_file"],
        str(row["row_number"]),
        row["rejection_stage"],
        shortened(row["primary_key"], 40),
        Text("\n".join(texts)),
    )


@quarantine.command()
def show(
    quarantine_id: Annotated[int, typer.Argument(metavar="ID", help="As `list` prints it.")],
    as_json: JsonOption = False,
) -> None:
    """Show one quarantined row: where it came from, every reason, and the row as it came.

    Personal values are hashed.

    [bold]Example[/bold]

    fastfeast quarantine show 17
    """
    from fastfeast_assets.commands.quarantine_rows import one
    from fastfeast_assets.settings import load_settings

    with warehouse_connection(load_settings()) as connection:
        row = one(connection, quarantine_id)
    if row is None:
        raise CommandError(
            f"no row in quarantine has the id {quarantine_id}",
            next_step="see `fastfeast quarantine list --status all`",
        )
    if as_json:
        print_json(row)
        return
    console = stdout()
    place = f"{row['source_file']}, row {row['row_number']}"
    facts = [
        ("file", place),
        ("goes to", row["source_table"]),
        ("key", row["primary_key"]),
        ("stage", row["rejection_stage"]),
        ("status", row["status"]),
        ("quarantined", moment(row["quarantined_at"])),
        ("first seen", moment(row["first_seen_at"])),
        ("retries", row["retry_count"] or ""),
        ("resolved", moment(row["resolved_at"])),
        ("run", row["run_id"]),
    ]
    shown = [(name, value) for name, value in facts if value not in (None, "")]
    console.print(table(f"Row {quarantine_id}", ("", ""), shown))
    heads = ("column", "rule", "value")
    reasons = [[reason.get(head) for head in heads] for reason in row["reasons"]]
    console.print(table("Reasons", heads, reasons))
    console.print(_row_table(row))


def _row_table(row: Row) -> object:
    bad = {reason.get("column") for reason in row["reasons"]}
    data = row["raw_data"] if isinstance(row["raw_data"], dict) else {"row": row["raw_data"]}
    cells = []
    for name, value in data.items():
        style = "red" if name in bad else ""
        text = json.dumps(value, ensure_ascii=False)
        cells.append((Text(plain(name), style=style), Text(plain(text), style=style)))
    return table("The row as it came", ("column", "value"), cells)


@quarantine.command()
def export(
    target: Annotated[
        str, typer.Argument(metavar="FILE", help="A .csv or .ndjson file to write; - is stdout.")
    ],
    source: SourceOption = None,
    stage: StageOption = None,
    rule: RuleOption = None,
    status: StatusOption = Status.OPEN,
    file: FileOption = None,
    limit: Annotated[int | None, typer.Option(help="At most so many, the oldest.", min=1)] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    kind: Annotated[
        Format | None,
        typer.Option("--format", help="Form of the export (default: by the name of the file)."),
    ] = None,
) -> None:
    """Write quarantined rows to a file for whoever must correct them.

    In CSV a cell that a spreadsheet would take for a formula gets a ' in front. Personal values
    are hashed.

    [bold]Examples[/bold]

    fastfeast quarantine export bad-orders.csv --source orders

    For a program:  fastfeast quarantine export - --format ndjson --status all
    """
    from fastfeast_assets.commands.quarantine_files import format_of, new_file, write
    from fastfeast_assets.commands.quarantine_rows import ensure_known, stream
    from fastfeast_assets.settings import load_settings

    chosen = format_of(target, kind)
    filters, settings = Filters(source, stage, rule, status, file), load_settings()
    with warehouse_connection(settings) as connection:
        ensure_known(connection, settings, filters)
        rows = stream(connection, filters, limit)
        if target == "-":
            write(rows, sys.stdout, chosen)
            return
        with new_file(Path(target), is_overwriting=force) as out:
            written = write(rows, out, chosen)
    stderr().print(f"Wrote {number(written)} rows to {target}.", markup=False, soft_wrap=True)
