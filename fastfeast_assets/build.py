"""The parts list: every definition of the code location, from contracts and the dbt project.

Tests pass their own parts. Nothing connects here and no secret is read.
"""

import itertools
import warnings
from collections.abc import Iterable, Mapping
from typing import get_args

import dagster as dg

from fastfeast_assets.assets.dbt import build_dbt_assets
from fastfeast_assets.assets.landing import build_landing_specs
from fastfeast_assets.assets.lineage import Lineage
from fastfeast_assets.assets.ops import build_ops_assets
from fastfeast_assets.assets.quality_report import REPORT_KEY, build_quality_report
from fastfeast_assets.assets.raw import build_raw_asset, raw_key
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.automation.freshness import freshness_policies, with_freshness
from fastfeast_assets.automation.jobs import build_clock_jobs, build_jobs
from fastfeast_assets.automation.left_behind import build_left_behind_sensor
from fastfeast_assets.automation.nightly_check import build_check_job
from fastfeast_assets.automation.retention import build_retention_job
from fastfeast_assets.automation.schedules import build_schedules
from fastfeast_assets.automation.sensors import build_landing_sensor
from fastfeast_assets.checks.landing_names import build_names_check
from fastfeast_assets.checks.service_levels import build_service_level_checks
from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.contracts.model import Cadence, Contract
from fastfeast_assets.settings import Blueprint, load_blueprint


def build_definitions(
    *,
    platform: Platform | None = None,
    blueprint: Blueprint | None = None,
    contracts: Mapping[str, Contract] | None = None,
    sensor_patience_seconds: float = 4.0,
) -> dg.Definitions:
    """All assets, checks, jobs and the resource they use.

    Args:
        platform: The resource; by default one that reads the settings when it is first used.
        blueprint: What decides which assets exist; by default from the environment.
        contracts: The sources; by default those of the blueprint's directory.
        sensor_patience_seconds: How long a tick over the streams goes on looking; less than the
            5 s between ticks.

    Raises:
        ContractError: A contract is wrong.
        ManifestMissingError: The dbt project has not been parsed.
    """
    plan = blueprint if blueprint is not None else load_blueprint()
    sources = contracts if contracts is not None else load_contracts(plan.contracts_dir)
    with warnings.catch_warnings():
        # Backfill policies are marked beta; the pinned version of Dagster is tested with them.
        warnings.simplefilter("ignore", dg.BetaWarning)
        raw_assets = [build_raw_asset(contract, plan) for contract in sources.values()]
    raw_keys = {cadence: _raw_keys(sources, cadence) for cadence in get_args(Cadence)}
    models = build_dbt_assets(plan.dbt_project_dir, sources, plan.dbt_target_dir)
    lineage = Lineage.of(models)
    tables = build_ops_assets([asset.key for asset in raw_assets])
    policies = freshness_policies(
        [*(asset.key for asset in raw_assets), *models.keys], sources, lineage, plan.timezone
    )
    watched = build_service_level_checks(sorted(policies), sources, lineage)
    names = build_names_check()
    hourly = sorted([*watched.check_keys, *names.check_keys])
    own_checks = _own_checks([*raw_assets, models])
    all_checks = [*itertools.chain(*own_checks.values()), *hourly]
    levels = dg.AssetSelection.checks(*watched.check_keys)
    transform = dg.AssetSelection.assets(models, *_materializable(tables))
    return dg.Definitions(
        assets=[
            *build_landing_specs(sources.values()),
            *tables,
            build_quality_report(sources),
            *(with_freshness(asset, policies) for asset in (*raw_assets, models)),
        ],
        asset_checks=[watched, names],
        jobs=[
            *build_jobs(
                {cadence: keys for cadence, keys in raw_keys.items() if keys}, transform, levels
            ),
            *build_clock_jobs(hourly, raw_keys["batch"], lineage, REPORT_KEY),
            build_check_job(models.check_keys),
            build_retention_job(all_checks),
        ],
        schedules=build_schedules(sources.values(), plan.timezone, lineage, own_checks),
        sensors=[
            *(
                build_landing_sensor(
                    cadence,
                    sources,
                    plan,
                    lineage,
                    own_checks,
                    patience_seconds=sensor_patience_seconds if cadence == "stream" else 0,
                )
                for cadence, keys in raw_keys.items()
                if keys
            ),
            build_left_behind_sensor(lineage, own_checks),
        ],
        resources={"platform": platform if platform is not None else Platform()},
        executor=dg.in_process_executor,
    )


def _raw_keys(contracts: Mapping[str, Contract], cadence: Cadence) -> list[dg.AssetKey]:
    return [raw_key(source) for source, item in contracts.items() if item.cadence == cadence]


def _own_checks(
    assets: Iterable[dg.AssetsDefinition],
) -> dict[dg.AssetKey, list[dg.AssetCheckKey]]:
    """The checks that are made together with each table."""
    checks: dict[dg.AssetKey, list[dg.AssetCheckKey]] = {}
    for asset in assets:
        for check in sorted(asset.check_keys):
            checks.setdefault(check.asset_key, []).append(check)
    return checks


def _materializable(
    assets: list[dg.AssetsDefinition | dg.AssetSpec],
) -> list[dg.AssetsDefinition]:
    return [asset for asset in assets if isinstance(asset, dg.AssetsDefinition)]
