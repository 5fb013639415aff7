"""Checks have the names of the contract's rules and say what broke them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from fastfeast_assets.checks.contract_checks import (
    checks_of_reason,
    contract_check_results,
    contract_rules,
)
from fastfeast_assets.checks.file_checks import (
    files_loaded,
    quarantine_rate,
    unexpected_columns,
)
from fastfeast_assets.checks.reconciliation import Balance, reconciliation_result
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse.load import FileReport

GOOD = FileReport("orders", "stream/a/orders.json", "2026-11-20-08:00", "success", 1, total=100)
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def value(result: dg.AssetCheckResult, name: str) -> Any:
    return result.metadata[name].value


def test_every_rule_of_the_contract_has_a_check(contracts: Mapping[str, Contract]) -> None:
    assert [rule.name for rule in contract_rules(contracts["drivers"])] == [
        "schema",
        "primary_key",
        "format_driver_phone",
        "format_national_id",
        "allowed_shift",
        "range_hire_date",
        "range_rating_avg",
        "range_on_time_rate",
        "range_cancel_rate",
        "range_completed_deliveries",
        "range_created_at",
        "range_updated_at",
    ]
    names = {rule.name for rule in contract_rules(contracts["orders"])}
    assert {"delivered_at_required", "delivered_at_not_before_created"} <= names


@pytest.mark.parametrize(
    ("reason", "checks"),
    [
        ("type:total_amount", ["schema"]),
        ("required:customer_id", ["schema"]),
        ("required:order_id", ["schema", "primary_key"]),
        ("row:order_id", ["schema"]),
        ("duplicate:order_id", ["primary_key"]),
        ("allowed:order_status", ["allowed_order_status"]),
        ("range:total_amount", ["range_total_amount"]),
        ("range:customer_id", ["schema"]),
        ("delivered_at_required:delivered_at", ["delivered_at_required"]),
    ],
)
def test_each_reason_breaks_the_check_that_promises_it(
    contracts: Mapping[str, Contract], reason: str, checks: list[str]
) -> None:
    assert checks_of_reason(contracts["orders"], reason) == checks


def test_results_count_rows_and_name_files(contracts: Mapping[str, Contract]) -> None:
    other = replace(GOOD, relative_path="stream/b/orders.json")
    reports = [
        replace(GOOD, reasons={"range:total_amount": 2, "duplicate:order_id": 1}),
        replace(other, reasons={"range:total_amount": 3}),
        replace(GOOD, relative_path="stream/c/orders.json"),
    ]
    results = {r.check_name: r for r in contract_check_results(contracts["orders"], reports)}
    broken = {name for name, result in results.items() if not result.passed}
    assert broken == {"range_total_amount", "primary_key"}
    assert all(result.severity == WARN for result in results.values())
    assert value(results["range_total_amount"], "failing") == 5
    assert value(results["range_total_amount"], "reasons") == {"range:total_amount": 5}
    assert value(results["range_total_amount"], "files") == [
        "stream/a/orders.json",
        "stream/b/orders.json",
    ]


def test_a_failed_file_fails_its_check_with_reason_and_next_step() -> None:
    failed = replace(GOOD, status="failed", failure_reason="the file is empty (0 bytes)")
    result = files_loaded([GOOD, failed])
    assert not result.passed
    assert result.severity == ERROR
    assert value(result, "reasons") == {GOOD.relative_path: "the file is empty (0 bytes)"}
    assert "--retry-failed" in value(result, "next_step")
    assert files_loaded([GOOD]).passed


def test_unknown_columns_are_named() -> None:
    result = unexpected_columns([GOOD, replace(GOOD, extra_columns=["tip", "promo"])])
    assert not result.passed
    assert value(result, "columns") == ["promo", "tip"]
    assert unexpected_columns([GOOD]).passed


@pytest.mark.parametrize(
    ("total", "quarantined", "passed", "severity"),
    [
        (0, 0, True, WARN),
        (1000, 50, True, WARN),
        (1001, 51, False, WARN),
        (100, 6, False, WARN),
        (100, 20, False, WARN),
        (100, 21, False, ERROR),
    ],
)
def test_quarantine_rate_follows_the_contract(
    contracts: Mapping[str, Contract],
    total: int,
    quarantined: int,
    passed: bool,
    severity: dg.AssetCheckSeverity,
) -> None:
    report = replace(GOOD, total=total, quarantined=quarantined)
    result = quarantine_rate(contracts["orders"], [GOOD, report])
    assert (result.passed, result.severity) == (passed, severity)


def test_quarantine_rate_says_for_what_the_rows_were_refused(
    contracts: Mapping[str, Contract],
) -> None:
    reasons = {"range:order_amount": 2, "allowed:order_status": 9}
    spoiled = replace(GOOD, total=20, quarantined=11, reasons=reasons)
    slightly = replace(GOOD, total=1000, quarantined=1, reasons={"duplicate:order_id": 1})
    result = quarantine_rate(contracts["orders"], [slightly, spoiled])
    assert value(result, "reasons") == "allowed:order_status 9, range:order_amount 2"
    assert value(quarantine_rate(contracts["orders"], [GOOD]), "reasons") == "none"


@pytest.mark.parametrize(
    ("total", "valid", "quarantined", "in_raw", "in_quarantine", "passed"),
    [
        (10, 8, 2, 8, 2, True),
        (10, 8, 2, 7, 2, False),
        (10, 8, 2, 9, 2, False),
        (10, 8, 2, 8, 1, False),
        (11, 8, 2, 8, 2, False),
    ],
)
def test_rows_must_add_up(
    total: int, valid: int, quarantined: int, in_raw: int, in_quarantine: int, passed: bool
) -> None:
    balance = Balance(1, "a.csv", total, valid, quarantined, in_raw, in_quarantine)
    result = reconciliation_result([balance])
    assert result.passed is passed
    assert result.severity == ERROR
