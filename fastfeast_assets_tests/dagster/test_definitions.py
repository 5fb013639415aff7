"""What the code location consists of, and that it loads anywhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from fastfeast_assets.build import build_definitions
from fastfeast_assets.contracts.load import SOURCES_DIRECTORY
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import PROJECT_ROOT, Blueprint, SettingsError, load_blueprint
from fastfeast_assets.warehouse.upgrade.manifest import ManifestMissingError

LOADS_WITHOUT_ANYTHING = """
import socket
def refuse(*_):
    raise AssertionError("definitions must not connect")
socket.socket.connect = refuse
from fastfeast_assets.definitions import defs
import dagster, sys
dagster.Definitions.validate_loadable(defs)
assert "pandas" not in sys.modules, "pandas is for runs"
"""


def groups(definitions: dg.Definitions) -> dict[str, set[str]]:
    graph = definitions.resolve_asset_graph()
    found: dict[str, set[str]] = {}
    for key in graph.get_all_asset_keys():
        assert key.path[0] == graph.get(key).group_name
        found.setdefault(key.path[0], set()).add(key.path[1])
    return found


def test_definitions_load_without_settings_database_or_network(
    dbt_project: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(PROJECT_ROOT),
        "FASTFEAST_HOME": str(home),
        "FASTFEAST_ENV_FILE": "/nonexistent/.env",
        "FASTFEAST_DBT_PROJECT_DIR": str(dbt_project),
    }
    done = subprocess.run(
        [sys.executable, "-c", LOADS_WITHOUT_ANYTHING],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not home.exists()


def test_assets_are_those_of_contracts_and_models(
    definitions: dg.Definitions, contracts: Mapping[str, Contract]
) -> None:
    assert groups(definitions) == {
        "landing": {*contracts, "unknown"},
        "raw": set(contracts),
        "staging": {"stg_cities", "stg_orders"},
        "marts": {"dim_city", "fact_order"},
        "ops": {
            "pipeline_file_log",
            "quarantine",
            "removed_key",
            "consumed_load",
            "sighting",
            "refusal",
            "quality_report",
        },
    }


def test_everything_but_files_and_bookkeeping_has_a_button(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    external = {key.to_user_string() for key in graph.external_asset_keys}
    assert {key for key in external if not key.startswith("landing/")} == {
        "ops/removed_key",
        "ops/consumed_load",
        "ops/sighting",
        "ops/refusal",
    }


def test_every_asset_has_owner_kind_and_description(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.owners, key
        assert node.kinds, key
        assert node.description, key


def test_raw_columns_are_those_stored_and_never_personal(definitions: dg.Definitions) -> None:
    node = definitions.resolve_asset_graph().get(dg.AssetKey(["raw", "customers"]))
    schema = node.metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    names = {column.name for column in schema.columns}
    assert {"email_hash", "phone_hash", "_load_id", "_partition_at"} <= names
    assert not {"email", "phone"} & names


def test_jobs(definitions: dg.Definitions) -> None:
    names = {job.name for job in definitions.resolve_all_job_defs()}
    assert {"load_batch", "load_streams", "ingest_batch", "ingest_streams", "transform"} <= names
    ingest = definitions.resolve_job_def("ingest_streams").asset_layer
    keys = {key.to_user_string() for key in ingest.executable_asset_keys}
    assert {"raw/orders", "ops/quarantine", "staging/stg_orders", "marts/fact_order"} <= keys
    assert "raw/customers" not in keys


def test_a_source_is_added_by_adding_a_contract(dbt_project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sources"
    shutil.copytree(SOURCES_DIRECTORY, folder)
    text = (folder / "teams.odcs.yaml").read_text()
    text = text.replace("dim_team", "dim_squad").replace("team_", "squad_")
    text = text.replace("teams", "squads")
    (folder / "squads.odcs.yaml").write_text(text)
    definitions = build_definitions(
        blueprint=Blueprint(contracts_dir=folder, dbt_project_dir=dbt_project)
    )
    graph = definitions.resolve_asset_graph()
    assert dg.AssetKey(["landing", "squads"]) in graph.get_all_asset_keys()
    assert graph.get(dg.AssetKey(["raw", "squads"])).is_materializable


def test_missing_manifest_names_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: empty\nprofile: fastfeast\n")
    with pytest.raises(ManifestMissingError, match="make setup"):
        build_definitions(blueprint=Blueprint(dbt_project_dir=tmp_path))


def test_wrong_clock_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTFEAST_TIMEZONE", "Nile/Cairo")
    with pytest.raises(SettingsError, match="FASTFEAST_TIMEZONE"):
        load_blueprint()
