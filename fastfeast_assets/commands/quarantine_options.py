"""What a user may ask of the quarantine: the filters, and the forms of an export."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from fastfeast_assets.commands import completion
from fastfeast_assets.commands.errors import USAGE, CommandError


class Stage(StrEnum):
    """Where a row was refused."""

    SCHEMA = "schema"
    RECORDS = "records"
    ORPHAN = "orphan"


class Status(StrEnum):
    """What has become of a quarantined row; `all` filters nothing."""

    OPEN = "open"
    RELEASED = "released"
    RESOLVED = "resolved"
    DISCARDED = "discarded"
    ALL = "all"


class Format(StrEnum):
    """The two forms of an export."""

    CSV = "csv"
    NDJSON = "ndjson"


RULES = ("type", "required", "allowed", "format", "range", "duplicate", "row", "orphan")
"""What a row can be refused by, beside the row rules of the contracts."""


@dataclass(frozen=True)
class Filters:
    """Which rows are wanted; None is any.

    Attributes:
        rule: A rule, `range`, or a rule of a column, `range:order_amount`.
        file: Path below the landing root; `*` stands for any text.
        ids: Rows by their ids.
    """

    source: str | None = None
    stage: Stage | None = None
    rule: str | None = None
    status: Status = Status.OPEN
    file: str | None = None
    ids: tuple[int, ...] | None = None


def chosen(filters: Filters) -> Filters:
    """The filters of a command that changes rows, which must name some.

    Raises:
        CommandError: Neither ids nor a filter are given.
    """
    given = (filters.ids, filters.source, filters.stage, filters.rule, filters.file)
    if not any(given):
        raise CommandError(
            "which rows?",
            next_step="give ids, as `fastfeast quarantine list` prints them, or a filter such as "
            "--source; --file '*' is all",
            exit_code=USAGE,
        )
    return filters


SourceOption = Annotated[
    str | None,
    typer.Option(help="Only of this source, such as orders.", autocompletion=completion.sources),
]
StageOption = Annotated[Stage | None, typer.Option(help="Only refused at this stage.")]
RuleOption = Annotated[
    str | None,
    typer.Option(
        help="Only for this rule: range, or range:order_amount.", autocompletion=completion.rules
    ),
]
StatusOption = Annotated[Status, typer.Option(help="Only in this state.")]
FileOption = Annotated[
    str | None,
    typer.Option(
        "--file",
        help="Only of this landing file; * is any text.",
        autocompletion=completion.loaded_files,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
IdsArgument = Annotated[
    list[int] | None,
    typer.Argument(metavar="[ID]...", help="As `list` prints them.", show_default=False),
]
YesOption = Annotated[
    bool, typer.Option("--yes/--dry-run", help="Do it; without, only show what would be done.")
]
TransformOption = Annotated[
    bool,
    typer.Option("--transform/--no-transform", help="Bring the marts up to date afterwards."),
]
