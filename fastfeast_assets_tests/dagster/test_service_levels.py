"""Freshness policies and the checks beside them: what is due when, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from fastfeast_assets.assets.lineage import Lineage
from fastfeast_assets.assets.raw import raw_key
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.automation.freshness import freshness_policies
from fastfeast_assets.checks.expected import due_partitions, newest_due
from fastfeast_assets.checks.ledger_facts import LedgerFacts, read_facts
from fastfeast_assets.checks.service_levels import data_age, files_on_time
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets_tests.landing import DAY, LandingZone, order

Contracts = Mapping[str, Contract]
CAIRO = ZoneInfo("Africa/Cairo")
UTC = ZoneInfo("UTC")
NOTHING = LedgerFacts({}, {}, {}, {}, {})
RAW_ORDERS, FACT_ORDER = raw_key("orders"), dg.AssetKey(["marts", "fact_order"])


def at(text: str, zone: ZoneInfo = UTC) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone)


def clock(text: str) -> datetime:
    return at(text).replace(tzinfo=None)


def facts(
    source: str, *partitions: str, digested: str | None = None, event: str | None = None
) -> LedgerFacts:
    """What is known when these partitions of a source have been loaded."""
    moments = [clock(partition) for partition in partitions]
    cadence = "stream" if source == "orders" else "batch"
    return LedgerFacts(
        first={cadence: min(moments)},
        newest_loaded={source: max(moments)},
        newest_digested={} if digested is None else {source: clock(digested)},
        loaded={source: frozenset(moments)},
        newest_event={} if event is None else {"fact_order": clock(event)},
    )


def value(result: dg.AssetCheckResult, name: str) -> Any:
    return result.metadata[name].value


@pytest.mark.parametrize(
    ("now", "due"),
    [("2026-11-20 12:29", "2026-11-20 09:00"), ("2026-11-20 12:30", "2026-11-20 10:00")],
)
def test_an_hour_is_due_90_minutes_after_its_end(contracts: Contracts, now: str, due: str) -> None:
    assert newest_due(contracts["orders"], at(now)) == clock(due)


@pytest.mark.parametrize(
    ("now", "due"),
    [("2026-11-20 00:59", "2026-11-19 00:00"), ("2026-11-20 01:00", "2026-11-20 00:00")],
)
@pytest.mark.parametrize("zone", [UTC, CAIRO])
def test_a_day_is_due_at_its_deadline_on_the_business_clock(
    contracts: Contracts, now: str, due: str, zone: ZoneInfo
) -> None:
    assert newest_due(contracts["customers"], at(now, zone)) == clock(due)


def test_the_minutes_of_an_hour_are_real_where_the_clock_goes_forward(
    contracts: Contracts,
) -> None:
    """In Cairo, 2026-04-24 begins at 01:00: the hour from 23:00 ends then."""
    orders = contracts["orders"]
    assert newest_due(orders, at("2026-04-24 02:29", CAIRO)) == clock("2026-04-23 22:00")
    assert newest_due(orders, at("2026-04-24 02:30", CAIRO)) == clock("2026-04-23 23:00")
    due = due_partitions(orders, at("2026-04-24 06:30", CAIRO), clock("2026-04-23 22:00"))
    assert [f"{moment:%H}" for moment in due] == ["22", "23", "01", "02", "03", "04"]


def test_an_hour_that_comes_twice_is_due_once(contracts: Contracts) -> None:
    """In Cairo, the hour from 23:00 on 2026-10-29 comes twice."""
    due = due_partitions(
        contracts["orders"], at("2026-10-30 04:30", CAIRO), clock("2026-10-29 21:00")
    )
    assert [f"{moment:%H}" for moment in due] == ["21", "22", "23", "00", "01", "02"]


@pytest.mark.parametrize("key", [RAW_ORDERS, FACT_ORDER, raw_key("customers")])
def test_nothing_is_red_before_anything_was_loaded(contracts: Contracts, key: dg.AssetKey) -> None:
    contract = contracts["customers" if key == raw_key("customers") else "orders"]
    result = data_age(key, [contract], NOTHING, at("2026-11-20 12:00"))
    assert result.passed
    assert "Nothing has been loaded yet" in (result.description or "")
    assert files_on_time(key, contract, NOTHING, at("2026-11-20 12:00")).passed


def test_the_first_hours_of_a_warehouse_are_not_blamed_for_the_days_before(
    contracts: Contracts,
) -> None:
    found = facts("orders", "2026-11-20 10:00", "2026-11-20 11:00")
    result = files_on_time(RAW_ORDERS, contracts["orders"], found, at("2026-11-20 14:00"))
    assert result.passed
    assert value(result, "due") == 2


def test_a_late_hour_is_named(contracts: Contracts) -> None:
    orders = contracts["orders"]
    found = facts("orders", "2026-11-20 08:00", "2026-11-20 10:00")
    age = data_age(RAW_ORDERS, [orders], found, at("2026-11-20 13:30"))
    assert not age.passed
    assert age.severity == dg.AssetCheckSeverity.ERROR
    assert age.description == "orders: newest is 2026-11-20 10:00, due is 2026-11-20 11:00"
    missing = files_on_time(RAW_ORDERS, orders, found, at("2026-11-20 13:30"))
    assert not missing.passed
    assert value(missing, "missing_partitions") == ["2026-11-20 11:00", "2026-11-20 09:00"]
    assert data_age(RAW_ORDERS, [orders], found, at("2026-11-20 13:29")).passed


def test_a_table_is_as_old_as_what_has_reached_it(contracts: Contracts) -> None:
    """Raw has the hour, the fact has not: dbt failed."""
    found = facts("orders", "2026-11-20 08:00", "2026-11-20 11:00", digested="2026-11-20 08:00")
    now, orders = at("2026-11-20 13:30"), [contracts["orders"]]
    assert data_age(RAW_ORDERS, orders, found, now).passed
    result = data_age(FACT_ORDER, orders, found, now)
    assert not result.passed
    assert value(result, "newest_orders") == "2026-11-20 08:00"


def test_files_on_time_with_old_rows_in_them_are_a_warning(contracts: Contracts) -> None:
    found = facts(
        "orders", "2026-11-20 11:00", digested="2026-11-20 11:00", event="2026-11-20 07:00"
    )
    result = data_age(FACT_ORDER, [contracts["orders"]], found, at("2026-11-20 13:30"))
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert value(result, "newest_event_age_minutes") == 390
    assert "2026-11-20 07:00" in (result.description or "")


def test_an_old_day_that_is_loaded_today_is_old_and_says_why(contracts: Contracts) -> None:
    found = facts("orders", "2026-09-01 08:00", digested="2026-09-01 08:00")
    now, orders = at("2026-11-20 13:30"), contracts["orders"]
    for key in (RAW_ORDERS, FACT_ORDER):
        result = data_age(key, [orders], found, now)
        assert not result.passed
        assert "newest files are of 2026-09-01 08:00: if they are an export of old days" in (
            result.description or ""
        )
    missing = files_on_time(RAW_ORDERS, orders, found, now)
    assert not missing.passed
    assert "export of old days" in (missing.description or "")


def test_a_source_that_never_came_is_missed_once_the_others_come(contracts: Contracts) -> None:
    found = facts("customers", "2026-11-19 00:00")
    drivers = contracts["drivers"]
    result = data_age(raw_key("drivers"), [drivers], found, at("2026-11-20 12:00"))
    assert "drivers: newest is none" in (result.description or "")
    assert not files_on_time(raw_key("drivers"), drivers, found, at("2026-11-20 12:00")).passed


def test_the_facts_are_read_from_the_warehouse(
    landing: LandingZone, platform: Platform, contracts: Contracts, settings: Settings
) -> None:
    """Master files count for nothing, an event of the future is not the newest."""
    landing.put("master/teams.csv", "team_id,team_name\n1,Refunds\n")
    landing.batch("cities")
    for hour in (8, 9):
        landing.stream("orders", order(hour), hour=hour)
    for file in platform.look().files:
        contract = contracts[file.source]
        load_file(platform.warehouse, contract, file, run_id="test", settings=settings)
    now = clock(f"{DAY} 12:00")
    with platform.warehouse.connect(autocommit=True) as connection:
        connection.execute(
            "insert into ops.consumed_load select 'fact_order', log_id"
            " from ops.pipeline_file_log where file_path like '%/08/orders.json'"
        )
        connection.execute("create table marts.fact_order (created_at timestamp, date_key int)")
        connection.execute(
            "insert into marts.fact_order values ('2026-11-18 23:50', 20261118),"
            " ('2026-11-19 18:00', 20261119), ('2031-01-01', 20310101)"
        )
        found = read_facts(connection, contracts, settings.start_date, now)
        later = read_facts(connection, contracts, settings.start_date, now + timedelta(days=300))
    assert found.first == {"batch": clock(f"{DAY} 00:00"), "stream": clock(f"{DAY} 08:00")}
    assert "teams" not in found.newest_loaded
    assert found.newest_loaded["orders"] == clock(f"{DAY} 09:00")
    assert found.newest_digested["orders"] == clock(f"{DAY} 08:00")
    assert found.loaded["orders"] == {clock(f"{DAY} 08:00"), clock(f"{DAY} 09:00")}
    assert found.newest_event == {"fact_order": clock("2026-11-18 23:50")}
    assert later.newest_loaded == found.newest_loaded
    assert later.newest_digested == found.newest_digested
    assert later.loaded == {}


def policy_of(key: str, contracts: Contracts, parents: dict[str, list[str]]) -> dg.FreshnessPolicy:
    def asset(text: str) -> dg.AssetKey:
        return dg.AssetKey(text.split("/"))

    lineage = Lineage({asset(k): [asset(p) for p in v] for k, v in parents.items()})
    policies = freshness_policies([asset(key)], contracts, lineage, "Africa/Cairo")
    return policies[asset(key)]


MODELS = {
    "staging/stg_customers": ["raw/customers"],
    "marts/dim_customer": ["staging/stg_customers"],
    "marts/fact_order": ["raw/orders", "marts/dim_customer"],
    "marts/dim_date": [],
    "analytics/orders_by_hour": ["marts/fact_order"],
    "analytics/daily_file_summary": ["ops/pipeline_file_log"],
    "analytics/v_ticket_sla_performance": ["marts/fact_order"],
}


@pytest.mark.parametrize("key", ["raw/customers", "marts/dim_customer"])
def test_snapshots_have_a_deadline_on_the_business_clock(contracts: Contracts, key: str) -> None:
    """The day that the snapshot is of begins at midnight."""
    assert policy_of(key, contracts, MODELS) == dg.FreshnessPolicy.cron(
        deadline_cron="0 1 * * *", lower_bound_delta=timedelta(hours=1), timezone="Africa/Cairo"
    )


@pytest.mark.parametrize(
    "key",
    [
        "raw/orders",
        "marts/fact_order",
        "analytics/orders_by_hour",
        "analytics/daily_file_summary",
    ],
)
def test_streams_may_pause_for_an_hour_and_90_minutes(contracts: Contracts, key: str) -> None:
    """One hour's folder comes right after its end, the next 90 minutes after its own."""
    assert policy_of(key, contracts, MODELS) == dg.FreshnessPolicy.time_window(
        fail_window=timedelta(minutes=150), warn_window=timedelta(minutes=90)
    )


def test_the_sla_view_is_never_older_than_10_minutes(contracts: Contracts) -> None:
    policy = policy_of("analytics/v_ticket_sla_performance", contracts, MODELS)
    assert policy == dg.FreshnessPolicy.time_window(
        fail_window=timedelta(minutes=10), warn_window=timedelta(minutes=7)
    )


def test_the_calendar_is_built_daily_and_other_layers_have_no_policy(
    contracts: Contracts,
) -> None:
    assert policy_of("marts/dim_date", contracts, MODELS) == dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=49), warn_window=timedelta(hours=25)
    )
    keys = [dg.AssetKey(["staging", "stg_orders"]), dg.AssetKey(["landing", "orders"])]
    assert freshness_policies(keys, contracts, Lineage({}), "UTC") == {}
