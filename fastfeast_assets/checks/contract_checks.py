"""The checks that a contract promises: one named check for each kind of rule and column.

Belongs here: which checks a raw table has and what the reports of its files say about them.
Pure; quarantine itself happens in the loader, a check only asserts. Counting in the database is
for `reconciliation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from fastfeast_assets.contracts.model import Column, Contract

if TYPE_CHECKING:
    from fastfeast_assets.warehouse.load import FileReport

SCHEMA = "schema"
PRIMARY_KEY = "primary_key"
COLUMN_RULES = ("allowed", "format", "range")
FILES_NAMED = 20


@dataclass(frozen=True)
class Rule:
    """A check of a contract: its name, what it promises and which reasons break it."""

    name: str
    description: str


def contract_rules(contract: Contract) -> list[Rule]:
    """The checks of a source, in the order of its contract."""
    key = contract.key.name
    rules = [
        Rule(SCHEMA, "Every value has its column's type and no required value is missing."),
        Rule(PRIMARY_KEY, f"{key} is present and unique within each file."),
    ]
    for column in contract.columns:
        rules += _column_rules(column)
    rules += [Rule(rule.name, rule.description) for rule in contract.row_rules]
    return rules


def _column_rules(column: Column) -> list[Rule]:
    rules: list[Rule] = []
    if column.allowed is not None:
        values = ", ".join(column.allowed)
        rules.append(Rule(f"allowed_{column.name}", f"{column.name} is one of {values}."))
    if column.pattern is not None:
        rules.append(Rule(f"format_{column.name}", f"{column.name} matches `{column.pattern}`."))
    if column.canonical == "uuid":
        rules.append(Rule(f"format_{column.name}", f"{column.name} is a UUID."))
    if column.minimum is not None or column.maximum is not None:
        low = "" if column.minimum is None else f"at least {column.minimum}"
        high = "" if column.maximum is None else f"at most {column.maximum}"
        bounds = " and ".join(filter(None, [low, high]))
        rules.append(Rule(f"range_{column.name}", f"{column.name} is {bounds}."))
    return rules


def contract_check_specs(contract: Contract, asset_key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The specs of `contract_rules`."""
    return [
        dg.AssetCheckSpec(rule.name, asset=asset_key, description=rule.description)
        for rule in contract_rules(contract)
    ]


def checks_of_reason(contract: Contract, reason: str) -> list[str]:
    """The checks that a reason of a report (`rule:column`) breaks.

    What has no check of its own, such as a number too large for its type, breaks the schema.
    """
    rule, _, column = reason.partition(":")
    names = {known.name for known in contract_rules(contract)}
    own = rule if rule in {row_rule.name for row_rule in contract.row_rules} else f"{rule}_{column}"
    if rule == "duplicate":
        return [PRIMARY_KEY]
    if own in names:
        return [own]
    is_key_fault = column == contract.key.name and rule in {"required", "type"}
    return [SCHEMA, PRIMARY_KEY] if is_key_fault else [SCHEMA]


def contract_check_results(
    contract: Contract, reports: Sequence[FileReport]
) -> list[dg.AssetCheckResult]:
    """A result for every check: it passes when no row of these files broke the rule."""
    broken: dict[str, list[tuple[FileReport, str, int]]] = {
        rule.name: [] for rule in contract_rules(contract)
    }
    for report in reports:
        for reason, rows in report.reasons.items():
            for name in checks_of_reason(contract, reason):
                broken[name].append((report, reason, rows))
    return [_result(name, found) for name, found in broken.items()]


def _result(name: str, found: Sequence[tuple[FileReport, str, int]]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "failing": sum(rows for _, _, rows in found),
            "reasons": _sums((reason, rows) for _, reason, rows in found),
            "files": name_some(report.relative_path for report, _, _ in found),
        },
    )


def _sums(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, rows in pairs:
        sums[name] = sums.get(name, 0) + rows
    return dict(sorted(sums.items()))


def name_some(paths: Iterable[str]) -> list[str]:
    """The first distinct paths, and how many more there are."""
    distinct = list(dict.fromkeys(paths))
    rest = len(distinct) - FILES_NAMED
    return distinct[:FILES_NAMED] + ([f"and {rest} more"] if rest > 0 else [])
