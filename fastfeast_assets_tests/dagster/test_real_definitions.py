"""The code location as it is shipped: the real contracts and the real dbt project.

`make snapshot` writes the list of everything in it again; the difference is for review.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from fastfeast_assets.assets.dbt import build_dbt_assets
from fastfeast_assets.assets.lineage import Lineage
from fastfeast_assets.build import build_definitions
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import PROJECT_ROOT, Blueprint

SNAPSHOT = Path(__file__).with_name("definitions.txt")
LOADS_WITHOUT_NETWORK = """
import socket
def refuse(*_, **__):
    raise AssertionError("definitions must not connect")
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = refuse
socket.getaddrinfo = refuse
import dagster
from fastfeast_assets.definitions import defs
dagster.Definitions.validate_loadable(defs)
print(len(defs.resolve_asset_graph().get_all_asset_keys()))
"""
CLOCK_CHECKS = {"data_age", "files_on_time", "names_are_known"}
WATCHED = ("raw", "marts", "analytics")
BATCH_FACTS_NEED = ("marts/fact_order", "marts/fact_ticket", "marts/fact_ticket_event")


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(blueprint=Blueprint())


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions) -> dg.AssetGraph:
    return definitions.resolve_asset_graph()


@pytest.fixture(scope="module")
def lineage(contracts: Mapping[str, Contract]) -> Lineage:
    return Lineage.of(build_dbt_assets(Blueprint().dbt_project_dir, contracts))


def described(definitions: dg.Definitions, graph: dg.AssetGraph) -> list[str]:
    """A line for everything that an operator sees."""
    repository = definitions.get_repository_def()
    lines = [f"asset {key.to_user_string()}" for key in graph.get_all_asset_keys()]
    lines += [
        f"check {key.asset_key.to_user_string()}: {key.name}" for key in graph.asset_check_keys
    ]
    lines += [f"job {job.name}" for job in definitions.resolve_all_job_defs()]
    for schedule in repository.schedule_defs:
        when = f"{schedule.cron_schedule} {schedule.execution_timezone}"
        status = schedule.default_status.name
        lines.append(f"schedule {schedule.name}: {when}, {schedule.job_name}, {status}")
    for sensor in repository.sensor_defs:
        lines.append(f"sensor {sensor.name}: {sensor.job_name}, {sensor.default_status.name}")
    return sorted(lines)


def test_everything_is_as_in_the_snapshot(
    definitions: dg.Definitions, graph: dg.AssetGraph
) -> None:
    found = described(definitions, graph)
    if os.environ.get("UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text("\n".join(found) + "\n")
    expected = SNAPSHOT.read_text().splitlines()
    assert sorted(set(found) - set(expected)) == [], "new; if meant: make snapshot"
    assert sorted(set(expected) - set(found)) == [], "gone; if meant: make snapshot"


def test_they_load_without_database_and_network(tmp_path: Path) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(PROJECT_ROOT),
        "FASTFEAST_HOME": str(tmp_path / "home"),
        "FASTFEAST_ENV_FILE": "/nonexistent/.env",
        "FASTFEAST_WAREHOUSE_URL": "postgresql://nobody@192.0.2.1:5432/nothing",
    }
    done = subprocess.run(
        [sys.executable, "-c", LOADS_WITHOUT_NETWORK],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100
    assert not (tmp_path / "home").exists()


def test_every_raw_mart_and_analytics_asset_is_owned_described_and_watched(
    graph: dg.AssetGraph,
) -> None:
    keys = [key for key in graph.get_all_asset_keys() if key.path[0] in WATCHED]
    assert len(keys) > 50
    checked = {key.asset_key for key in graph.asset_check_keys if key.name != "data_age"}
    aged = {key.asset_key for key in graph.asset_check_keys if key.name == "data_age"}
    for key in keys:
        node = graph.get(key)
        name = key.to_user_string()
        assert node.owners, name
        assert node.description, name
        assert node.freshness_policy is not None, name
        assert key in aged, name
        assert key in checked or key.path[0] == "analytics", name


def test_checks_that_stop_what_is_behind_them_say_how_to_go_on(graph: dg.AssetGraph) -> None:
    kinds = ("reconciliation", "_reconciled_with_raw", "_checksum_of_raw", "_follows_its_sources")
    keys = [key for key in graph.asset_check_keys if key.name.endswith(kinds)]
    assert len(keys) == 16 + 3 + 3 + 1
    for key in keys:
        assert "fastfeast reprocess" in (graph.get(key).description or ""), key


def test_checks_of_the_clock_belong_to_no_load_and_no_transform(
    definitions: dg.Definitions,
) -> None:
    for name in ("load_batch", "load_streams", "ingest_batch", "ingest_streams", "transform"):
        graph = definitions.resolve_job_def(name).asset_layer.asset_graph
        names = {key.name for key in graph.asset_check_keys}
        assert names, name
        assert not names & CLOCK_CHECKS, name
    levels = definitions.resolve_job_def("check_service_levels").asset_layer.asset_graph
    assert {key.name for key in levels.asset_check_keys} == CLOCK_CHECKS


def names(keys: list[dg.AssetKey]) -> set[str]:
    return {key.to_user_string() for key in keys}


def test_a_batch_source_changes_its_dimension_and_what_is_made_of_it(lineage: Lineage) -> None:
    behind = names(lineage.behind(["customers"]))
    assert {"staging/stg_customers", "marts/dim_customer", "marts/dim_customer_history"} <= behind
    assert set(BATCH_FACTS_NEED[:2]) <= behind, "orphans that waited for a customer"
    assert not behind & {"staging/stg_orders", "staging/stg_agents", "marts/dim_agent"}
    assert not behind & {"marts/dim_date", "marts/dim_time"}


def test_a_stream_changes_facts_and_answers_but_no_dimension(lineage: Lineage) -> None:
    behind = names(lineage.behind(["orders"]))
    assert set(BATCH_FACTS_NEED) <= behind, "tickets hang on orders, events on tickets"
    assert "staging/stg_tickets" not in behind
    assert not {name for name in behind if name.startswith("marts/dim_")}
    assert {"analytics/orders_by_hour", "analytics/daily_file_summary"} <= behind
    events = names(lineage.behind(["ticket_events"]))
    assert "marts/fact_order" not in events
    assert "analytics/orders_by_hour" not in events


def test_sources_together_change_what_each_changes(lineage: Lineage) -> None:
    both = lineage.behind(["orders", "agents"])
    assert set(both) == {*lineage.behind(["orders"]), *lineage.behind(["agents"])}
    assert lineage.left_behind(both) != []
    everything = [key for source in ("orders",) for key in lineage.behind([source])]
    assert len(everything) == len(set(everything))


def test_a_fact_rests_on_its_dimensions_and_the_calendar(lineage: Lineage) -> None:
    found = names(lineage.foundations(lineage.behind(["orders"])))
    assert {"marts/dim_date", "marts/dim_time", "marts/dim_customer"} <= found
    assert names(lineage.calendar()) == {"marts/dim_date", "marts/dim_time"}
