"""Whom a command about a person means: options, and values that never stand in a command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fastfeast_assets.commands.errors import USAGE, CommandError

if TYPE_CHECKING:
    from fastfeast_assets.contracts.model import Canonical
    from fastfeast_assets.warehouse.person.subject import Member, Value

ASK = "-"
FROM = "`-` asks for it, or reads a line of standard input."

PhoneOption = Annotated[
    str | None, typer.Option(help=f"Who has or had this mobile. {FROM}", show_default=False)
]
EmailOption = Annotated[
    str | None, typer.Option(help=f"Who has or had this address. {FROM}", show_default=False)
]
NationalIdOption = Annotated[
    str | None, typer.Option(help=f"Who has this national id. {FROM}", show_default=False)
]
CustomerOption = Annotated[
    str | None, typer.Option(help="The customer of this number.", show_default=False)
]
DriverOption = Annotated[
    str | None, typer.Option(help="The driver of this number.", show_default=False)
]
AgentOption = Annotated[
    str | None, typer.Option(help="The agent of this number.", show_default=False)
]

FORMS: dict[str, Canonical] = {"phone": "phone", "email": "email", "national id": "digits"}
SOURCES = ("customers", "drivers", "agents")


def asked_for(values: dict[str, str | None], numbers: dict[str, str | None]) -> Member | Value:
    """Who is meant; asks for the value where the option is `-`.

    Args:
        values: By kind of value, as `FORMS` names them.
        numbers: By source, as `SOURCES` names them.

    Raises:
        CommandError: Nobody is meant, or several.
    """
    from fastfeast_assets.warehouse.person.subject import Member, Value

    given = [(name, text) for name, text in (*values.items(), *numbers.items()) if text is not None]
    if len(given) != 1:
        raise CommandError(
            "who?" if not given else "several options name a person",
            next_step="give one of --phone, --email, --national-id, --customer, --driver, --agent",
            exit_code=USAGE,
        )
    [(name, text)] = given
    if name in SOURCES:
        return Member(name, text)
    return Value(FORMS[name], _asked(name) if text == ASK else text)


def _asked(name: str) -> str:
    if sys.stdin.isatty():
        answer: str = typer.prompt(f"The {name}, which is not shown", hide_input=True, err=True)
    else:
        answer = sys.stdin.readline()
    if not answer.strip():
        raise CommandError(f"no {name} was given", next_step="give one line", exit_code=USAGE)
    return answer.strip()
