"""What the schedules launch, run on a real warehouse with the real dbt project."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.automation.ingest import ingest_pending
from fastfeast_assets.build import build_definitions
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets_tests.landing import DAY, MEMBERS, LandingZone, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

# Schedules go by what a transform has built.
pytestmark = [pytest.mark.unbuilt, pytest.mark.long]

NOON = datetime(2026, 11, 20, 12, 20, tzinfo=ZoneInfo("UTC"))
STATUSES = "select sla_resolution_status as status from marts.fact_ticket order by ticket_id"
WAITING = (
    "select primary_key, status, retry_count from ops.quarantine"
    " where rejection_stage = 'orphan' order by primary_key"
)


class Clock:
    """Ticks schedules and executes what they ask for."""

    def __init__(self, settings: Settings, contracts: Mapping[str, Contract]) -> None:
        self._platform = Platform(settings, contracts=contracts)
        self.definitions = build_definitions(
            platform=self._platform, blueprint=settings, contracts=contracts
        )
        self.instance = dg.DagsterInstance.ephemeral()

    def tick(self, schedule: str, now: datetime = NOON) -> dg.RunRequest | str:
        """What a schedule asks for, or why it does not."""
        definition = self.definitions.resolve_schedule_def(schedule)
        context = dg.build_schedule_context(
            self.instance, scheduled_execution_time=now, resources={"platform": self._platform}
        )
        data = definition.evaluate_tick(context)
        return data.run_requests[0] if data.run_requests else str(data.skip_message)

    def tick_sensor(self, sensor: str) -> dg.RunRequest:
        """What a sensor asks for, with a fresh cursor."""
        context = dg.build_sensor_context(self.instance, resources={"platform": self._platform})
        result = self.definitions.resolve_sensor_def(sensor)(context)
        assert isinstance(result, dg.SensorResult)
        (request,) = result.run_requests or ()
        return request

    def run(self, schedule: str, now: datetime = NOON) -> dg.ExecuteInProcessResult:
        """Tick, and execute the run that is asked for."""
        request = self.tick(schedule, now)
        assert isinstance(request, dg.RunRequest), request
        return self.execute(self.definitions.resolve_schedule_def(schedule).job_name, request)

    def execute(self, name: str, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Execute a run of a job as it is asked for."""
        job = self.definitions.resolve_job_def(name)
        if request.asset_selection:
            job = job.get_subset(
                asset_selection=set(request.asset_selection),
                asset_check_selection=set(request.asset_check_keys or ()),
            )
        config = request.run_config
        result = job.execute_in_process(
            instance=self.instance, tags=dict(request.tags), run_config=config
        )
        assert result.success
        return result


@pytest.fixture
def clock(settings: Settings, contracts: Mapping[str, Contract]) -> Iterator[Clock]:
    clock = Clock(settings, contracts)
    with clock.instance:
        yield clock


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {
        f"{found.asset_key.to_user_string()}:{found.check_name}": found.passed
        for found in result.get_asset_check_evaluations()
    }


def metadata(result: dg.ExecuteInProcessResult, node: str) -> dict[str, Any]:
    found = result.asset_materializations_for_node(node)[0].metadata
    return {name: entry.value for name, entry in found.items()}


def test_pending_tickets_become_breached_by_the_refresh_or_an_ingest_alone(
    landing: LandingZone, load: Load, clock: Clock, query: Query, settings: Settings
) -> None:
    now = datetime.now(ZoneInfo("UTC")).replace(tzinfo=None, microsecond=0)
    landing.all_batch()
    landing.stream("orders", order(1), order(2))
    open_ticket = {"first_response_at": None, "resolved_at": None, "status": "Open"}
    half, whole = (str(now + timedelta(minutes=minutes)) for minutes in (30, 90))
    landing.stream(
        "tickets",
        ticket(1, **open_ticket, sla_first_due_at=half, sla_resolve_due_at=half),
        ticket(2, **open_ticket, sla_first_due_at=whole, sla_resolve_due_at=whole),
    )
    load()
    clock.run("orphan_retry")
    assert query(STATUSES) == [{"status": "pending"}] * 2
    clock.run("sla_refresh")
    assert query(STATUSES) == [{"status": "pending"}] * 2

    def wait_an_hour() -> None:
        """As far as the tickets know."""
        for table in ("raw.tickets", "marts.fact_ticket"):
            query(
                f"update {table} set sla_first_due_at = sla_first_due_at - interval '1 hour',"  # noqa: S608
                " sla_resolve_due_at = sla_resolve_due_at - interval '1 hour' returning 1"
            )

    wait_an_hour()
    result = clock.run("sla_refresh")
    assert query(STATUSES) == [{"status": "breached"}, {"status": "pending"}]
    built = {
        event.asset_key.to_user_string() for event in result.asset_materializations_for_node("dbt")
    }
    assert built == {
        "intermediate/int_ticket_changes",
        "intermediate/int_tickets_resolved",
        "marts/fact_ticket",
        "analytics/v_ticket_sla_performance",
    }
    assert {
        "raw/tickets:files_on_time",
        "raw/orders:data_age",
        "marts/fact_ticket:data_age",
        "analytics/v_ticket_sla_performance:data_age",
    } <= set(checks(result))
    assert "raw/customers:data_age" not in checks(result)

    runs = clock.instance.get_runs_count()
    idle = ingest_pending(settings, instance=clock.instance)
    assert (idle.is_transformed, idle.has_refreshed_levels) == (False, False)
    assert clock.instance.get_runs_count() == runs
    wait_an_hour()
    summary = ingest_pending(settings, instance=clock.instance)
    assert summary.is_success
    assert (summary.is_transformed, summary.has_refreshed_levels) == (False, True)
    assert query(STATUSES) == [{"status": "breached"}] * 2
    assert [check for check in summary.failed_checks if check.name == "data_age"] == []
    assert clock.instance.get_runs_count() == runs + 1


