"""Is this file as large, and as quickly loaded, as the table's files usually are?

Source of the rule: the table's own recent loads in the ledger. The middle is the median and the
width the median distance from it, so that one odd day moves neither. A warning, never an error:
a holiday is no fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from statistics import median
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg

from fastfeast_assets.checks.contract_checks import name_some
from fastfeast_assets.contracts.model import Contract

if TYPE_CHECKING:
    from fastfeast_assets.warehouse.load import FileReport

USUAL_VOLUME = "usual_volume"
USUAL_DURATION = "usual_duration"
LOADS_COMPARED = 30
FEWEST_LOADS = 5
# Of normally spread values, 1 in 15,000 lies this many median distances off.
WIDTH = 6.0
LEAST_SHARE = 0.5
LEAST_ROWS = 20
SLOWEST_FACTOR = 3.0
QUICK_SECONDS = 5.0

HISTORY = """
select recent.total_records, recent.duration_seconds
from ops.pipeline_file_log as own
cross join lateral (
    select log.total_records, log.duration_seconds
    from ops.pipeline_file_log as log
    where
        log.source = own.source and log.status = 'success' and log.is_loaded
        and log.log_id <> own.log_id and log.partition_at < own.partition_at
        and log.partition_at > %s
        and (log.file_type = 'batch' or log.partition_at::time = own.partition_at::time)
    order by log.partition_at desc
    limit %s
) as recent
where own.log_id = %s
"""


@dataclass(frozen=True)
class Comparison:
    """A load beside those before it: the same hour of earlier days, or earlier days.

    Attributes:
        path: Of its file.
        rows: In the file.
        seconds: That loading it took.
        usual_rows: Of the loads before.
        usual_seconds: Of the loads before.
    """

    path: str
    rows: int
    seconds: float
    usual_rows: Sequence[int]
    usual_seconds: Sequence[float]

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Lowest and highest number of rows that is usual, or None with too little to go by."""
        if len(self.usual_rows) < FEWEST_LOADS:
            return None
        middle = median(self.usual_rows)
        distance = median(abs(rows - middle) for rows in self.usual_rows)
        width = max(WIDTH * distance, LEAST_SHARE * middle, LEAST_ROWS)
        return middle - width, middle + width

    @property
    def has_usual_volume(self) -> bool:
        """Whether the number of rows lies within the bounds."""
        return self.bounds is None or self.bounds[0] <= self.rows <= self.bounds[1]

    @property
    def has_usual_duration(self) -> bool:
        """Whether loading was not much slower than usual, by the row."""
        if len(self.usual_rows) < FEWEST_LOADS or self.seconds < QUICK_SECONDS:
            return True
        pairs = zip(self.usual_seconds, self.usual_rows, strict=True)
        usual = median(seconds / max(rows, 1) for seconds, rows in pairs)
        return self.seconds / max(self.rows, 1) <= SLOWEST_FACTOR * usual


def usual_check_specs(asset_key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The specs of both checks."""
    return [
        dg.AssetCheckSpec(
            USUAL_VOLUME,
            asset=asset_key,
            description="Each file holds about as many rows as those before it.",
        ),
        dg.AssetCheckSpec(
            USUAL_DURATION,
            asset=asset_key,
            description=(
                f"No file took longer than {QUICK_SECONDS:.0f} s and, by the row, more than"
                f" {SLOWEST_FACTOR:.0f} times as long as those before it."
            ),
        ),
    ]


def compare(
    connection: psycopg.Connection,
    reports: Sequence[FileReport],
    contract: Contract,
    first_partition: date,
) -> list[Comparison]:
    """Put the newest loads of a run beside those before them, found done or not.

    Args:
        connection: To the warehouse.
        reports: Of the run, skipped files filled in by `evidence`.
        contract: Of their source.
        first_partition: That of master files, which are compared with nothing.
    """
    loaded = [
        report for report in reports if report.status in {"success", "skipped"} and report.log_id
    ]
    found = []
    for report in loaded[-LOADS_COMPARED:]:
        rows = connection.execute(
            HISTORY, [datetime.combine(first_partition, time()), LOADS_COMPARED, report.log_id]
        ).fetchall()
        usual_rows = [row[0] for row in rows]
        usual_seconds = [row[1] or 0.0 for row in rows]
        found.append(
            Comparison(
                report.relative_path, report.total, report.seconds, usual_rows, usual_seconds
            )
        )
    return found


def usual_check_results(comparisons: Sequence[Comparison]) -> list[dg.AssetCheckResult]:
    """Both results: they pass while nothing is unusual or too little is known."""
    large = [c for c in comparisons if not c.has_usual_volume]
    slow = [c for c in comparisons if not c.has_usual_duration]
    return [_result(USUAL_VOLUME, comparisons, large), _result(USUAL_DURATION, comparisons, slow)]


def _result(
    name: str, comparisons: Sequence[Comparison], unusual: Sequence[Comparison]
) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {
        "files": len(comparisons),
        "loads_compared_with": max((len(c.usual_rows) for c in comparisons), default=0),
        "unusual": name_some(_text(comparison) for comparison in unusual),
    }
    return dg.AssetCheckResult(
        check_name=name,
        passed=not unusual,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )


def _text(comparison: Comparison) -> str:
    rows, seconds = median(comparison.usual_rows), median(comparison.usual_seconds)
    return (
        f"{comparison.path}: {comparison.rows} rows in {comparison.seconds:.1f} s,"
        f" usually {rows:.0f} rows in {seconds:.1f} s"
    )
