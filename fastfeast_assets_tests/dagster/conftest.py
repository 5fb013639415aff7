"""Fixtures of the Dagster tests: definitions over a small dbt project, an ephemeral instance."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import dagster as dg
import pytest

from fastfeast_assets.assets.dbt_cli import executables
from fastfeast_assets.assets.raw import raw_key
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.build import build_definitions
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Blueprint, Settings
from fastfeast_assets_tests.dagster.project import write_project


class Load(Protocol):
    """Runs raw assets in this process."""

    def __call__(
        self, job: str, sources: Sequence[str], tags: Mapping[str, str], **config: Any
    ) -> dg.ExecuteInProcessResult: ...


@pytest.fixture(scope="session")
def dbt_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small dbt project, parsed."""
    directory = write_project(tmp_path_factory.mktemp("dbt"))
    place = ["--project-dir", str(directory), "--profiles-dir", str(directory)]
    subprocess.run([executables() / "dbt", "--quiet", "parse", *place], check=True)
    return directory


@pytest.fixture
def settings(settings: Settings, dbt_project: Path) -> Settings:
    """The settings of a test, with the small dbt project."""
    return settings.model_copy(update={"dbt_project_dir": dbt_project})


@pytest.fixture
def blueprint(settings: Settings) -> Blueprint:
    """What the definitions of a test are built from."""
    return settings


@pytest.fixture
def platform(settings: Settings, contracts: Mapping[str, Contract]) -> Platform:
    """The resource of a test."""
    return Platform(settings, contracts=contracts)


@pytest.fixture
def definitions(
    platform: Platform, blueprint: Blueprint, contracts: Mapping[str, Contract]
) -> dg.Definitions:
    """All definitions of a test."""
    return build_definitions(
        platform=platform,
        blueprint=blueprint,
        contracts=contracts,
        sensor_patience_seconds=0,
    )


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance that forgets."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def load(definitions: dg.Definitions, instance: dg.DagsterInstance) -> Load:
    """Runs raw assets of some sources for the partitions that tags name."""

    def run(
        job: str, sources: Sequence[str], tags: Mapping[str, str], **config: Any
    ) -> dg.ExecuteInProcessResult:
        keys = [raw_key(source) for source in sources]
        ops = {key.to_python_identifier(): {"config": config} for key in keys}
        whole = definitions.resolve_job_def(job)
        own = {
            check
            for check in whole.asset_layer.asset_graph.asset_check_keys
            if check.asset_key in keys
        }
        part = whole.get_subset(asset_selection=set(keys), asset_check_selection=own)
        return part.execute_in_process(
            instance=instance,
            tags=dict(tags),
            run_config={"ops": ops} if config else {},
            raise_on_error=False,
        )

    return run
