"""Releasing quarantined rows: judged again by today's contract, the good ones go into raw.

A released row joins the load of its file, as if the file had been loaded with today's contract:
the ledger's counts move, and so does the load's generation, so that the marts look at it again. One
transaction a file; what happens within it is in `release_file`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.judge.rejudge import HeldRow
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import identity_guard, ledger, months
from fastfeast_assets.warehouse.database import Warehouse
from fastfeast_assets.warehouse.person import suppression
from fastfeast_assets.warehouse.pii_key import ensure_key
from fastfeast_assets.warehouse.release_file import REPROCESS, FileRelease, Held, RowOutcome

WITHOUT_FILE = "the ledger knows no file of it"
UNKNOWN_SOURCE = "no contract has its source any more"
REPLACED = "its file was loaded anew or withdrawn since"


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
                    suppression.hold(connection)
                    ensure_key(connection, settings)
                    identity_guard.ensure(connection, settings, is_dry_run=is_dry_run)
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

    def __iter__(self) -> Iterator[list[Held]]:
        last = -1
        while chunk := self._after(last):
            yield chunk
            last = chunk[-1].row.quarantine_id

    def _after(self, last: int) -> list[Held]:
        rows = self.connection.execute(
            "select source, source_file, rejection_stage, quarantine_id, row_number, reasons,"
            " raw_data::text from ops.quarantine"
            " where log_id is not distinct from %s and quarantine_id = any(%s)"
            # Held, so that nobody discards a row between its judgement and its release.
            " and quarantine_id > %s and status = 'open'"
            " order by quarantine_id limit %s for update",
            [self.log_id, list(self.ids), last, self.size],
        ).fetchall()
        return [Held(source, path, stage, HeldRow(*row)) for source, path, stage, *row in rows]


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
    work = FileRelease(connection, contract, file, settings, run_id)
    outcomes = [outcome for chunk in chunks for outcome in work.judge(chunk)]
    work.settle()
    return outcomes
