"""What is on record about files, so that a check never turns green by rest.

A run that skips a file because the ledger knows it must say the same about it as the run that
handled it; and one that handles a good file must not hide what is still wrong with those before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, LiteralString

import psycopg

from fastfeast_assets.contracts.model import Contract

if TYPE_CHECKING:
    from fastfeast_assets.warehouse.load import FileReport

LEDGER = """
select log_id, status, failure_reason, total_records, valid_records, quarantined, duplicate_count,
       extra_columns, file_hash, bytes, duration_seconds
from ops.pipeline_file_log where log_id = any(%s) and withdrawn_at is null
"""
REASONS = """
select q.log_id, (reason ->> 'rule') || ':' || (reason ->> 'column'), count(*)
from ops.quarantine q cross join jsonb_array_elements(q.reasons) as reason
where q.log_id = any(%s) and q.rejection_stage <> 'orphan' and q.status <> 'released'
group by 1, 2 order by 1, 2
"""


NEWEST = """
select file_path, log_id from ops.pipeline_file_log
where source = %s and is_latest and withdrawn_at is null order by log_id desc limit 1
"""


# By the index on the time: a source may have years of files.
OPEN_FAILURES: LiteralString = """
select file_path, log_id from ops.pipeline_file_log
where
    processed_at > now() - %(days)s * interval '1 day' and source = %(source)s
    and is_latest and status = 'failed' and withdrawn_at is null
    and not file_path = any(%(but)s)
order by log_id
"""
OPEN_SPOILED: LiteralString = """
select log.file_path, log.log_id from ops.pipeline_file_log as log
where
    log.processed_at > now() - %(days)s * interval '1 day' and log.source = %(source)s
    and log.is_latest and log.is_loaded and log.withdrawn_at is null
    and log.quarantined > %(ratio)s::float8 * log.total_records
    and not log.file_path = any(%(but)s)
    and (
        select count(*) from ops.quarantine as q
        where q.log_id = log.log_id and q.status = 'open' and q.rejection_stage <> 'orphan'
    ) > %(ratio)s::float8 * log.total_records
order by log.log_id
"""
REMEMBERED_DAYS = 14


def open_failures(
    connection: psycopg.Connection, source: str, reports: Sequence[FileReport]
) -> list[FileReport]:
    """Files of late that could not be loaded and have not been replaced, beside those of a run."""
    return _open(connection, OPEN_FAILURES, source, reports, ratio=0.0)


def open_spoiled(
    connection: psycopg.Connection, contract: Contract, reports: Sequence[FileReport]
) -> list[FileReport]:
    """Files of late of which too much was refused and waits still, beside those of a run."""
    ratio = contract.quarantine_fail_ratio
    return _open(connection, OPEN_SPOILED, contract.source, reports, ratio=float(ratio))


def _open(
    connection: psycopg.Connection,
    statement: LiteralString,
    source: str,
    reports: Sequence[FileReport],
    *,
    ratio: float,
) -> list[FileReport]:
    from fastfeast_assets.warehouse.load import FileReport

    values = {
        "days": REMEMBERED_DAYS,
        "source": source,
        "ratio": ratio,
        "but": [report.relative_path for report in reports],
    }
    rows = connection.execute(statement, values).fetchall()
    found = [FileReport(source, path, "", "skipped", log_id) for path, log_id in rows]
    return with_record(connection, found)


def last_report(connection: psycopg.Connection, source: str) -> list[FileReport]:
    """The last file of a source, for a run that has none to speak of; empty when there is none."""
    from fastfeast_assets.warehouse.load import FileReport

    row = connection.execute(NEWEST, [source]).fetchone()
    if row is None:
        return []
    return with_record(connection, [FileReport(source, row[0], "", "skipped", row[1])])


def with_record(connection: psycopg.Connection, reports: Sequence[FileReport]) -> list[FileReport]:
    """The reports, those of skipped files filled in from ledger and quarantine.

    A skipped file that had failed comes back as `failed`; the others stay `skipped`. One that was
    withdrawn counts no rows: nothing of it is loaded.
    """
    log_ids = [r.log_id for r in reports if r.status == "skipped" and r.log_id is not None]
    if not log_ids:
        return list(reports)
    entries = {row[0]: row for row in connection.execute(LEDGER, [log_ids]).fetchall()}
    reasons: dict[int, dict[str, int]] = {}
    for log_id, reason, rows in connection.execute(REASONS, [log_ids]).fetchall():
        reasons.setdefault(log_id, {})[reason] = rows
    recorded: list[FileReport] = []
    for report in reports:
        if report.status != "skipped":
            recorded.append(report)
            continue
        entry = entries.get(report.log_id)
        if entry is None:
            recorded.append(replace(report, log_id=None))
            continue
        log_id, status, failure, total, valid, quarantined, duplicates, *rest = entry
        extra, file_hash, size, seconds = rest
        recorded.append(
            replace(
                report,
                status="failed" if status == "failed" else "skipped",
                failure_reason=failure,
                total=total,
                valid=valid,
                quarantined=quarantined,
                duplicates=duplicates,
                reasons=reasons.get(log_id, {}),
                extra_columns=tuple(extra),
                file_hash=file_hash,
                bytes=size,
                seconds=seconds or 0.0,
            )
        )
    return recorded
