"""The rows of one landing file: read in chunks, judged, stored, and counted on the way."""

from __future__ import annotations

from collections import Counter
from typing import BinaryIO

import psycopg

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.ingest.judge.suppressed import Suppressed
from fastfeast_assets.ingest.judge.verdict import Judge, Verdict
from fastfeast_assets.ingest.read.chunks import LineAccount
from fastfeast_assets.ingest.read.csv_reader import CsvReader
from fastfeast_assets.ingest.read.reader import reader_of
from fastfeast_assets.ingest.read.source import text_of
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import store
from fastfeast_assets.warehouse.checksum import checksum
from fastfeast_assets.warehouse.person import pairs

# One stray byte costs its row. A file in which every tenth row has one is another encoding, but a
# handful of rows says nothing about the file.
MAXIMUM_SHARE_OF_BAD_ROWS = 0.1
FEWEST_ROWS_OF_AN_ENCODING = 5


class Intake:
    """Takes the rows of a file into raw and quarantine, a bounded number at a time.

    Attributes:
        valid: Rows stored in raw so far.
        quarantined: Rows refused so far.
        duplicates: Those of the refused ones whose key the file has already had.
        erased: Rows that were stored without the person whom they are about.
        checksum: Over the rows stored in raw so far.
        reasons: `rule:column` -> refused rows; a row with several reasons counts in each.
        extra_columns: Names that the contract does not know, in the order of appearance.
        lines: The lines of a CSV file; None before its end, and for other formats.

    Args:
        contract: The file's contract.
        settings: Chunk size, business clock.
    """

    def __init__(self, contract: Contract, settings: Settings) -> None:
        self.valid = 0
        self.quarantined = 0
        self.duplicates = 0
        self.erased = 0
        self.checksum = 0
        self.reasons: Counter[str] = Counter()
        self.extra_columns: dict[str, None] = {}
        self.lines: LineAccount | None = None
        self._contract = contract
        self._settings = settings
        self._bad_rows = 0

    @property
    def total(self) -> int:
        """Rows of the file so far."""
        return self.valid + self.quarantined

    def take(
        self,
        connection: psycopg.Connection,
        stream: BinaryIO,
        load: store.Load,
        masker: Masker,
        suppressed: Suppressed,
        *,
        lines: int,
    ) -> None:
        """Take all rows of the open file, in the present transaction.

        Args:
            connection: In the transaction of the file.
            stream: The open file.
            load: Whose rows they are.
            masker: Hashes the personal values of this load.
            suppressed: Whose rows are stored without the person.
            lines: How many lines there are in the file's bytes.

        Raises:
            FileRejectedError: The file cannot be read, or not as text.
        """
        is_json = load.relative_path.endswith(".json")
        judge = Judge(self._contract, masker, self._settings.zone, suppressed, is_json=is_json)
        rows = self._settings.chunk_rows
        with text_of(stream) as text:
            reader = reader_of(text, self._contract, rows, is_json=is_json)
            for chunk in reader.chunks():
                verdict = judge.judge(chunk)
                loaded = store.loaded_keys(connection, load, verdict.keys) if self.valid else ()
                judge.refuse_repeats(verdict, loaded)
                self._store_chunk(connection, load, judge, verdict)
                pairs.follow(connection, self._contract, masker.take_pairs())
        if isinstance(reader, CsvReader):
            self._close_account(reader.lines, lines)
        if self._is_other_encoding():
            raise FileRejectedError(
                f"not UTF-8: {self._bad_rows} of {self.total} rows hold bytes that are none; "
                "export the file as UTF-8"
            )

    def _close_account(self, read: LineAccount, counted: int) -> None:
        """Check that every line of the file is a row, or one of the other lines."""
        if read.total != counted or read.total != self.total + read.other:
            raise FileRejectedError(
                f"the file has {counted} lines; {read.total} were read, as {self.total} rows and"
                f" {read.other} others; report this with the file"
            )
        self.lines = read

    def _is_other_encoding(self) -> bool:
        return (
            self.total >= FEWEST_ROWS_OF_AN_ENCODING
            and self._bad_rows > self.total * MAXIMUM_SHARE_OF_BAD_ROWS
        )

    def _store_chunk(
        self, connection: psycopg.Connection, load: store.Load, judge: Judge, verdict: Verdict
    ) -> None:
        accepted = judge.accepted(verdict)
        self.valid += store.copy_rows(connection, load, accepted)
        self.checksum += checksum(self._contract, accepted)
        rejected = (judge.rejected(verdict, offset) for offset in sorted(verdict.reasons))
        self.quarantined += store.copy_rejected(connection, load, rejected)
        self._bad_rows += len(verdict.chunk.bad_bytes)
        self.erased += int(verdict.is_erased.sum())
        for reasons in verdict.reasons.values():
            self.reasons.update(f"{reason.rule}:{reason.column}" for reason in reasons)
            self.duplicates += any(reason.rule == "duplicate" for reason in reasons)
        self.extra_columns.update(dict.fromkeys(judge.extra_names(verdict)))
