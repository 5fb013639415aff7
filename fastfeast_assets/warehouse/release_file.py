"""Quarantined rows of one file judged again: loaded, given their present reasons, or left.

Belongs here: what a release does to the rows of a file within its transaction. Which rows and
files, and what the file itself must be, is in `release`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg.types.json import Jsonb

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.rejudge import ERASED_PERSON, HeldRow, Rejudge, obstacle
from fastfeast_assets.ingest.judge.verdict import RejectedRow
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import audit, ledger, store
from fastfeast_assets.warehouse.checksum import checksum
from fastfeast_assets.warehouse.pii_key import masker_of

Result = Literal["released", "refused", "unreadable"]

REPROCESS = "load its file again with `fastfeast reprocess`"
ORPHAN = "it is no refused row but waits for its parent, whose arrival resolves it"
# What its file would change nothing about.
FINAL = frozenset({ORPHAN, ERASED_PERSON})


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
class Held:
    """An open row of the quarantine with its place."""

    source: str
    source_file: str
    stage: str
    row: HeldRow

    def outcome(self, result: Result, text: str = "") -> RowOutcome:
        """What became of it."""
        return RowOutcome(
            self.row.quarantine_id,
            self.source,
            self.source_file,
            self.row.row_number,
            result,
            text,
        )


class FileRelease:
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
            masker_of(connection, settings),
            settings.zone,
            is_json=file.file_path.endswith(".json"),
        )
        self._released: list[int] = []
        self._duplicates = 0
        self._checksum = 0

    def judge(self, chunk: Sequence[Held]) -> list[RowOutcome]:
        """Load what is good now, refresh the reasons of what is not."""
        problems = {
            held.row.quarantine_id: ORPHAN
            if held.stage == "orphan"
            else obstacle(self._contract, held.row)
            for held in chunk
        }
        outcomes = [
            held.outcome("unreadable", problem if problem in FINAL else f"{problem}; {REPROCESS}")
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
        accepted = self._rejudge.accepted(verdict, rows)
        store.copy_rows(self._connection, self._load, accepted)
        self._checksum += checksum(self._contract, accepted)
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

    def _refresh(self, held: Held, fresh: RejectedRow) -> None:
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
            self._connection,
            log_id,
            len(self._released),
            checksum=self._checksum,
            duplicates=self._duplicates,
        )
        new = {**ledger.counts(self._connection, log_id), "released": len(self._released)}
        entry = audit.Entry("release", self._file.file_path, old, new)
        audit.write(self._connection, [entry])
        if self._released:
            ledger.move_on(self._connection, [log_id])
