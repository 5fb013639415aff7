"""Releasing quarantined rows: judged again by today's contract, the good ones go into raw.

A released row joins the load of its file, as if the file had been loaded with today's contract:
the ledger's counts move, and the load counts as not yet digested, so that the marts look at it
again. One transaction a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg.types.json import Jsonb

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.mask import Masker
from fastfeast_assets.ingest.rejudge import HeldRow, Rejudge, obstacle
from fastfeast_assets.ingest.verdict import RejectedRow
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import audit, ledger, months, store
from fastfeast_assets.warehouse.database import TRANSFORM_LOCK, Warehouse
from fastfeast_assets.warehouse.pii_key import ensure_key

Result = Literal["released", "refused", "unreadable"]

REPROCESS = "load its file again with `fastfeast reprocess`"
ORPHAN = "it is no refused row but waits for its parent, whose arrival resolves it"
WITHOUT_FILE = "the ledger knows no file of it"
UNKNOWN_SOURCE = "no contract has its source any more"
REPLACED = "another version of its file was loaded since"


@dataclass(frozen=True)
class RowOutcome:
    """What became of a quarantined row.

    Attributes:
        result: `released` into raw, still `refused`, or `unreadable` from the quarantine.
        text: The present reasons of a refused row, or why it cannot be read.
    """

    quarantine_id: int
    source: str
    source_file: str
    row_number: int
    result: Result
    text: str = ""


@dataclass(frozen=True)
class _Held:
    """An open row of the quarantine with its place."""

    source: str
    source_file: str
    stage: str
    row: HeldRow

    def outcome(self, result: Result, text: str = "") -> RowOutcome:
        return RowOutcome(
            self.row.quarantine_id,
            self.source,
            self.source_file,
            self.row.row_number,
            result,
            text,
        )


def release(
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
    ids: Sequence[int],
    *,
    settings: Settings,
    run_id: str,
    is_dry_run: bool,
) -> list[RowOutcome]:
    """Judge open rows of the quarantine again and load those that are good now.

    Args:
        warehouse: Prepared for the contracts.
        contracts: Today's contracts by source.
        ids: Rows by `quarantine_id`; those that are not open are left out.
        settings: Key, chunk size, business clock.
        run_id: Kept with every released row.
        is_dry_run: Do everything and take it back.
    """
    outcomes: list[RowOutcome] = []
    with warehouse.connect(autocommit=True) as connection:
        for log_id in _logs(connection, ids):
            chunks = _Chunks(connection, log_id, ids, settings.chunk_rows)
            try:
                with connection.transaction(force_rollback=is_dry_run):
                    ensure_key(connection, settings)
                    if not is_dry_run:
                        # A running transform may have read the load and mark it digested.
                        connection.execute("select pg_advisory_xact_lock(%s)", [TRANSFORM_LOCK])
                    outcomes += _of_file(connection, contracts, chunks, settings, run_id)
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                problem = f"the database refused a value (SQLSTATE {error.sqlstate}); {REPROCESS}"
                outcomes += [held.outcome("unreadable", problem) for c in chunks for held in c]
    return outcomes


def _logs(connection: psycopg.Connection, ids: Sequence[int]) -> list[int | None]:
    rows = connection.execute(
        "select distinct log_id from ops.quarantine"
        " where quarantine_id = any(%s) and status = 'open' order by 1",
        [list(ids)],
    ).fetchall()
    return [row[0] for row in rows]


@dataclass(frozen=True)
class _Chunks:
    """The chosen open rows of a file, in order, a bounded number at a time."""

    connection: psycopg.Connection
    log_id: int | None
    ids: Sequence[int]
    size: int

    def __iter__(self) -> Iterator[list[_Held]]:
        last = -1
        while chunk := self._after(last):
            yield chunk
            last = chunk[-1].row.quarantine_id

    def _after(self, last: int) -> list[_Held]:
        rows = self.connection.execute(
            "select source, source_file, rejection_stage, quarantine_id, row_number, reasons,"
            " raw_data::text from ops.quarantine"
            " where log_id is not distinct from %s and quarantine_id = any(%s)"
            " and quarantine_id > %s and status = 'open' order by quarantine_id limit %s",
            [self.log_id, list(self.ids), last, self.size],
        ).fetchall()
        return [_Held(source, path, stage, HeldRow(*row)) for source, path, stage, *row in rows]


def _of_file(
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    chunks: _Chunks,
    settings: Settings,
    run_id: str,
) -> list[RowOutcome]:
    """Release the rows of a file, or say of all of them why that cannot be."""
    file = None if chunks.log_id is None else ledger.locked_file(connection, chunks.log_id)
    contract = None if file is None else contracts.get(file.source)
    if file is None or contract is None or not file.is_loaded:
        problem = UNKNOWN_SOURCE if file is not None and contract is None else REPLACED
        problem = WITHOUT_FILE if file is None else problem
        return [held.outcome("unreadable", problem) for chunk in chunks for held in chunk]
    try:
        months.enter(connection, contract, file.partition_at, is_forced=False)
    except FileRejectedError as error:
        return [held.outcome("unreadable", str(error)) for chunk in chunks for held in chunk]
    work = _FileRelease(connection, contract, file, settings, run_id)
    outcomes = [outcome for chunk in chunks for outcome in work.judge(chunk)]
    work.settle()
    return outcomes


class _FileRelease:
    """The release of rows of one file, in the present transaction."""

    def __init__(
        self,
        connection: psycopg.Connection,
        contract: Contract,
        file: ledger.LoadedFile,
        settings: Settings,
        run_id: str,
    ) -> None:
        self._connection = connection
        self._contract = contract
        self._file = file
        self._load = store.Load(
            contract, file.log_id, file.file_path, file.partition_at, file.file_hash, run_id
        )
        self._rejudge = Rejudge(
            contract,
            Masker(settings.pii_key_bytes),
            settings.zone,
            is_json=file.file_path.endswith(".json"),
        )
        self._released: list[int] = []
        self._duplicates = 0

    def judge(self, chunk: Sequence[_Held]) -> list[RowOutcome]:
        """Load what is good now, refresh the reasons of what is not."""
        problems = {
            held.row.quarantine_id: ORPHAN
            if held.stage == "orphan"
            else obstacle(self._contract, held.row)
            for held in chunk
        }
        outcomes = [
            held.outcome("unreadable", problem if problem == ORPHAN else f"{problem}; {REPROCESS}")
            for held in chunk
            if (problem := problems[held.row.quarantine_id]) is not None
        ]
        # The order of the file decides which of two rows with one key is the first.
        readable = sorted(
            (held for held in chunk if problems[held.row.quarantine_id] is None),
            key=lambda held: held.row.row_number,
        )
        if not readable:
            return outcomes
        rows = [held.row for held in readable]
        verdict = self._rejudge.judge(rows)
        loaded = store.loaded_keys(self._connection, self._load, verdict.keys)
        self._rejudge.refuse_repeats(verdict, loaded)
        store.copy_rows(self._connection, self._load, self._rejudge.accepted(verdict, rows))
        released = [rows[offset] for offset in range(len(rows)) if offset not in verdict.reasons]
        self._mark_released(released)
        for offset, held in enumerate(readable):
            if offset in verdict.reasons:
                fresh = self._rejudge.rejected(verdict, offset)
                self._refresh(held, fresh)
                outcomes.append(held.outcome("refused", fresh.text))
            else:
                outcomes.append(held.outcome("released"))
        return outcomes

    def _mark_released(self, rows: Sequence[HeldRow]) -> None:
        self._released += [row.quarantine_id for row in rows]
        self._duplicates -= sum(row.is_repeated for row in rows)
        self._connection.execute(
            "update ops.quarantine set status = 'released', resolved_at = now()"
            " where quarantine_id = any(%s)",
            [[row.quarantine_id for row in rows]],
        )
        audit.write(
            self._connection,
            (
                audit.Entry(
                    "release",
                    f"quarantine/{row.quarantine_id}",
                    {"status": "open", "reasons": list(row.reasons)},
                    {"status": "released", "log_id": self._file.log_id},
                )
                for row in rows
            ),
        )

    def _refresh(self, held: _Held, fresh: RejectedRow) -> None:
        """Give a row that is still refused the reasons of today's contract."""
        row = held.row
        if list(row.reasons) == fresh.reasons:
            return
        is_repeated = any(reason["rule"] == "duplicate" for reason in fresh.reasons)
        self._duplicates += is_repeated - row.is_repeated
        self._connection.execute(
            "update ops.quarantine set rejection_stage = %s, rejection_reason = %s, reasons = %s,"
            " primary_key = %s where quarantine_id = %s",
            [fresh.stage, fresh.text, Jsonb(fresh.reasons), fresh.primary_key, row.quarantine_id],
        )
        old, new = {"reasons": list(row.reasons)}, {"reasons": fresh.reasons}
        target = f"quarantine/{row.quarantine_id}"
        audit.write(self._connection, [audit.Entry("refresh", target, old, new)])

    def settle(self) -> None:
        """Move the counts of the ledger, and let the marts digest the load once more."""
        if not self._released and not self._duplicates:
            return
        log_id = self._file.log_id
        old = ledger.counts(self._connection, log_id)
        ledger.move_released(
            self._connection, log_id, len(self._released), duplicates=self._duplicates
        )
        new = {**ledger.counts(self._connection, log_id), "released": len(self._released)}
        entry = audit.Entry("release", self._file.file_path, old, new)
        audit.write(self._connection, [entry])
        if self._released:
            self._connection.execute("delete from ops.consumed_load where load_id = %s", [log_id])
