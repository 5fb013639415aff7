"""One landing file into raw, quarantine and ledger: one transaction, all of it or nothing."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

import psycopg

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.errors import FileChangedError, FileRejectedError, StoreError
from fastfeast_assets.ingest.landing.discover import LandingFile
from fastfeast_assets.ingest.landing.layout import siblings
from fastfeast_assets.ingest.read.source import Content, content_of
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import audit, identity_guard, ledger, months, sightings, store
from fastfeast_assets.warehouse.database import Warehouse
from fastfeast_assets.warehouse.identity import IdentityError
from fastfeast_assets.warehouse.intake import Intake
from fastfeast_assets.warehouse.ledger import Outcome
from fastfeast_assets.warehouse.person import suppression
from fastfeast_assets.warehouse.pii_key import ensure_key, masker_of
from fastfeast_assets.warehouse.upgrade.errors import NewerWarehouseError

logger = logging.getLogger(__name__)

PACKAGE = Path(__file__).parent.parent

Status = Literal["success", "failed", "skipped", "unsettled"]

# SQLSTATEs of values beyond what the server can hold, which psycopg counts as operational.
LIMIT_EXCEEDED = "54"


@dataclass(frozen=True)
class FileReport:
    """What became of a file.

    Attributes:
        status: `success`, `failed` (refused as a whole), `skipped` (its content was loaded or
            failed before), `unsettled` (it changed while it was read; later).
        reasons: `rule:column` -> rows; a row with several reasons counts in each.
        seconds: From opening the file to the end of its transaction.
    """

    source: str
    relative_path: str
    partition_key: str
    status: Status
    log_id: int | None = None
    failure_reason: str | None = None
    total: int = 0
    valid: int = 0
    quarantined: int = 0
    duplicates: int = 0
    seconds: float = 0.0
    reasons: Mapping[str, int] = field(default_factory=dict)
    file_hash: str | None = None
    bytes: int = 0
    extra_columns: Sequence[str] = ()


def load_file(
    warehouse: Warehouse,
    contract: Contract,
    file: LandingFile,
    *,
    run_id: str,
    settings: Settings,
    retry_failed: bool = False,
    is_forced: bool = False,
) -> FileReport:
    """Load a file unless its content is done; nothing in the file ever raises.

    The rows of an earlier version of the same path are replaced, and those of the same file in
    another format. Whatever goes wrong over the file, however unforeseen, fails this file alone.

    Args:
        warehouse: Prepared for the contract.
        contract: The file's contract.
        file: The file as it was discovered.
        run_id: Who loads: kept with every row.
        settings: Key, chunk size, business clock.
        retry_failed: Load again content that failed before.
        is_forced: Load again whatever the ledger says; the audit log tells who did.

    Raises:
        psycopg.OperationalError: The server is gone; nothing of the file is stored.
        StoreError: The object store is gone; nothing of the file is stored.
        IdentityError: Key, clock, first partition or landing zone are not those of the warehouse.
        NewerWarehouseError: A newer version has upgraded the warehouse meanwhile.
    """
    loading = _Loading(warehouse, contract, file, run_id, settings, retry_failed, is_forced)
    try:
        with file.path.opened() as stream:
            return loading.run(stream)
    except FileChangedError as error:
        return loading.report("unsettled", failure_reason=str(error))
    except FileRejectedError as error:
        return loading.fail(str(error))
    except OSError as error:
        return loading.fail(f"cannot be read: {error.strerror}; check the disk")
    except psycopg.Error as error:
        is_of_value = isinstance(error, psycopg.DataError | psycopg.IntegrityError)
        if not is_of_value and not (error.sqlstate or "").startswith(LIMIT_EXCEEDED):
            raise
        return loading.fail(
            f"the database refused a value that the contract allows (SQLSTATE {error.sqlstate}); "
            "tighten the contract or report this",
            kind=type(error).__name__,
        )
    except (StoreError, IdentityError, NewerWarehouseError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it costs this file alone
        return loading.fail(_told(error), kind=type(error).__name__)


def _told(error: Exception) -> str:
    """An exception that nobody foresaw, without its text, which may hold values of the file."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if PACKAGE in Path(frame.filename).parents] or frames
    where = f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else "nowhere"
    return (
        f"a defect of this program: {type(error).__name__} in {where}; report this with the file."
        " The file is tried again when its content changes or another version is installed"
    )


