"""The raw tables: one asset a source, all made by one factory from their contracts.

Belongs here: the asset and the order of its work. Loading a file is in `warehouse.load`, judging
the result in `checks`, describing it in `raw_metadata`.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg
from pydantic import Field

from fastfeast_assets.assets.landing import landing_key, observe
from fastfeast_assets.assets.raw_metadata import (
    MAXIMUM_PARTITIONS_DESCRIBED,
    column_schema,
    partition_metadata,
    run_metadata,
)
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.assets.silent_result import silent_result
from fastfeast_assets.automation.partitions import (
    build_partitions,
    landing_folders,
    missing_keys,
    partition_of,
)
from fastfeast_assets.checks.contract_checks import (
    contract_check_results,
    contract_check_specs,
    name_some,
)
from fastfeast_assets.checks.evidence import (
    last_report,
    open_failures,
    open_spoiled,
    with_record,
)
from fastfeast_assets.checks.file_checks import file_check_results, file_check_specs
from fastfeast_assets.checks.reconciliation import (
    balances,
    reconciliation_result,
    reconciliation_spec,
)
from fastfeast_assets.checks.usual import compare, usual_check_results, usual_check_specs
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing.discover import LandingFile
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
    ) -> Iterator[Any]:
        reports = []
        for partition, file in _files_of_run(context, platform, contract, blueprint):
            if platform.stopping.is_requested:
                context.log.warning(f"stopped before {file.relative_path}, which waits")
                break
            report = _load(context, platform, contract, file, retry_failed=config.retry_failed)
            if report.status != "unsettled":
                reports.append((partition, report))
        yield from _results(context, platform, contract, blueprint, reports)

    return raw_asset


def _files_of_run(
    context: dg.AssetExecutionContext, platform: Platform, contract: Contract, blueprint: Blueprint
) -> list[tuple[str, LandingFile]]:
    """The landed files of the run's partitions, in the order of their partitions."""
    wanted = set(context.partition_keys)
    folders = landing_folders(wanted, contract.cadence, blueprint)
    discovery = platform.discovery(context.run.run_id, folders)

    def in_run(files: Sequence[LandingFile]) -> list[tuple[str, LandingFile]]:
        placed = [
            (partition_of(file, contract.cadence, blueprint), file)
            for file in files
            if file.source == contract.source
        ]
        return [(partition, file) for partition, file in placed if partition in wanted]

    files, unsettled = in_run(discovery.files), in_run(discovery.unsettled)
    for _, file in unsettled:
        context.log.warning(f"{file.relative_path} is still being written; it is left for later")
    if not files and len(wanted) == 1:
        key = context.partition_keys[0]
        problem = (
            f"{unsettled[0][1].relative_path} is still being written"
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


def _results(
    context: dg.AssetExecutionContext,
    platform: Platform,
    contract: Contract,
    blueprint: Blueprint,
    reports: "Sequence[tuple[str, FileReport]]",
) -> Iterator[Any]:
    """Materializations and check results, from the reports and what the database holds."""
    with closing(platform.warehouse.connect(autocommit=True)) as connection:
        files = with_record(connection, [report for _, report in reports])
        placed = list(zip([partition for partition, _ in reports], files, strict=True))
        # A partition of which every file was refused is as missing as one without a file.
        good = [(partition, file) for partition, file in placed if file.status != "failed"]
        missing = missing_keys(context.partition_keys, [partition for partition, _ in good])
        if missing:
            context.log.warning(
                f"no whole file of {contract.source} has landed for"
                f" {', '.join(name_some(missing))}; nothing is recorded for these partitions"
            )
        judged = files or last_report(connection, contract.source)
        checks = _check_results(connection, contract, blueprint, judged)
        shared, own = {}, {}
        if good:
            shared = run_metadata(connection, contract, files, missing)
            own = partition_metadata(connection, contract, good)
    if missing:
        # Left to itself, Dagster records every partition of the run.
        for partition, metadata in own.items():
            yield dg.AssetMaterialization(
                raw_key(contract.source), partition=partition, metadata={**shared, **metadata}
            )
        yield silent_result(checks)
        return
    if len(own) <= MAXIMUM_PARTITIONS_DESCRIBED:
        for partition, metadata in own.items():
            context.add_asset_metadata(metadata, partition_key=partition)
    yield dg.MaterializeResult(metadata=shared, check_results=checks)


def _check_results(
    connection: psycopg.Connection,
    contract: Contract,
    blueprint: Blueprint,
    files: "Sequence[FileReport]",
) -> list[dg.AssetCheckResult]:
    log_ids = [report.log_id for report in files if report.log_id is not None]
    return [
        *contract_check_results(contract, files),
        *file_check_results(
            contract,
            files,
            failures=open_failures(connection, contract.source, files),
            spoiled=open_spoiled(connection, contract, files),
        ),
        *usual_check_results(compare(connection, files, contract, blueprint.start_date)),
        reconciliation_result(balances(connection, contract, log_ids)),
    ]