def test_the_hourly_retry_resolves_orphans_and_counts(
    landing: LandingZone, load: Load, clock: Clock, query: Query
) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2, customer_id=404), order(3, customer_id=405))
    load()
    first = clock.tick("orphan_retry")
    assert isinstance(first, dg.RunRequest)
    assert first.tags["fastfeast/reason"].startswith("loads of agents, categories")
    clock.run("orphan_retry")
    second, third = (row["primary_key"] for row in query(WAITING))
    query("update ops.quarantine set first_seen_at = now() - interval '25 hours' returning 1")
    assert len(query("select * from analytics.true_orphan")) == 2

    # Nothing new: the facts alone are built, and whoever waits goes on waiting.
    again = clock.tick("orphan_retry")
    assert isinstance(again, dg.RunRequest)
    assert again.tags["fastfeast/reason"] == "orphans wait"
    assert {key.path[0] for key in again.asset_selection or ()} == {"intermediate", "marts"}
    clock.run("orphan_retry")
    assert [row["retry_count"] for row in query(WAITING)] == [0, 0]

    # The parent was loaded, but no transform followed.
    landing.batch("customers", MEMBERS["customers"], {**MEMBERS["customers"], "customer_id": 404})
    load()
    clock.run("orphan_retry")
    assert query(WAITING) == [
        {"primary_key": second, "status": "resolved", "retry_count": 0},
        {"primary_key": third, "status": "open", "retry_count": 1},
    ]
    assert len(query("select * from analytics.true_orphan")) == 1
    assert len(query("select * from marts.fact_order")) == 2


def test_checks_of_the_clock_and_the_report_run_on_any_warehouse(
    landing: LandingZone, load: Load, clock: Clock
) -> None:
    """First an empty one: nothing is red. Then one with an old day: that is said."""
    assert all(checks(clock.run("hourly_service_levels")).values())
    assert all(checks(clock.run("batch_deadline")).values())
    assert clock.tick("orphan_retry") == "no orphan waits and every load has been transformed"
    assert "there are no tickets yet" in str(clock.tick("sla_refresh"))
    clock.run("retention")

    landing.all_batch()
    landing.stream("orders", order(1), order(2, total_amount=-1))
    load()
    found = checks(clock.run("batch_deadline"))
    assert set(found) == {f"raw/{s}:{c}" for s in MEMBERS for c in ("data_age", "files_on_time")}
    assert not any(found.values())
    found = checks(clock.run("hourly_service_levels"))
    assert not found["raw/orders:data_age"]
    assert not found["marts/fact_order:data_age"]
    assert found["marts/dim_date:data_age"]


def test_the_report_tells_of_a_day(landing: LandingZone, load: Load, clock: Clock) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2, total_amount=-1))
    load()
    found = metadata(clock.run("daily_quality_report"), "ops__quality_report")
    assert found["files_missing"] == 13 + 3 * 24, "of yesterday nothing is there"
    config = {"ops": {"ops__quality_report": {"config": {"day": DAY}}}}
    result = clock.execute("report_quality", dg.RunRequest(run_config=config))
    found = metadata(result, "ops__quality_report")
    assert (found["rows_in"], found["rows_loaded"], found["rows_quarantined"]) == (15, 14, 1)
    assert found["files_missing"] == 3 * 24 - 1
    page = found["report"]
    assert f"## Quality of {DAY}" in page
    assert "| orders | 1 | 24 | 0 | 2 | 1 | 1 | 50.0% |" in page
    assert "| orders | range | total_amount | 1 |" in page


