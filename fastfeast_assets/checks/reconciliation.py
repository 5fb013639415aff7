"""Every row is accounted for: the check that holds raw and quarantine against the ledger.

Source of the rule: for each file, rows in = rows in raw + rows in quarantine, and the rows in raw
have the keys and amounts that were read from the file, by their checksum. It blocks, because a
table that lost or changed rows must not reach the marts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import psycopg
from psycopg import sql

from fastfeast_assets.checks.contract_checks import name_some
from fastfeast_assets.contracts.model import Contract

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
    checksum: int | None = None
    checksum_of_raw: int | None = None

    @property
    def has_same_rows(self) -> bool:
        """Whether keys and amounts are those of the file, as far as that is known.

        It is not of loads of earlier versions, and of those that retention took rows from.
        """
        return None in {self.checksum, self.checksum_of_raw} or (
            self.checksum == self.checksum_of_raw
        )

    @property
    def is_even(self) -> bool:
        """Whether no row is missing, none is too many and none has been changed."""
        return (
            self.has_same_rows
            and self.in_raw == self.valid
            and self.in_quarantine == self.quarantined
            and self.total == self.valid + self.quarantined
        )

    @property
    def account(self) -> str:
        """What was counted on either side."""
        return (
            f"{self.total} rows in, the ledger says {self.valid} loaded and"
            f" {self.quarantined} quarantined, the tables hold {self.in_raw} and"
            f" {self.in_quarantine}"
            + ("" if self.has_same_rows else "; keys or amounts in raw are not those of the file")
        )


def reconciliation_spec(asset_key: dg.AssetKey) -> dg.AssetCheckSpec:
    """The spec of the blocking check."""
    return dg.AssetCheckSpec(
        RECONCILIATION,
        asset=asset_key,
        blocking=True,
        description=(
            "Rows in = rows in raw + rows in quarantine, and the keys and amounts in raw are those"
            " of the file by their checksum, for every file of the run. Before that nothing"
            " downstream runs. `fastfeast reprocess FILE` loads a file again, `fastfeast withdraw"
            " FILE` takes it back."
        ),
    )


def balances(
    connection: psycopg.Connection, contract: Contract, log_ids: Sequence[int]
) -> list[Balance]:
    """Count and sum what the database holds of these loads of a source.

    Rows that retention has taken out count as held, a released row counts in raw. Loads whose
    rows raw no longer holds, because a newer version of the file took their place, are left out.
    """
    from fastfeast_assets.warehouse.checksum import checksum_of_table

    query = sql.SQL(
        "select log_id, file_path, total_records, valid_records, quarantined,"
        " pruned_records + held.rows,"
        " pruned_quarantine + (select count(*) from ops.quarantine q where q.log_id = l.log_id"
        "  and q.rejection_stage <> 'orphan' and q.status <> 'released'),"
        " row_checksum, case when pruned_records = 0 then held.checksum end"
        " from ops.pipeline_file_log l cross join lateral"
        " (select count(*) as rows, {checksum} as checksum"
        "  from {raw} r where r._load_id = l.log_id) held"
        " where source = %s and log_id = any(%s) and is_loaded order by log_id"
    ).format(raw=sql.Identifier("raw", contract.source), checksum=checksum_of_table(contract, "r"))
    rows = connection.execute(query, [contract.source, list(log_ids)]).fetchall()
    return [Balance(*row) for row in rows]


def reconciliation_result(found: Sequence[Balance]) -> dg.AssetCheckResult:
    """Passes when every balance is even."""
    uneven = [balance for balance in found if not balance.is_even]
    metadata: dict[str, Any] = {
        "files": len(found),
        "rows_in": sum(balance.total for balance in found),
        "uneven": name_some(f"{balance.path}: {balance.account}" for balance in uneven),
    }
    if uneven:
        metadata["next_step"] = (
            "Someone changed raw or ops.quarantine by hand. `fastfeast reprocess FILE --yes` loads"
            " a file again; one that is gone from the landing zone is taken back by `fastfeast"
            " withdraw FILE --reason TEXT --yes`. Both are in audit_log."
        )
    return dg.AssetCheckResult(
        check_name=RECONCILIATION,
        passed=not uneven,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
    )
