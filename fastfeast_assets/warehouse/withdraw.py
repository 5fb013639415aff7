"""Taking loads back: a file that should not have been loaded counts as if it never had been.

The rows of the load leave raw and its quarantine is settled, in one transaction a file, while the
ledger keeps what the load was. The load's generation moves on, so that the marts look at its keys
again: each shows raw's newest row, or leaves. The same content is not loaded again by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing.layout import siblings
from fastfeast_assets.warehouse import audit, identity_guard, ledger, months, sightings, store
from fastfeast_assets.warehouse.database import Warehouse
from fastfeast_assets.warehouse.pii_key import ensure_key

UNKNOWN = "the ledger knows no such file: give the path as `fastfeast status` shows it"
FAILED = "nothing of it is loaded: its last attempt failed"
ALREADY = "it was withdrawn before"
ANEW = "it was loaded anew meanwhile: look again"


@dataclass(frozen=True)
class Withdrawal:
    """A load that is, or would be, taken back.

    Attributes:
        path: Of its file, below the landing root.
        partition_key: Key of its Dagster partition.
        rows: That leave raw.
        pruned: Rows of it that retention has taken out of raw before.
        refused: Open refused rows, which become resolved.
        waiting: Orphans, which the next transform resolves.
    """

    path: str
    source: str
    partition_key: str
    log_id: int
    rows: int
    pruned: int
    refused: int
    waiting: int


@dataclass(frozen=True)
class Untouched:
    """A path of which there is nothing to take back.

    Attributes:
        is_withdrawn: Whether that is so because it was withdrawn before.
    """

    path: str
    reason: str
    is_withdrawn: bool = False


def look(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], path: str
) -> Withdrawal | Untouched:
    """What a withdrawal of a path would do; nothing is changed.

    Args:
        connection: To the warehouse.
        contracts: Today's contracts by source.
        path: Below the landing root.
    """
    log_id = ledger.loaded_log_id(connection, path)
    file = None if log_id is None else ledger.successful(connection, log_id)
    if file is None:
        return _not_loaded(connection, contracts, path)
    if file.source not in contracts:
        return Untouched(
            path, f"no contract has its source {file.source} any more: put the contract back first"
        )
    row = connection.execute(
        "select l.valid_records - l.pruned_records, l.pruned_records,"
        " count(*) filter (where q.rejection_stage <> 'orphan'),"
        " count(*) filter (where q.rejection_stage = 'orphan')"
        " from ops.pipeline_file_log l"
        " left join ops.quarantine q on q.log_id = l.log_id and q.status = 'open'"
        " where l.log_id = %s group by l.log_id",
        [file.log_id],
    ).fetchone()
    counts = row or (0, 0, 0, 0)
    return Withdrawal(path, file.source, file.partition_key, file.log_id, *counts)


def _not_loaded(
    connection: psycopg.Connection, contracts: Mapping[str, Contract], path: str
) -> Untouched:
    entry = ledger.latest(connection, [path]).get(path)
    if entry is None:
        return Untouched(path, UNKNOWN)
    if entry.is_withdrawn:
        return Untouched(path, ALREADY, is_withdrawn=True)
    if entry.status != "success":
        return Untouched(path, FAILED)
    file = ledger.successful(connection, entry.log_id)
    contract = None if file is None else contracts.get(file.source)
    others = [] if contract is None else siblings(path, contract)
    in_place = [other for other in others if ledger.loaded_log_id(connection, other) is not None]
    return Untouched(path, f"{', '.join(in_place) or 'another file'} is loaded in its place")


def withdraw(
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
    found: Withdrawal,
    *,
    reason: str,
) -> Withdrawal | Untouched:
    """Take a load back, all of it or nothing.

    Waits for a load of the same partition that is at work; what that one loads is not taken back.

    Args:
        warehouse: Prepared for the contracts.
        contracts: Today's contracts by source.
        found: What `look` has found.
        reason: Why, for the audit log.

    Raises:
        IdentityError: Key, clock, first partition or landing zone are not those of the warehouse.
    """
    with warehouse.connect(autocommit=True) as connection, connection.transaction():
        file = ledger.locked_file(connection, found.log_id)
        if file is None or not file.is_loaded:
            present = look(connection, contracts, found.path)
            return Untouched(found.path, ANEW) if isinstance(present, Withdrawal) else present
        contract = contracts[file.source]
        ensure_key(connection, warehouse.settings)
        identity_guard.ensure(connection, warehouse.settings)
        if contract.cadence == "stream":
            months.hold(connection, contract, file.partition_at)
        sightings.lock(connection, contract)
        old = ledger.counts(connection, file.log_id)
        done = look(connection, contracts, found.path)
        ledger.withdraw(connection, file.log_id)
        store.remove_load(connection, contract, file.log_id, replaced_by=file.log_id)
        new = {"status": "withdrawn", "reason": reason}
        audit.write(connection, [audit.Entry("withdraw", found.path, old, new)])
    return done
