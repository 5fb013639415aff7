"""The checks over whole files: were all loaded, did columns appear, how much was quarantined.

Pure: results come from the reports of the loader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from fastfeast_assets.checks.contract_checks import name_some
from fastfeast_assets.contracts.model import Contract

if TYPE_CHECKING:
    from fastfeast_assets.warehouse.load import FileReport

FILES_LOADED = "files_loaded"
UNEXPECTED_COLUMNS = "unexpected_columns"
QUARANTINE_RATE = "quarantine_rate"
MEND_ROWS = (
    "See the rows: `fastfeast quarantine list --file FILE`. Where a contract is wrong, correct it"
    " and run `fastfeast quarantine release`; where the file is, have it replaced; rows that will"
    " never be right, `fastfeast quarantine discard`. More in docs/runbooks/quarantine-spike.md."
)


def file_check_specs(contract: Contract, asset_key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The specs of the checks over whole files."""
    return [
        dg.AssetCheckSpec(
            FILES_LOADED,
            asset=asset_key,
            description=(
                "No file of the last 14 days was refused as a whole, unless it has been replaced."
            ),
        ),
        dg.AssetCheckSpec(
            UNEXPECTED_COLUMNS,
            asset=asset_key,
            description="The files hold no column that the contract does not know.",
        ),
        dg.AssetCheckSpec(
            QUARANTINE_RATE,
            asset=asset_key,
            description=(
                f"At most {contract.quarantine_warn_rows} rows and"
                f" {contract.quarantine_warn_ratio:.0%} of each file are quarantined;"
                f" beyond {contract.quarantine_fail_ratio:.0%} it is an error, for 14 days or until"
                " the rows are released or discarded or the file is replaced."
            ),
        ),
    ]


def file_check_results(
    contract: Contract,
    reports: Sequence[FileReport],
    *,
    failures: Sequence[FileReport],
    spoiled: Sequence[FileReport],
) -> list[dg.AssetCheckResult]:
    """The results of the checks over whole files.

    Args:
        contract: Of the source.
        reports: Of the files that are judged.
        failures: Of others that could not be loaded and have not been replaced.
        spoiled: Of others of which too much was refused and waits still.
    """
    return [
        files_loaded([*reports, *failures]),
        unexpected_columns(reports),
        quarantine_rate(contract, [*reports, *spoiled]),
    ]


def files_loaded(reports: Sequence[FileReport]) -> dg.AssetCheckResult:
    """Passes when no file failed."""
    failed = [report for report in reports if report.status == "failed"]
    metadata: dict[str, Any] = {
        "failed_files": len(failed),
        "reasons": {report.relative_path: report.failure_reason or "" for report in failed},
    }
    if failed:
        metadata["next_step"] = (
            "Replace the file; it is loaded when its content changes. To try the same content"
            " again, run `fastfeast ingest --retry-failed`."
        )
    return dg.AssetCheckResult(
        check_name=FILES_LOADED,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
    )


def unexpected_columns(reports: Sequence[FileReport]) -> dg.AssetCheckResult:
    """Passes when every column is known to the contract."""
    columns = sorted({column for report in reports for column in report.extra_columns})
    return dg.AssetCheckResult(
        check_name=UNEXPECTED_COLUMNS,
        passed=not columns,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "columns": columns,
            "files": name_some(r.relative_path for r in reports if r.extra_columns),
        },
    )


def quarantine_rate(contract: Contract, reports: Sequence[FileReport]) -> dg.AssetCheckResult:
    """Passes when each file is below the contract's thresholds."""
    above = [
        report
        for report in reports
        if report.quarantined > contract.quarantine_warn_rows
        or _ratio(report) > contract.quarantine_warn_ratio
    ]
    worst = max((_ratio(report) for report in reports), default=0.0)
    is_error = worst > contract.quarantine_fail_ratio
    return dg.AssetCheckResult(
        check_name=QUARANTINE_RATE,
        passed=not above,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        metadata={
            "quarantined": sum(report.quarantined for report in reports),
            "rows_in": sum(report.total for report in reports),
            "worst_ratio": round(worst, 4),
            "reasons": _reasons(above or reports),
            "files": name_some(report.relative_path for report in above),
            **({"next_step": MEND_ROWS} if above else {}),
        },
    )


def _reasons(reports: Sequence[FileReport]) -> str:
    """What the rows were refused for, with their number, the most frequent first."""
    rows: Counter[str] = Counter()
    for report in reports:
        rows.update(report.reasons)
    return ", ".join(f"{reason} {number}" for reason, number in rows.most_common()) or "none"


def _ratio(report: FileReport) -> float:
    return report.quarantined / report.total if report.total else 0.0
