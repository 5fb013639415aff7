"""The technical columns that every raw table carries behind the columns of its contract.

Belongs here: their names, types and meaning, for the table, the dbt source and the dictionary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TechnicalColumn:
    """A column that the loader fills; `default` is the SQL that fills it when nobody does."""

    name: str
    physical_type: Literal["timestamp", "timestamptz", "text", "bigint", "jsonb"]
    description: str
    required: bool = True
    default: Literal["now()"] | None = None


TECHNICAL_COLUMNS = (
    TechnicalColumn(
        "_partition_at",
        "timestamp",
        "Start of the landing partition of the file, on the business clock. Of the rows of one"
        " key, that of the latest partition is current.",
    ),
    TechnicalColumn("_source_file", "text", "Path of the file below the landing root."),
    TechnicalColumn("_file_hash", "text", "MD5 of the file's content, 32 hexadecimal digits."),
    TechnicalColumn(
        "_row_number", "bigint", "Number of the row in the file; data rows count from 1."
    ),
    TechnicalColumn(
        "_extra", "jsonb", "Values of columns that the contract does not know.", required=False
    ),
    TechnicalColumn("_run_id", "text", "Run that loaded the row."),
    TechnicalColumn("_load_id", "bigint", "Load of the file, the log_id of pipeline_file_log."),
    TechnicalColumn(
        "_loaded_at", "timestamptz", "When the row was loaded, a real moment.", default="now()"
    ),
)
