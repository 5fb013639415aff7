"""Retention of landing files: those that are loaded, old and needed by nobody may be deleted.

The ledger decides, and the content is held against it once more right before the end. A file that
is not loaded, or that differs from what was loaded, is the only copy of something and stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from fastfeast_assets.ingest.errors import FileChangedError, FileRejectedError
from fastfeast_assets.ingest.landing.discover import LandingFile
from fastfeast_assets.ingest.read.source import content_of
from fastfeast_assets.warehouse import audit, ledger
from fastfeast_assets.warehouse.database import Warehouse

NOT_LOADED = "not loaded"
CHANGED = "changed since it was loaded"
LINK = "a link, or what one leads to: remove both yourself"
WAITED_FOR = "rows of it wait or are refused: resolve, release or discard them"
OLD = (
    "select l.log_id, l.file_path, l.status = 'success' and l.is_loaded, l.file_hash,"
    " l.fingerprint,"
    " exists (select from ops.quarantine q where q.log_id = l.log_id and q.status = 'open')"
    " from ops.pipeline_file_log l where l.is_latest and l.file_path = any(%s)"
)


@dataclass(frozen=True)
class OldFile:
    """A file that is past its time.

    Attributes:
        log_id: Its load; None where the ledger does not know it.
        file_hash: Of the content that was loaded.
        reason: Why it stays; empty when it may go.
    """

    file: LandingFile
    log_id: int | None
    file_hash: str | None
    reason: str


def old_files(
    connection: psycopg.Connection, files: Sequence[LandingFile], before: datetime
) -> list[OldFile]:
    """The files whose partition began, and which landed, before a moment; each judged.

    Args:
        connection: To the warehouse.
        files: Those of the landing zone.
        before: With a zone, that of the business clock.
    """
    clock = before.replace(tzinfo=None)
    old = [
        file
        for file in files
        if file.partition_at < clock and file.landed_ns < before.timestamp() * 1e9
    ]
    rows = connection.execute(OLD, [[file.relative_path for file in old]]).fetchall()
    known = {row[1]: row for row in rows}
    linked = {file.path.place for file in files if file.path.is_link}
    return [
        _judged(file, known.get(file.relative_path), is_linked=file.path.place in linked)
        for file in old
    ]


def _judged(file: LandingFile, row: tuple[Any, ...] | None, *, is_linked: bool = False) -> OldFile:
    if row is None:
        return OldFile(file, None, None, NOT_LOADED)
    log_id, _, is_loaded, file_hash, fingerprint, is_waited_for = row
    reason = ""
    if not is_loaded:
        reason = NOT_LOADED
    elif fingerprint != file.fingerprint:
        reason = CHANGED
    elif is_waited_for:
        reason = WAITED_FOR
    elif is_linked:
        reason = LINK
    return OldFile(file, log_id, file_hash, reason)


def prune(warehouse: Warehouse, old: OldFile) -> str:
    """Delete a file that may go, if that is still so; gives why it stays, or nothing.

    The ledger knows before the file is gone: a kill in between leaves a file that the next call
    deletes, never one that seems to have vanished.

    Raises:
        FileRejectedError: It may not be deleted here; the text says what to do.
        StoreError: Its store cannot be reached.
    """
    file = old.file
    with warehouse.connect(autocommit=True) as connection:
        with connection.transaction():
            ledger.lock_partition(connection, file.source, file.partition_key)
            now = connection.execute(OLD, [[file.relative_path]]).fetchone()
            present = _judged(file, now)
            if present.reason or present.log_id is None:
                return present.reason
            if not _is_same(file, present.file_hash):
                return CHANGED
            _mark(connection, present.log_id, is_pruned=True)
        try:
            file.path.delete(file.fingerprint)
        except FileChangedError:
            _mark(connection, present.log_id, is_pruned=False)
            return CHANGED
        except BaseException:
            _mark(connection, present.log_id, is_pruned=False)
            raise
        with connection.transaction():
            entry = audit.Entry("prune", file.relative_path, {"bytes": file.size}, None)
            audit.write(connection, [entry])
    return ""


def reasons(found: Sequence[OldFile]) -> Iterator[tuple[str, int]]:
    """Why files stay, and how many each."""
    yield from Counter(old.reason for old in found if old.reason).items()


def pruned_at(connection: psycopg.Connection, path: str) -> datetime | None:
    """When the file at a path was deleted by its retention; None when it was not."""
    row = connection.execute(
        "select landing_pruned_at from ops.pipeline_file_log where is_latest and file_path = %s",
        [path],
    ).fetchone()
    return None if row is None else row[0]


def _is_same(file: LandingFile, expected: str | None) -> bool:
    """Whether the file still has the content that was loaded."""
    try:
        with file.path.opened() as stream:
            return content_of(stream).hash == expected
    except (FileChangedError, FileRejectedError):
        return False


def _mark(connection: psycopg.Connection, log_id: int, *, is_pruned: bool) -> None:
    connection.execute(
        "update ops.pipeline_file_log set landing_pruned_at ="
        " case when %s then clock_timestamp() end where log_id = %s",
        [is_pruned, log_id],
    )