def test_retention_takes_old_attempts_and_runs_and_no_data(
    landing: LandingZone, load: Load, clock: Clock, query: Query
) -> None:
    landing.stream("orders", order(1), order(2, total_amount=-1))
    load()
    landing.stream("orders", order(1))
    load()
    query(
        "insert into ops.consumed_load select 'transform', log_id from ops.pipeline_file_log"
        " returning 1"
    )
    query(
        "update ops.pipeline_file_log set processed_at = '2020-01-01', partition_at = '2020-01-02'"
        " returning 1"
    )
    query(
        "update ops.quarantine set quarantined_at = '2020-01-01', resolved_at = '2020-01-01'"
        " returning 1"
    )
    before = query("select count(*) from raw.orders"), query("select count(*) from ops.quarantine")
    runs = [clock.run("hourly_service_levels").run_id for _ in range(2)]
    clock.run("retention")
    assert len(query("select * from ops.pipeline_file_log")) == 2, "its refused row is on record"
    query("delete from ops.quarantine returning 1")
    clock.run("retention")
    assert len(query("select * from ops.pipeline_file_log")) == 1
    assert query("select count(*) from raw.orders") == before[0]
    assert json.dumps(before[1]) == '[{"count": 1}]'
    left = {record.dagster_run.run_id for record in clock.instance.get_run_records()}
    assert set(runs) <= left, "they are young"


def test_the_first_file_of_a_fresh_warehouse_reaches_the_marts(
    landing: LandingZone, clock: Clock, query: Query
) -> None:
    """A stream comes before any snapshot: what its facts rest on is built along, once."""
    landing.stream("orders", order(1), order(2))
    first = clock.tick_sensor("landing_stream")
    assert dg.AssetKey(["marts", "dim_date"]) in (first.asset_selection or ())
    clock.execute("ingest_streams", first)
    assert len(query("select * from ops.quarantine where rejection_stage = 'orphan'")) == 2
    landing.stream("orders", order(3), hour=9)
    second = clock.tick_sensor("landing_stream")
    layers = {key.to_user_string() for key in second.asset_selection or ()}
    assert {"raw/orders", "marts/fact_order", "analytics/orders_by_hour"} <= layers
    assert not {name for name in layers if name.startswith("marts/dim_")}
    landing.all_batch()
    clock.execute("ingest_batch", clock.tick_sensor("landing_batch"))
    assert len(query("select * from marts.fact_order")) == 2
    clock.execute("ingest_streams", second)
    assert len(query("select * from marts.fact_order")) == 3
    assert clock.tick("orphan_retry") == "no orphan waits and every load has been transformed"


def test_the_nightly_check_makes_known_failures_red_and_keeps_them_so(
    landing: LandingZone, load: Load, clock: Clock, query: Query
) -> None:
    assert "not all built" in str(clock.tick("nightly_check"))
    landing.all_batch()
    landing.stream("orders", order(1), order(2))
    load()
    clock.run("orphan_retry")
    query("update marts.fact_order set total_amount = 5, _loaded_at = '2026-01-01' returning 1")
    query(
        "insert into ops.checked_slice (slice) select s from generate_series(1, 30) as s"
        " where s <> (select mod(('x' || left(md5(min(order_id)), 8))::bit(32)::bigint, 30) + 1"
        " from marts.fact_order) returning 1"
    )

    def nightly() -> tuple[bool, bool | None]:
        request = clock.tick("nightly_check")
        assert isinstance(request, dg.RunRequest)
        job = clock.definitions.resolve_job_def("check_slice")
        result = job.execute_in_process(instance=clock.instance, raise_on_error=False)
        return result.success, last_said(clock, "fact_order_checksum_of_raw")

    assert nightly() == (False, False)
    assert last_said(clock, "not_null_fact_order_order_id") is True
    # Another slice, on another night.
    assert nightly() == (False, False)
    query("update marts.fact_order set total_amount = 112.5 returning 1")
    assert nightly() == (True, True)


def last_said(clock: Clock, check: str) -> bool | None:
    """Whether the check of the orders passed when it was evaluated last."""
    key = dg.AssetCheckKey(dg.AssetKey(["marts", "fact_order"]), check)
    record = clock.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    evaluation = record.evaluation
    return None if evaluation is None else evaluation.passed
