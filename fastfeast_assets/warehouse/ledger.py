"""The ledger: which files are done, which failed, and what each attempt did.

Source of the rule: a file is done when its path and its present content are logged a success.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

import psycopg
from psycopg.types.json import Jsonb

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing.discover import DAY_KEY, HOUR_KEY, LandingFile
from fastfeast_assets.ingest.read.chunks import LineAccount
from fastfeast_assets.warehouse.code_version import code_version

REJECTED = "rejected"


@dataclass(frozen=True)
class Entry:
    """The last attempt to load a path."""

    log_id: int
    file_path: str
    file_hash: str | None
    fingerprint: str
    status: str
    is_loaded: bool
    is_withdrawn: bool
    code_version: str | None
    partition_at: datetime

    def is_done(self, file: LandingFile, *, retry_failed: bool) -> bool:
        """Whether the file with the same content need not be looked at again.

        Not what another file has taken the place of since, what stands in another first partition
        than it is to, and what failed by a defect of code that is another by now.
        """
        if self.is_withdrawn:
            return True
        if self.partition_at != file.partition_at:
            return False
        if self.status == "success":
            return self.is_loaded
        return not retry_failed and self.code_version in (None, code_version())


@dataclass(frozen=True)
class Outcome:
    """What an attempt did; the counts hold in = valid + quarantined.

    Attributes:
        failure_kind: Of a failed one: `rejected`, or the name of an exception nobody foresaw.
        lines: Of a CSV file that could be read to its end.
    """

    status: str
    file_hash: str | None
    failure_reason: str | None = None
    failure_kind: str | None = None
    total: int = 0
    valid: int = 0
    quarantined: int = 0
    duplicates: int = 0
    erased: int = 0
    checksum: int = 0
    extra_columns: Sequence[str] = ()
    lines: LineAccount | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class LoadedFile:
    """A successful attempt; `is_loaded` says whether raw holds its rows still."""

    log_id: int
    source: str
    file_path: str
    file_type: str
    file_hash: str
    partition_at: datetime
    is_loaded: bool

    @property
    def partition_key(self) -> str:
        """Key of its Dagster partition."""
        return self.partition_at.strftime(HOUR_KEY if self.file_type == "stream" else DAY_KEY)


def lock_partition(connection: psycopg.Connection, source: str, partition_key: str) -> None:
    """Let nobody else change what raw holds of a partition of a source until the end."""
    connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{source}/{partition_key}"]
    )


def successful(connection: psycopg.Connection, log_id: int) -> LoadedFile | None:
    """An attempt by its id; None when it failed or is unknown."""
    row = connection.execute(
        "select log_id, source, file_path, file_type, file_hash, partition_at, is_loaded"
        " from ops.pipeline_file_log where log_id = %s and status = 'success'",
        [log_id],
    ).fetchone()
    return None if row is None else LoadedFile(*row)


def locked_file(connection: psycopg.Connection, log_id: int) -> LoadedFile | None:
    """A successful attempt by its id, with its partition locked."""
    file = successful(connection, log_id)
    if file is None:
        return None
    lock_partition(connection, file.source, file.partition_key)
    return successful(connection, log_id)


def move_released(
    connection: psycopg.Connection, log_id: int, rows: int, *, checksum: int, duplicates: int
) -> None:
    """Count released rows as loaded; `duplicates` is by how many the repeated rows changed."""
    connection.execute(
        "update ops.pipeline_file_log set valid_records = valid_records + %s,"
        " quarantined = quarantined - %s, duplicate_count = duplicate_count + %s,"
        " row_checksum = row_checksum + %s where log_id = %s",
        [rows, rows, duplicates, checksum, log_id],
    )


def move_on(connection: psycopg.Connection, log_ids: Sequence[int]) -> None:
    """Let the marts look at these loads again, for something was decided about their rows.

    A transform that is at work has read the generation before, and says so when it is done.
    """
    connection.execute(
        "update ops.pipeline_file_log set generation = generation + 1 where log_id = any(%s)",
        [list(log_ids)],
    )


def latest(connection: psycopg.Connection, paths: Sequence[str]) -> dict[str, Entry]:
    """The last attempt of each path that has one."""
    rows = connection.execute(
        "select log_id, file_path, file_hash, fingerprint, status, is_loaded,"
        " withdrawn_at is not null, code_version, partition_at "
        "from ops.pipeline_file_log where is_latest and file_path = any(%s)",
        [list(paths)],
    ).fetchall()
    return {row[1]: Entry(*row) for row in rows}


def pending(
    connection: psycopg.Connection, files: Sequence[LandingFile], *, retry_failed: bool = False
) -> list[LandingFile]:
    """The files that are new, look changed since their last attempt, or are not done.

    A changed fingerprint is only a hint: `load_file` compares the content before it loads.

    Args:
        connection: To the warehouse.
        files: Ready files of the landing zone.
        retry_failed: Also give those whose content has failed before.
    """
    entries = latest(connection, [file.relative_path for file in files])
    return [
        file
        for file in files
        if (entry := entries.get(file.relative_path)) is None
        or entry.fingerprint != file.fingerprint
        or not entry.is_done(file, retry_failed=retry_failed)
    ]


def touch(connection: psycopg.Connection, entry: Entry, fingerprint: str) -> None:
    """Remember that the same content was seen again under a new fingerprint."""
    connection.execute(
        "update ops.pipeline_file_log set fingerprint = %s, landing_pruned_at = null"
        " where log_id = %s",
        [fingerprint, entry.log_id],
    )


def loaded_log_id(connection: psycopg.Connection, path: str) -> int | None:
    """The attempt whose rows raw holds for this path."""
    row = connection.execute(
        "select log_id from ops.pipeline_file_log where is_loaded and file_path = %s", [path]
    ).fetchone()
    return None if row is None else int(row[0])


def replace(connection: psycopg.Connection, paths: Sequence[str]) -> list[int]:
    """Note that another file holds what these paths hold; gives the loads to take out of raw."""
    rows = connection.execute(
        "update ops.pipeline_file_log set is_loaded = false"
        " where file_path = any(%s) and is_loaded returning log_id",
        [list(paths)],
    ).fetchall()
    return [int(row[0]) for row in rows]


def withdraw(connection: psycopg.Connection, log_id: int) -> None:
    """Note that a load is taken back, and let the marts look at it again."""
    connection.execute(
        "update ops.pipeline_file_log set is_loaded = false, withdrawn_at = clock_timestamp(),"
        " generation = generation + 1 where log_id = %s",
        [log_id],
    )


def counts(connection: psycopg.Connection, log_id: int) -> dict[str, object]:
    """An attempt as the audit log shows it."""
    row = connection.execute(
        "select status, total_records, valid_records, quarantined, duplicate_count"
        " from ops.pipeline_file_log where log_id = %s",
        [log_id],
    ).fetchone()
    names = ("status", "total_records", "valid_records", "quarantined", "duplicate_count")
    return {"log_id": log_id, **dict(zip(names, row or (), strict=False))}


def write(
    connection: psycopg.Connection,
    contract: Contract,
    file: LandingFile,
    outcome: Outcome,
    *,
    run_id: str,
) -> int:
    """Write the log row of an attempt; it becomes the latest of its path.

    A success takes the place of what raw held for the path, a failure leaves that standing.

    Returns:
        The `log_id`, which is the `_load_id` of the rows in raw.
    """
    is_success = outcome.status == "success"
    connection.execute(
        "update ops.pipeline_file_log set is_latest = false, is_loaded = is_loaded and not %s "
        "where file_path = %s and (is_latest or is_loaded)",
        [is_success, file.relative_path],
    )
    row = connection.execute(
        "insert into ops.pipeline_file_log (file_path, file_name, file_hash, file_type, source, "
        "source_table, status, rejection_stage, failure_reason, failure_kind, code_version, "
        "partition_at, bytes, fingerprint, run_id, landed_at, duration_seconds, is_latest, "
        "is_loaded) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, "
        "true, %s) returning log_id",
        [
            file.relative_path,
            PurePosixPath(file.relative_path).name,
            outcome.file_hash,
            contract.cadence,
            contract.source,
            contract.target,
            outcome.status,
            None if is_success else "file",
            outcome.failure_reason,
            outcome.failure_kind,
            code_version() if outcome.failure_kind not in (None, REJECTED) else None,
            file.partition_at,
            file.size,
            file.fingerprint,
            run_id,
            datetime.fromtimestamp(file.landed_ns / 1e9, tz=UTC),
            outcome.seconds,
            is_success,
        ],
    ).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


def complete(connection: psycopg.Connection, log_id: int, outcome: Outcome) -> None:
    """Add to a log row what its load came to, right before the transaction commits."""
    connection.execute(
        "update ops.pipeline_file_log set total_records = %s, valid_records = %s, "
        "quarantined = %s, duplicate_count = %s, erased_records = %s, row_checksum = %s, "
        "extra_columns = %s, "
        "line_count = %s, other_lines = %s, duration_seconds = %s, "
        "committed_at = clock_timestamp() where log_id = %s",
        [
            outcome.total,
            outcome.valid,
            outcome.quarantined,
            outcome.duplicates,
            outcome.erased,
            outcome.checksum,
            Jsonb(list(outcome.extra_columns)),
            outcome.lines.total if outcome.lines else None,
            outcome.lines.other if outcome.lines else None,
            outcome.seconds,
            log_id,
        ],
    )
