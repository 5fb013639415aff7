"""The row rules of a source: rules over several columns of one row.

Belongs here: reading them from the custom property `rowRules` and checking that the columns
they use can serve them. Judging rows by them is in `pandera_schema`.
"""

from __future__ import annotations

from fastfeast_assets.contracts.extensions import RowRuleSpec
from fastfeast_assets.contracts.model import Column, ContractError, RowRule

_OWN_RULES = frozenset(
    {"type", "required", "allowed", "format", "range", "duplicate", "row", "orphan"}
)


def parse_row_rules(
    specs: list[RowRuleSpec], columns: tuple[Column, ...], file: str
) -> tuple[RowRule, ...]:
    """The row rules of a source, in the order of its file.

    Raises:
        ContractError: A rule's name is taken, or it uses columns that cannot serve it.
    """
    by_name = {column.name: column for column in columns}
    rules: list[RowRule] = []
    for spec in specs:
        if spec.name in _OWN_RULES or any(rule.name == spec.name for rule in rules):
            raise ContractError(
                file,
                f"the row rule name {spec.name} is taken",
                "Give each row rule a name of its own",
            )
        if (spec.kind == "required_when") != (spec.when is not None) or (
            spec.kind == "not_before"
        ) != (spec.other is not None):
            raise ContractError(
                file,
                f"row rule {spec.name}: `required_when` takes `when`, `not_before` takes `other`",
                "Give the rule what its kind takes and nothing else",
                column=spec.column,
            )
        when_column = spec.when.column if spec.when else None
        for used in filter(None, (spec.column, when_column, spec.other)):
            if used not in by_name:
                raise ContractError(
                    file,
                    f"row rule {spec.name} names the unknown column {used}",
                    f"Use one of {', '.join(by_name)}",
                    column=used,
                )
        _check_row_rule(spec, by_name, file)
        rules.append(
            RowRule(
                name=spec.name,
                column=spec.column,
                kind=spec.kind,
                description=spec.description,
                when_column=when_column,
                when_values=tuple(spec.when.values) if spec.when else (),
                other=spec.other,
            )
        )
    return tuple(rules)


def _check_row_rule(spec: RowRuleSpec, columns: dict[str, Column], file: str) -> None:
    if spec.when is not None:
        allowed = columns[spec.when.column].allowed
        unknown = sorted(set(spec.when.values) - set(allowed or ()))
        if unknown and (allowed is not None or columns[spec.when.column].kind != "text"):
            raise ContractError(
                file,
                f"row rule {spec.name} waits for {', '.join(unknown)}, which"
                f" {spec.when.column} may never hold",
                f"Use values of the enum of {spec.when.column}",
                column=spec.when.column,
            )
    if spec.other is not None:
        kinds = {columns[spec.column].kind, columns[spec.other].kind}
        if len(kinds) != 1 or not kinds <= {"date", "timestamp"}:
            raise ContractError(
                file,
                f"row rule {spec.name} compares {spec.column} with {spec.other}",
                "Compare two dates or two timestamps",
                column=spec.column,
            )
