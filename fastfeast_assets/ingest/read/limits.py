"""How large things in a file may be. Beyond a limit a row or its file is refused, with the limit.

Source of the rule: whatever stands in a file costs that file alone, and reading takes time and
memory in proportion to its bytes. `docs/reference/lifecycle-of-a-row.md` says what each costs.
"""

from __future__ import annotations

CHUNK_BYTES = 32 << 20
"""A chunk ends once its text takes so much memory, however few rows that are."""

MAXIMUM_RECORD_CHARACTERS = 4 << 20
"""Of a CSV record or a JSON object; beyond, the file is failed."""

MAXIMUM_RECORD_LINES = 100
"""Lines over which the quoted fields of one CSV record may go; beyond, the record is refused."""

MAXIMUM_DEPTH = 64
"""Levels to which the value of a JSON row may be nested; beyond, the row is refused."""

MAXIMUM_VALUES = 10_000
"""Values in one JSON row, those in nested ones included; beyond, the row is refused."""

MAXIMUM_NAMES = 1_000
"""Names that the contract does not know: in one JSON row, which is refused; in a file, failed."""

MAXIMUM_NAME_CHARACTERS = 63
"""Of a name that the contract does not know; beyond, the JSON row or the CSV file is refused."""
