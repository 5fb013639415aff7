"""The raw tables: one asset a source, all made by one factory from their contracts.

Belongs here: the asset and the order of its work. Loading a file is in `warehouse.load`, judging
the result in `checks`, describing it in `raw_metadata`.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from fastfeast_assets.assets.landing import landing_key, observe
from fastfeast_assets.assets.raw_metadata import (
    add_partition_metadata,
    column_schema,
    run_metadata,
)
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.automation.partitions import (
    build_partitions,
    missing_keys,
    partition_of,
)
from fastfeast_assets.checks.contract_checks import contract_check_results, contract_check_specs
from fastfeast_assets.checks.evidence import with_record
from fastfeast_assets.checks.file_checks import file_check_results, file_check_specs
from fastfeast_assets.checks.reconciliation import (
    balances,
    reconciliation_result,
    reconciliation_spec,
)
from fastfeast_assets.checks.usual import compare, usual_check_results, usual_check_specs
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.discover import LandingFile
from fastfeast_assets.settings import Blueprint

if TYPE_CHECKING:
    from fastfeast_assets.warehouse.load import FileReport


class RawConfig(dg.Config):
    """What an operator may choose for a run of raw assets."""

    retry_failed: bool = Field(
        default=False, description="Also load files whose present content has failed before."
    )


def raw_key(source: str) -> dg.AssetKey:
    """The asset key of a source's raw table."""
    return dg.AssetKey(["raw", source])


def build_raw_asset(contract: Contract, blueprint: Blueprint) -> dg.AssetsDefinition:
    """The raw asset of a source, its checks included.

    A run handles the landing files of its partitions. Files that the ledger knows as done are
    skipped; a file that fails stops no other.
    """
    key = raw_key(contract.source)

    @dg.asset(
        key=key,
        group_name="raw",
        deps=[landing_key(contract.source)],
        partitions_def=build_partitions(contract.cadence, blueprint),
        backfill_policy=dg.BackfillPolicy.single_run(),
        owners=[f"team:{contract.owner}"],
        kinds={"python", "pandas", "postgres"},
        description=f"{contract.description} Valid rows, typed, personal columns hashed.",
        metadata={
            "dagster/column_schema": column_schema(contract),
            "dagster/table_name": f"raw.{contract.source}",
            "contract_version": contract.version,
        },
        check_specs=[
            *contract_check_specs(contract, key),
            *file_check_specs(contract, key),
            *usual_check_specs(key),
            reconciliation_spec(key),
        ],
    )
    def raw_asset(
        context: dg.AssetExecutionContext, config: RawConfig, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        files = _files_of_run(context, platform, contract, blueprint)
        reports = [
            _load(context, platform, contract, file, retry_failed=config.retry_failed)
            for file in files
        ]
        return _result(context, platform, contract, blueprint, reports)

    return raw_asset


def _files_of_run(
    context: dg.AssetExecutionContext, platform: Platform, contract: Contract, blueprint: Blueprint
) -> list[LandingFile]:
    """The landed files of the run's partitions, in the order of their partitions."""
    wanted = set(context.partition_keys)
    discovery = platform.discovery(context.run.run_id)

    def in_run(files: Sequence[LandingFile]) -> list[LandingFile]:
        return [
            file
            for file in files
            if file.source == contract.source
            and partition_of(file, contract.cadence, blueprint) in wanted
        ]

    files, unsettled = in_run(discovery.files), in_run(discovery.unsettled)
    for file in unsettled:
        context.log.warning(f"{file.relative_path} is still being written; it is left for later")
    if not files and len(wanted) == 1:
        key = context.partition_keys[0]
        problem = (
            f"{unsettled[0].relative_path} is still being written"
            if unsettled
            else f"no file of {contract.source} has landed for {key} in {platform.settings.landing}"
        )
        raise dg.Failure(f"{problem}. Materialize the partition again once it is there.")
    return files


def _load(
    context: dg.AssetExecutionContext,
    platform: Platform,
    contract: Contract,
    file: LandingFile,
    *,
    retry_failed: bool,
) -> "FileReport":
    from fastfeast_assets.warehouse.load import load_file

    report = load_file(
        platform.warehouse,
        contract,
        file,
        run_id=context.run.run_id,
        settings=platform.settings,
        retry_failed=retry_failed,
    )
    context.log_event(observe(file, report))
    context.log.info(
        f"{file.relative_path}: {report.status}, {report.total} rows in, {report.valid} loaded,"
        f" {report.quarantined} quarantined"
    )
    platform.report(report)
    return report


def _result(
    context: dg.AssetExecutionContext,
    platform: Platform,
    contract: Contract,
    blueprint: Blueprint,
    reports: "Sequence[FileReport]",
) -> dg.MaterializeResult[None]:
    """Metadata and check results, from the reports and what the database holds."""
    with closing(platform.warehouse.connect(autocommit=True)) as connection:
        recorded = with_record(connection, reports)
        log_ids = [report.log_id for report in recorded if report.log_id is not None]
        even = reconciliation_result(balances(connection, contract.source, log_ids))
        missing = missing_keys(context.partition_keys, [r.partition_key for r in recorded])
        metadata = run_metadata(connection, contract, recorded, missing)
        comparisons = compare(connection, recorded, contract, blueprint.start_date)
        add_partition_metadata(context, connection, contract, recorded)
    return dg.MaterializeResult(
        metadata=metadata,
        check_results=[
            *contract_check_results(contract, recorded),
            *file_check_results(contract, recorded),
            *usual_check_results(comparisons),
            even,
        ],
    )
