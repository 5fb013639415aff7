"""The parts list: every definition of the code location, from contracts and the dbt project.

Tests pass their own parts. Nothing connects here and no secret is read.
"""

import warnings
from collections.abc import Mapping
from typing import get_args

import dagster as dg

from fastfeast_assets.assets.dbt import build_dbt_assets
from fastfeast_assets.assets.landing import build_landing_specs
from fastfeast_assets.assets.ops import build_ops_assets
from fastfeast_assets.assets.raw import build_raw_asset, raw_key
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.automation.jobs import build_jobs
from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.contracts.model import Cadence, Contract
from fastfeast_assets.settings import Blueprint, load_blueprint


def build_definitions(
    *,
    platform: Platform | None = None,
    blueprint: Blueprint | None = None,
    contracts: Mapping[str, Contract] | None = None,
) -> dg.Definitions:
    """All assets, checks, jobs and the resource they use.

    Args:
        platform: The resource; by default one that reads the settings when it is first used.
        blueprint: What decides which assets exist; by default from the environment.
        contracts: The sources; by default those of the blueprint's directory.

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
    models = build_dbt_assets(
        plan.dbt_project_dir, {source: contract.owner for source, contract in sources.items()}
    )
    tables = build_ops_assets([asset.key for asset in raw_assets])
    transform = dg.AssetSelection.assets(models, *_materializable(tables))
    return dg.Definitions(
        assets=[*build_landing_specs(sources.values()), *raw_assets, *tables, models],
        jobs=build_jobs(
            {cadence: keys for cadence, keys in raw_keys.items() if keys},
            transform,
        ),
        resources={"platform": platform if platform is not None else Platform()},
        executor=dg.in_process_executor,
    )


def _raw_keys(contracts: Mapping[str, Contract], cadence: Cadence) -> list[dg.AssetKey]:
    return [raw_key(source) for source, item in contracts.items() if item.cadence == cadence]


def _materializable(
    assets: list[dg.AssetsDefinition | dg.AssetSpec],
) -> list[dg.AssetsDefinition]:
    return [asset for asset in assets if isinstance(asset, dg.AssetsDefinition)]
