"""Schedules follow the deadlines of the contracts and the business clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest

from fastfeast_assets.assets.lineage import Lineage
from fastfeast_assets.automation.freshness import freshness_policies
from fastfeast_assets.automation.schedules import build_schedules
from fastfeast_assets.contracts.model import Contract


def crons(contracts: Mapping[str, Contract], deadline: str | None) -> dict[str, object]:
    changed = [
        replace(contract, sla_cron=deadline) if contract.source == "drivers" else contract
        for contract in contracts.values()
    ]
    schedules = build_schedules(changed, "Africa/Cairo", Lineage({}), {})
    assert {schedule.execution_timezone for schedule in schedules} == {"Africa/Cairo"}
    assert {s.default_status for s in schedules} == {dg.DefaultScheduleStatus.RUNNING}
    return {schedule.name: schedule.cron_schedule for schedule in schedules}


def test_all_run_on_the_business_clock(contracts: Mapping[str, Contract]) -> None:
    assert crons(contracts, "0 1 * * *") == {
        "batch_deadline": "5 1 * * *",
        "daily_quality_report": "30 1 * * *",
        "sla_refresh": "*/5 * * * *",
        "hourly_service_levels": "40 * * * *",
        "nightly_check": "0 4 * * *",
        "orphan_retry": "20 * * * *",
        "retention": "30 3 * * *",
    }


@pytest.mark.parametrize(
    ("deadline", "watched", "reported"),
    [
        ("30 6 * * *", "35 6 * * *", "0 7 * * *"),
        ("0 0 * * *", "5 0 * * *", "30 0 * * *"),
        ("45 23 * * *", "50 23 * * *", "15 0 * * *"),
    ],
)
def test_the_latest_deadline_counts(
    contracts: Mapping[str, Contract], deadline: str, watched: str, reported: str
) -> None:
    found = crons(contracts, deadline)
    assert (found["batch_deadline"], found["daily_quality_report"]) == (watched, reported)


def test_a_deadline_at_midnight_is_that_of_the_whole_day(
    contracts: Mapping[str, Contract],
) -> None:
    late = {"drivers": replace(contracts["drivers"], sla_cron="0 0 * * *")}
    key = dg.AssetKey(["raw", "drivers"])
    assert freshness_policies([key], late, Lineage({}), "UTC")[key] == dg.FreshnessPolicy.cron(
        deadline_cron="0 0 * * *", lower_bound_delta=timedelta(days=1), timezone="UTC"
    )
