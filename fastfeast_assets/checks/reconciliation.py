"""Every row is accounted for: the check that counts raw and quarantine against the ledger.

Source of the rule: for each file, rows in = rows in raw + rows in quarantine. It blocks, because
a table that lost rows must not reach the marts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import psycopg
from psycopg import sql

from fastfeast_assets.checks.contract_checks import name_some

RECONCILIATION = "reconciliation"


@dataclass(frozen=True)
class Balance:
    """What the ledger says of a load and what the database holds of it."""

    log_id: int
    path: str
    total: int
    valid: int
    quarantined: int
    in_raw: int
    in_quarantine: int

    @property
    def is_even(self) -> bool:
        """Whether no row is missing and none is too many."""
        return (
            self.in_raw == self.valid
            and self.in_quarantine == self.quarantined
            and self.total == self.valid + self.quarantined
        )

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.total} rows in, the ledger says {self.valid} loaded and"
            f" {self.quarantined} quarantined, the tables hold {self.in_raw} and"
            f" {self.in_quarantine}"
        )


def reconciliation_spec(asset_key: dg.AssetKey) -> dg.AssetCheckSpec:
    """The spec of the blocking check."""
    return dg.AssetCheckSpec(
        RECONCILIATION,
        asset=asset_key,
        blocking=True,
        description="Rows in = rows in raw + rows in quarantine, for every file of the run.",
    )


def balances(connection: psycopg.Connection, source: str, log_ids: Sequence[int]) -> list[Balance]:
    """Count what the database holds of these loads of a source.

    Rows that retention has taken out count as held, a released row counts in raw. Loads whose
    rows raw no longer holds, because a newer version of the file took their place, are left out.
    """
    query = sql.SQL(
        "select log_id, file_path, total_records, valid_records, quarantined,"
        " pruned_records + (select count(*) from {raw} r where r._load_id = l.log_id),"
        " pruned_quarantine + (select count(*) from ops.quarantine q where q.log_id = l.log_id"
        "  and q.rejection_stage <> 'orphan' and q.status <> 'released')"
        " from ops.pipeline_file_log l"
        " where source = %s and log_id = any(%s) and is_loaded order by log_id"
    ).format(raw=sql.Identifier("raw", source))
    rows = connection.execute(query, [source, list(log_ids)]).fetchall()
    return [Balance(*row) for row in rows]


def reconciliation_result(found: Sequence[Balance]) -> dg.AssetCheckResult:
    """Passes when every balance is even."""
    uneven = [balance for balance in found if not balance.is_even]
    metadata: dict[str, Any] = {
        "files": len(found),
        "rows_in": sum(balance.total for balance in found),
        "uneven": name_some(str(balance) for balance in uneven),
    }
    if uneven:
        metadata["next_step"] = (
            "Someone changed raw or ops.quarantine by hand. Restore the rows, or touch the file's"
            " content so that it is loaded again; nothing downstream of this table runs before."
        )
    return dg.AssetCheckResult(
        check_name=RECONCILIATION,
        passed=not uneven,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
    )