@dataclass
class _Loading:
    """One attempt at one file."""

    warehouse: Warehouse
    contract: Contract
    file: LandingFile
    run_id: str
    settings: Settings
    retry_failed: bool
    is_forced: bool
    started: float = field(default_factory=time.perf_counter)
    content: Content | None = None
    rows: Intake = field(init=False)

    def __post_init__(self) -> None:
        """Begins without rows."""
        self.rows = Intake(self.contract, self.settings)

    def run(self, stream: BinaryIO) -> FileReport:
        """Load the open file, or find that there is nothing to do."""
        self.file.path.ensure_unchanged(stream, self.file.fingerprint)
        self.content = content_of(stream)
        with self.warehouse.connect() as connection:
            with connection.transaction():
                identity_guard.ensure(connection, self.settings, is_dry_run=True)
                months.make_room(
                    connection, self.contract, self.file.partition_at, is_forced=self.is_forced
                )
            with connection.transaction():
                self._enter(connection)
                if (entry := self._done(connection)) is not None:
                    ledger.touch(connection, entry, self.file.fingerprint)
                    return self.report("skipped", log_id=entry.log_id)
                months.enter(
                    connection, self.contract, self.file.partition_at, is_forced=self.is_forced
                )
                suppressed = suppression.of(connection, self.contract)
                masker = masker_of(connection, self.settings)
                old, log_id = self._begin(connection)
                load, lines = self._load(log_id), self.content.lines
                self.rows.take(connection, stream, load, masker, suppressed, lines=lines)
                self.file.path.ensure_unchanged(stream, self.file.fingerprint)
                outcome = self._outcome("success")
                ledger.complete(connection, log_id, outcome)
                self._audit(connection, old, log_id, outcome)
        return self.report("success", log_id=log_id)

    def fail(self, reason: str, *, kind: str = ledger.REJECTED) -> FileReport:
        """Log that the file as a whole is refused; what raw held of it stays."""
        self.rows = Intake(self.contract, self.settings)
        with self.warehouse.connect() as connection, connection.transaction():
            self._enter(connection)
            if (entry := self._done(connection)) is not None:
                ledger.touch(connection, entry, self.file.fingerprint)
                return self.report("skipped", log_id=entry.log_id)
            outcome = self._outcome("failed", reason, kind)
            log_id = ledger.write(connection, self.contract, self.file, outcome, run_id=self.run_id)
            self._audit(connection, None, log_id, outcome)
        logger.warning("%s failed: %s", self.file.relative_path, reason)
        return self.report("failed", log_id=log_id, failure_reason=reason)

    @property
    def file_hash(self) -> str | None:
        """MD5 of the content, once it has been read."""
        return self.content.hash if self.content else None

    def report(
        self, status: Status, *, log_id: int | None = None, failure_reason: str | None = None
    ) -> FileReport:
        """What became of the file."""
        return FileReport(
            source=self.contract.source,
            relative_path=self.file.relative_path,
            partition_key=self.file.partition_key,
            status=status,
            log_id=log_id,
            failure_reason=failure_reason,
            total=self.rows.total,
            valid=self.rows.valid,
            quarantined=self.rows.quarantined,
            duplicates=self.rows.duplicates,
            seconds=time.perf_counter() - self.started,
            reasons=dict(self.rows.reasons),
            file_hash=self.file_hash,
            bytes=self.file.size,
            extra_columns=list(self.rows.extra_columns),
        )

    def _outcome(
        self, status: str, failure_reason: str | None = None, failure_kind: str | None = None
    ) -> Outcome:
        return Outcome(
            status=status,
            file_hash=self.file_hash,
            failure_reason=failure_reason,
            failure_kind=failure_kind,
            total=self.rows.total,
            valid=self.rows.valid,
            quarantined=self.rows.quarantined,
            duplicates=self.rows.duplicates,
            erased=self.rows.erased,
            lines=self.rows.lines,
            checksum=self.rows.checksum,
            extra_columns=list(self.rows.extra_columns),
            seconds=time.perf_counter() - self.started,
        )

    def _enter(self, connection: psycopg.Connection) -> None:
        """Be alone in the partition, with settings that belong to the warehouse."""
        ledger.lock_partition(connection, self.contract.source, self.file.partition_key)
        ensure_key(connection, self.settings)
        identity_guard.claim(connection, self.settings)

    def _done(self, connection: psycopg.Connection) -> ledger.Entry | None:
        """The last attempt, when it was at this very content and need not be repeated."""
        path = self.file.relative_path
        entry = ledger.latest(connection, [path]).get(path)
        if self.is_forced or entry is None or entry.file_hash != self.file_hash:
            return None
        return entry if entry.is_done(self.file, retry_failed=self.retry_failed) else None

    def _begin(self, connection: psycopg.Connection) -> tuple[int | None, int]:
        """Write the log row and take out what the file left before, in this format or another.

        Returns:
            The load that is replaced, if there is one, and the new one.
        """
        sightings.lock(connection, self.contract)
        old = ledger.loaded_log_id(connection, self.file.relative_path)
        log_id = ledger.write(
            connection, self.contract, self.file, self._outcome("success"), run_id=self.run_id
        )
        others = ledger.replace(connection, siblings(self.file.relative_path, self.contract))
        for load in [old, *others] if old is not None else others:
            store.remove_load(connection, self.contract, load, replaced_by=log_id)
        return old, log_id

    def _load(self, log_id: int) -> store.Load:
        return store.Load(
            contract=self.contract,
            log_id=log_id,
            relative_path=self.file.relative_path,
            partition_at=self.file.partition_at,
            file_hash=self.file_hash or "",
            run_id=self.run_id,
        )

    def _audit(
        self, connection: psycopg.Connection, old: int | None, log_id: int, outcome: Outcome
    ) -> None:
        """Say who loaded a file again that the ledger knew."""
        if not self.is_forced:
            return
        counts = {"total_records": outcome.total, "valid_records": outcome.valid}
        new = {"log_id": log_id, "status": outcome.status, **counts}
        entry = audit.Entry(
            "reprocess",
            self.file.relative_path,
            None if old is None else ledger.counts(connection, old),
            new,
        )
        audit.write(connection, [entry])
