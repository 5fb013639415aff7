"""The data dictionary: what every source holds, for people.

Belongs here: the text of `docs/reference/data-dictionary.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.contracts.technical import TECHNICAL_COLUMNS

_HEADER = (
    "<!-- Generated from fastfeast_assets/contracts/sources by"
    " `python -m fastfeast_assets.contracts.generate`; do not edit. -->\n"
)
_INTRODUCTION = """\
# Data dictionary

What each source promises. A row that breaks a rule is quarantined, and nothing else of its file
with it. Times in the files are on the business clock and have no zone. Personal columns are
hashed before they are stored, under the name given in the column *protection*. Confidential ones
(names, what people write) are stored scrubbed, and shown neither in reasons nor in the console.
"""
_COLUMN_HEADINGS = (
    "column",
    "type",
    "required",
    "rules",
    "protection",
    "reference",
    "description",
)


def render_dictionary(contracts: Mapping[str, Contract]) -> str:
    """The data dictionary in Markdown, a table a source."""
    index = "\n".join(
        f"- [{contract.source}](#{contract.source}), {contract.cadence}, ends in"
        f" `{contract.target}`"
        for contract in contracts.values()
    )
    sections = [_section(contract) for contract in contracts.values()]
    return _HEADER + "\n".join([_INTRODUCTION, index + "\n", *sections, _technical()])


def _protection(column: Column) -> str:
    if column.is_personal:
        return f"stored as `{column.stored_as}`"
    return "confidential" if column.is_confidential else ""


def _section(contract: Contract) -> str:
    rows = [
        (
            f"`{column.name}`" + (" (key)" if column.is_key else ""),
            column.physical_type,
            "yes" if column.required else "",
            "; ".join(_rules(column)),
            _protection(column),
            f"`{column.reference.source}.{column.reference.column}`" if column.reference else "",
            column.description,
        )
        for column in contract.columns
    ]
    parts = [
        f"## {contract.source}\n",
        f"{contract.description}\n",
        f"Owner: {contract.owner}. Cadence: {contract.cadence}, as {_or(contract.formats)}."
        f" {_service_level(contract)} {_quarantine(contract)}\n",
        _table(_COLUMN_HEADINGS, rows),
    ]
    if contract.row_rules:
        rules = (f"- `{rule.name}`: {rule.description}\n" for rule in contract.row_rules)
        parts.append("Row rules:\n\n" + "".join(rules))
    return "\n".join(parts)


def _rules(column: Column) -> Iterable[str]:
    if column.allowed is not None:
        yield "one of " + ", ".join(f"`{value}`" for value in column.allowed)
    if column.canonical == "uuid":
        yield "a UUID, kept in lower case"
    if column.pattern is not None:
        yield f"matches `{column.pattern}`"
    if column.max_length is not None:
        yield f"at most {column.max_length} characters"
    if column.minimum is not None and column.maximum is not None:
        yield f"{_bound(column.minimum)} to {_bound(column.maximum)}"
    elif column.minimum is not None:
        yield f"at least {_bound(column.minimum)}"
    elif column.maximum is not None:
        yield f"at most {_bound(column.maximum)}"


def _bound(value: Decimal | date) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _or(values: Iterable[str]) -> str:
    return " or ".join(value.upper() for value in values)


def _service_level(contract: Contract) -> str:
    if contract.sla_minutes is not None:
        return f"Loaded within {contract.sla_minutes} minutes of the end of each hour."
    return f"Loaded by the cron time `{contract.sla_cron}`, on the business clock."


def _quarantine(contract: Contract) -> str:
    return (
        f"A file warns above {contract.quarantine_warn_rows} quarantined rows or"
        f" {contract.quarantine_warn_ratio:.0%}, and fails its check above"
        f" {contract.quarantine_fail_ratio:.0%}."
    )


def _technical() -> str:
    rows = [
        (f"`{column.name}`", column.physical_type, column.description)
        for column in TECHNICAL_COLUMNS
    ]
    return (
        "## Technical columns\n\nEvery raw table carries these behind its own columns.\n\n"
        + _table(("column", "type", "description"), rows)
    )


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    escaped = ((cell.replace("|", "\\|") for cell in line) for line in lines)
    return "".join("| " + " | ".join(line) + " |\n" for line in escaped)
