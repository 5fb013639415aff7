"""The dbt models as Dagster assets, staging to analytics, and their tests as checks.

Belongs here: how models are named, grouped and run. What they compute is in `dbt_project`.
"""

import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets
from dagster_dbt.errors import DagsterDbtCliRuntimeError

from fastfeast_assets.assets.dbt_cli import dbt_command, environment
from fastfeast_assets.assets.dbt_error import TransformError, first_database_error
from fastfeast_assets.assets.dbt_metadata import row_counts
from fastfeast_assets.assets.lineage import MARTS, RAW, Lineage
from fastfeast_assets.assets.recent_rows import recent_rows
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.assets.transforms import mark_transformed, mark_visible, untransformed
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse.upgrade.manifest import current_manifest, models_of
from fastfeast_assets.warehouse.upgrade.marts import record_built

DEFAULT_OWNER = "data-platform"
DBT_POOL = "dbt"
# Unit tests test code with made-up rows; `make test` runs them. The rest saves half a second of
# writing what nobody reads: events come from the output, the manifest is made at set-up.
BUILD = [
    *("build", "--exclude-resource-type", "unit_test"),
    *("--no-write-json", "--no-version-check", "--log-level-file", "info"),
]


STOPPED = "stopped by who started the command"
STILL_FAILING = (
    "Rows that failed before still do: `fastfeast check` names them. They hold up nothing; how to"
    " mend them is in docs/runbooks/rows-do-not-add-up.md."
)


class Translator(DagsterDbtTranslator):
    """Names the assets after schema and table, groups them by layer.

    Args:
        owners: Owner of each raw table's staging model, by source.
    """

    def __init__(self, owners: Mapping[str, str]) -> None:
        super().__init__()
        self._owners = owners

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """The spec of a model or source, `[schema, name]`."""
        properties = self.get_resource_props(manifest, unique_id)
        spec = super().get_asset_spec(manifest, unique_id, project)
        if properties["resource_type"] == "source":
            key = dg.AssetKey([properties["source_name"], properties["name"]])
            return spec.replace_attributes(key=key)
        materialized = str(properties.get("config", {}).get("materialized", "table"))
        return spec.replace_attributes(
            key=dg.AssetKey([properties["schema"], properties["name"]]),
            group_name=properties["schema"],
            owners=[f"team:{self._owner(properties)}"],
            kinds={"dbt", "postgres", materialized},
        )

    def get_partition_mapping(
        self,
        dbt_resource_props: Mapping[str, Any],
        dbt_parent_resource_props: Mapping[str, Any],
    ) -> dg.PartitionMapping | None:
        """Models depend on the last partition of a raw table.

        Dagster lists all partitions of a dependency at every run, and hourly ones since 2020 take
        it two seconds.
        """
        is_raw = dbt_parent_resource_props.get("source_name") == RAW
        return dg.LastPartitionMapping() if is_raw else None

    def _owner(self, properties: Mapping[str, Any]) -> str:
        meta = properties.get("config", {}).get("meta", {})
        source = str(properties["name"]).removeprefix("stg_")
        return str(meta.get("owner") or self._owners.get(source, DEFAULT_OWNER))


def build_dbt_assets(
    project_dir: Path, contracts: Mapping[str, Contract], target: Path | None = None
) -> dg.AssetsDefinition:
    """All models of the dbt project as one step.

    Args:
        project_dir: Of the dbt project.
        contracts: By source; they name the owners, and the sources of the public tables.
        target: Where the project is kept parsed, if not in itself.

    Raises:
        ManifestMissingError: The project has not been parsed.
    """
    manifest, made = current_manifest(project_dir, target), models_of(project_dir, target)
    owners = {source: contract.owner for source, contract in contracts.items()}
    by_target = {dg.AssetKey([MARTS, item.target]): item for item in contracts.values()}

    @dbt_assets(
        manifest=manifest, dagster_dbt_translator=Translator(owners), name="dbt", pool=DBT_POOL
    )
    def models(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[Any]:
        left_behind = lineage.left_behind(context.selected_asset_keys)
        warehouse = platform.warehouse
        with (
            warehouse.transform_lock() as holder,
            warehouse.connect(autocommit=True) as connection,
        ):
            platform.ensure_identity()
            loads = untransformed(connection, without=left_behind)
            is_red = False
            for event in _build(context, platform, holder):
                if isinstance(event, dg.Output):
                    key = context.asset_key_for_output(event.output_name)
                    if key in by_target:
                        mark_visible(connection, key.path[1])
                    found = row_counts(connection, key)
                    if key in by_target:
                        found |= recent_rows(connection, by_target[key])
                    yield event.with_metadata({**event.metadata, **found})
                elif isinstance(event, dg.AssetCheckResult):
                    check = as_declared(event, models)
                    is_red |= not check.passed and check.severity == dg.AssetCheckSeverity.ERROR
                    yield check
                else:
                    yield event
            # While a check is red, nobody is told that there is nothing to do.
            if not is_red:
                mark_transformed(connection, loads)
            if not left_behind:
                record_built(connection, made)

    lineage = Lineage.of(models)
    return models


def as_declared(result: dg.AssetCheckResult, models: dg.AssetsDefinition) -> dg.AssetCheckResult:
    """A result with the severity that its test declares.

    A row that is known to fail since an earlier run makes dbt warn, so that the models behind are
    built. The check stays as red as it was.
    """
    if result.passed or result.severity == dg.AssetCheckSeverity.ERROR:
        return result
    if not any(
        spec.blocking and (spec.asset_key, spec.name) == (result.asset_key, result.check_name)
        for spec in models.check_specs
    ):
        return result
    return result._replace(severity=dg.AssetCheckSeverity.ERROR, description=STILL_FAILING)


def _build(context: dg.AssetExecutionContext, platform: Platform, holder: int) -> Iterator[Any]:
    settings = platform.settings
    with environment(platform.warehouse.dbt_environment(holder=holder)):
        # dbt has read its environment once the process is started.
        invocation = dbt_command(settings.dbt_project_dir).cli(
            BUILD, context=context, target_path=settings.home / "dbt"
        )
    try:
        with platform.stopping.telling(lambda: invocation.process.send_signal(signal.SIGINT)):
            yield from invocation.stream()
    except DagsterDbtCliRuntimeError as error:
        if platform.stopping.is_requested:
            # A run that somebody stops has not failed.
            context.instance.report_run_canceling(context.run, STOPPED)
            raise dg.DagsterExecutionInterruptedError from error
        said = first_database_error(str(error))
        if said is None:
            raise
        raise TransformError(f"the database says: {said}") from error
