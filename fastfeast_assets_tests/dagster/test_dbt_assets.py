"""dbt models as assets: their names, their runs, what is recorded of them."""

from __future__ import annotations

import os
from collections.abc import Mapping

import dagster as dg
import pytest

from fastfeast_assets.assets.dbt_cli import environment
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.assets.transforms import mark_transformed, untransformed
from fastfeast_assets_tests.dagster.conftest import Load
from fastfeast_assets_tests.landing import DAY, LandingZone, order

HOUR = {"dagster/partition": f"{DAY}-08:00"}


def transform(
    definitions: dg.Definitions, instance: dg.DagsterInstance, *keys: str
) -> dg.ExecuteInProcessResult:
    return definitions.resolve_job_def("transform").execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(key.split("/")) for key in keys] or None,
        raise_on_error=False,
    )


def test_models_are_named_grouped_and_owned(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    city = graph.get(dg.AssetKey(["marts", "dim_city"]))
    staging = graph.get(dg.AssetKey(["staging", "stg_orders"]))
    assert (city.group_name, staging.group_name) == ("marts", "staging")
    assert city.owners == ["team:cartography"]
    assert staging.owners == ["team:order-operations"]
    assert (city.kinds, staging.kinds) == (
        {"dbt", "postgres", "table"},
        {"dbt", "postgres", "view"},
    )
    assert staging.parent_keys == {dg.AssetKey(["raw", "orders"])}
    fact = graph.get(dg.AssetKey(["marts", "fact_order"]))
    assert dg.AssetKey(["ops", "quarantine"]) in fact.parent_keys


def test_dbt_tests_are_checks(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    names = {
        key.name
        for key in graph.asset_check_keys
        if key.asset_key == dg.AssetKey(["marts", "dim_city"])
    }
    assert names == {"not_null_dim_city_city_id", "data_age"}


def test_a_transform_builds_counts_and_is_remembered(
    landing: LandingZone,
    load: Load,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    platform: Platform,
) -> None:
    landing.stream("orders", order(1), order(2))
    load("load_streams", ["orders"], HOUR)
    with platform.warehouse.connect(autocommit=True) as connection:
        assert len(untransformed(connection)) == 1
        result = transform(definitions, instance)
        assert result.success
        assert untransformed(connection) == {}
    counts = {
        event.asset_key.path[-1]: event.metadata.get("dagster/row_count")
        for event in result.asset_materializations_for_node("dbt")
    }
    assert counts["fact_order"] is not None
    assert counts["fact_order"].value == 2
    assert counts["stg_orders"] is None


def test_a_part_of_the_models_does_not_count_as_a_transform(
    landing: LandingZone,
    load: Load,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    platform: Platform,
) -> None:
    landing.stream("orders", order(1))
    load("load_streams", ["orders"], HOUR)
    assert transform(definitions, instance, "staging/stg_orders").success
    with platform.warehouse.connect(autocommit=True) as connection:
        assert len(untransformed(connection)) == 1


def test_marking_twice_is_no_error(landing: LandingZone, load: Load, platform: Platform) -> None:
    landing.stream("orders", order(1))
    load("load_streams", ["orders"], HOUR)
    with platform.warehouse.connect(autocommit=True) as connection:
        loads = untransformed(connection)
        mark_transformed(connection, loads)
        mark_transformed(connection, loads)
        assert untransformed(connection) == {}


def test_ops_assets_show_where_things_stand(
    landing: LandingZone,
    load: Load,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
) -> None:
    landing.stream("orders", order(1), order(2, total_amount=-5))
    load("load_streams", ["orders"], HOUR)
    result = transform(definitions, instance, "ops/pipeline_file_log", "ops/quarantine")
    assert result.success
    found = {
        node: result.asset_materializations_for_node(node)[0].metadata
        for node in ("ops__pipeline_file_log", "ops__quarantine")
    }
    assert found["ops__pipeline_file_log"]["dagster/row_count"].value == 1
    assert "| orders | 1 | 0 | 0 | 1 |" in str(found["ops__pipeline_file_log"]["counts"].value)
    assert found["ops__quarantine"]["dagster/row_count"].value == 1
    assert "total_amount | range" in str(found["ops__quarantine"]["counts"].value)


def test_variables_are_set_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTFEAST_PG_HOST", "before")
    monkeypatch.delenv("FASTFEAST_PG_PASSWORD", raising=False)
    values: Mapping[str, str] = {"FASTFEAST_PG_HOST": "now", "FASTFEAST_PG_PASSWORD": "secret"}
    with environment(values):
        assert os.environ["FASTFEAST_PG_PASSWORD"] == "secret"
    assert os.environ["FASTFEAST_PG_HOST"] == "before"
    assert "FASTFEAST_PG_PASSWORD" not in os.environ
