"""Discarding quarantined rows: a person has decided that nothing will come of them.

A discarded row stays in the quarantine and in its file's account, and so does the stub member
that a refused dimension row has left. A discarded orphan is in no fact, whatever parents come,
until its file is loaded again; its key shows the newest row that neither waits nor is discarded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastfeast_assets.warehouse import audit, identity_guard, ledger
from fastfeast_assets.warehouse.database import Warehouse


@dataclass(frozen=True)
class Discarded:
    """A discarded row and its place."""

    quarantine_id: int
    source_file: str
    row_number: int


def discard(
    warehouse: Warehouse, ids: Sequence[int], *, reason: str, is_dry_run: bool
) -> list[Discarded]:
    """Give open rows up, orphans among them; all of them or none.

    Args:
        warehouse: Prepared.
        ids: Rows by `quarantine_id`; those that are not open are left out.
        reason: Why, for the audit log.
        is_dry_run: Do everything and take it back.
    """
    with (
        warehouse.connect(autocommit=True) as connection,
        connection.transaction(force_rollback=is_dry_run),
    ):
        identity_guard.ensure(connection, warehouse.settings, is_dry_run=is_dry_run)
        rows = connection.execute(
            "update ops.quarantine set status = 'discarded', resolved_at = now()"
            " where quarantine_id = any(%s) and status = 'open'"
            " returning quarantine_id, source_file, row_number, log_id, rejection_stage",
            [list(ids)],
        ).fetchall()
        orphaned = [row[3] for row in rows if row[4] == "orphan"]
        connection.execute(
            "update ops.pipeline_file_log l set orphan_count = (select count(*)"
            " from ops.quarantine q where q.log_id = l.log_id and q.rejection_stage = 'orphan'"
            " and q.status = 'open') where log_id = any(%s)",
            [orphaned],
        )
        ledger.move_on(connection, sorted(set(orphaned)))
        new = {"status": "discarded", "reason": reason}
        audit.write(
            connection,
            (
                audit.Entry("discard", f"quarantine/{row[0]}", {"status": "open"}, new)
                for row in rows
            ),
        )
    return [Discarded(*row[:3]) for row in sorted(rows)]
