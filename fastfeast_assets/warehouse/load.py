"""One landing file into raw, quarantine and ledger: one transaction, all of it or nothing."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

import psycopg

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.chunks import Reader
from fastfeast_assets.ingest.discover import LandingFile
from fastfeast_assets.ingest.errors import FileChangedError, FileRejectedError
from fastfeast_assets.ingest.mask import Masker
from fastfeast_assets.ingest.read_csv import CsvReader
from fastfeast_assets.ingest.read_json import JsonReader
from fastfeast_assets.ingest.source import content_hash, ensure_unchanged, opened, text_of
from fastfeast_assets.ingest.text import storable
from fastfeast_assets.ingest.verdict import Judge, Verdict
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import audit, ledger, months, store
from fastfeast_assets.warehouse.database import Warehouse
from fastfeast_assets.warehouse.ledger import Outcome
from fastfeast_assets.warehouse.pii_key import ensure_key

logger = logging.getLogger(__name__)

Status = Literal["success", "failed", "skipped", "unsettled"]

# One stray byte costs its row. A file in which every tenth row has one is another encoding.
MAXIMUM_SHARE_OF_BAD_ROWS = 0.1


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
    """Load a file unless its content is done; bad input never raises.

    The rows of an earlier version of the same path are replaced.

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
        KeyChangedError: The key is not that of the hashes in the warehouse.
    """
    started = time.perf_counter()
    loading = _Loading(
        warehouse, contract, file, run_id, settings, retry_failed, is_forced, started
    )
    try:
        with opened(file.path) as stream:
            return loading.run(stream)
    except FileChangedError as error:
        return loading.report("unsettled", failure_reason=str(error))
    except FileRejectedError as error:
        return loading.fail(str(error))
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        return loading.fail(
            f"the database refused a value that the contract allows (SQLSTATE {error.sqlstate}); "
            "tighten the contract or report this"
        )


class _Loading:
    """One attempt at one file."""

    def __init__(
        self,
        warehouse: Warehouse,
        contract: Contract,
        file: LandingFile,
        run_id: str,
        settings: Settings,
        retry_failed: bool,
        is_forced: bool,
        started: float,
    ) -> None:
        self._warehouse = warehouse
        self._contract = contract
        self._file = file
        self._run_id = run_id
        self._settings = settings
        self._retry_failed = retry_failed
        self._is_forced = is_forced
        self._started = started
        self._hash: str | None = None
        self._valid = 0
        self._quarantined = 0
        self._duplicates = 0
        self._bad_rows = 0
        self._reasons: Counter[str] = Counter()
        self._extra_columns: dict[str, None] = {}

    def run(self, stream: BinaryIO) -> FileReport:
        """Load the open file, or find that there is nothing to do."""
        ensure_unchanged(stream, self._file.path, self._file.fingerprint)
        self._hash = content_hash(stream)
        with self._warehouse.connect() as connection:
            with connection.transaction():
                months.make_room(
                    connection,
                    self._contract,
                    self._file.partition_at,
                    is_forced=self._is_forced,
                )
            with connection.transaction():
                self._lock(connection)
                ensure_key(connection, self._settings)
                if (entry := self._done(connection)) is not None:
                    ledger.touch(connection, entry, self._file.fingerprint)
                    return self.report("skipped", log_id=entry.log_id)
                months.enter(
                    connection,
                    self._contract,
                    self._file.partition_at,
                    is_forced=self._is_forced,
                )
                old, log_id = self._begin(connection)
                self._store(connection, stream, log_id)
                ensure_unchanged(stream, self._file.path, self._file.fingerprint)
                outcome = self._outcome("success")
                ledger.complete(connection, log_id, outcome)
                self._audit(connection, old, log_id, outcome)
        return self.report("success", log_id=log_id)

    def fail(self, reason: str) -> FileReport:
        """Log that the file as a whole is refused; what raw held of it stays."""
        self._valid = self._quarantined = self._duplicates = 0
        self._reasons.clear()
        with self._warehouse.connect() as connection, connection.transaction():
            self._lock(connection)
            if (entry := self._done(connection)) is not None:
                ledger.touch(connection, entry, self._file.fingerprint)
                return self.report("skipped", log_id=entry.log_id)
            outcome = self._outcome("failed", reason)
            log_id = ledger.write(
                connection, self._contract, self._file, outcome, run_id=self._run_id
            )
            self._audit(connection, None, log_id, outcome)
        logger.warning("%s failed: %s", self._file.relative_path, reason)
        return self.report("failed", log_id=log_id, failure_reason=reason)

    def report(
        self, status: Status, *, log_id: int | None = None, failure_reason: str | None = None
    ) -> FileReport:
        """What became of the file."""
        return FileReport(
            source=self._contract.source,
            relative_path=self._file.relative_path,
            partition_key=self._file.partition_key,
            status=status,
            log_id=log_id,
            failure_reason=failure_reason,
            total=self._valid + self._quarantined,
            valid=self._valid,
            quarantined=self._quarantined,
            duplicates=self._duplicates,
            seconds=time.perf_counter() - self._started,
            reasons=dict(self._reasons),
            file_hash=self._hash,
            bytes=self._file.size,
            extra_columns=list(self._extra_columns),
        )

    def _outcome(self, status: str, failure_reason: str | None = None) -> Outcome:
        return Outcome(
            status=status,
            file_hash=self._hash,
            failure_reason=failure_reason,
            total=self._valid + self._quarantined,
            valid=self._valid,
            quarantined=self._quarantined,
            duplicates=self._duplicates,
            extra_columns=list(self._extra_columns),
            seconds=time.perf_counter() - self._started,
        )

    def _lock(self, connection: psycopg.Connection) -> None:
        ledger.lock_partition(connection, self._contract.source, self._file.partition_key)

    def _done(self, connection: psycopg.Connection) -> ledger.Entry | None:
        """The last attempt, when it was at this very content and need not be repeated."""
        path = self._file.relative_path
        entry = ledger.latest(connection, [path]).get(path)
        if self._is_forced or entry is None or entry.file_hash != self._hash:
            return None
        return None if entry.status == "failed" and self._retry_failed else entry

    def _begin(self, connection: psycopg.Connection) -> tuple[int | None, int]:
        """Write the log row and take out what an earlier version of the file left.

        Returns:
            The load that is replaced, if there is one, and the new one.
        """
        old = ledger.loaded_log_id(connection, self._file.relative_path)
        log_id = ledger.write(
            connection, self._contract, self._file, self._outcome("success"), run_id=self._run_id
        )
        if old is not None:
            store.remove_load(connection, self._contract, old, replaced_by=log_id)
        return old, log_id

    def _audit(
        self, connection: psycopg.Connection, old: int | None, log_id: int, outcome: Outcome
    ) -> None:
        """Say who loaded a file again that the ledger knew."""
        if not self._is_forced:
            return
        counts = {"total_records": outcome.total, "valid_records": outcome.valid}
        new = {"log_id": log_id, "status": outcome.status, **counts}
        entry = audit.Entry(
            "reprocess",
            self._file.relative_path,
            None if old is None else ledger.counts(connection, old),
            new,
        )
        audit.write(connection, [entry])

    def _store(self, connection: psycopg.Connection, stream: BinaryIO, log_id: int) -> None:
        is_json = self._file.path.suffix == ".json"
        masker = Masker(self._settings.pii_key_bytes)
        judge = Judge(self._contract, masker, self._settings.zone, is_json=is_json)
        load = store.Load(
            contract=self._contract,
            log_id=log_id,
            relative_path=self._file.relative_path,
            partition_at=self._file.partition_at,
            file_hash=self._hash or "",
            run_id=self._run_id,
        )
        reader_type = JsonReader if is_json else CsvReader
        names = [column.name for column in self._contract.columns]
        with text_of(stream) as text:
            reader: Reader = reader_type(text, names, self._settings.chunk_rows)
            for chunk in reader.chunks():
                verdict = judge.judge(chunk)
                loaded = store.loaded_keys(connection, load, verdict.keys) if self._valid else ()
                judge.refuse_repeats(verdict, loaded)
                self._store_chunk(connection, load, judge, verdict)
        total = self._valid + self._quarantined
        if self._bad_rows > total * MAXIMUM_SHARE_OF_BAD_ROWS:
            raise FileRejectedError(
                f"not UTF-8: {self._bad_rows} of {total} rows hold bytes that are none; export "
                "the file as UTF-8"
            )

    def _store_chunk(
        self, connection: psycopg.Connection, load: store.Load, judge: Judge, verdict: Verdict
    ) -> None:
        self._valid += store.copy_rows(connection, load, judge.accepted(verdict))
        rejected = (judge.rejected(verdict, offset) for offset in sorted(verdict.reasons))
        self._quarantined += store.copy_rejected(connection, load, rejected)
        self._bad_rows += int(verdict.has_bad_bytes.sum())
        for reasons in verdict.reasons.values():
            self._reasons.update(f"{reason.rule}:{reason.column}" for reason in reasons)
            self._duplicates += any(reason.rule == "duplicate" for reason in reasons)
        for extra in verdict.chunk.extras.values():
            self._extra_columns.update(dict.fromkeys(storable(name) for name in extra))
