"""The reader of a landing file: by its format, with the names that its contract gives."""

from __future__ import annotations

from io import TextIOBase

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.read.csv_reader import CsvReader
from fastfeast_assets.ingest.read.json_reader import JsonReader


def reader_of(
    text: TextIOBase, contract: Contract, chunk_rows: int, *, is_json: bool
) -> JsonReader | CsvReader:
    """What yields the chunks of an open file.

    Args:
        text: From the start of the file.
        contract: The file's contract.
        chunk_rows: Rows at a time.
        is_json: Whether it is a JSON file, else CSV.
    """
    if is_json:
        return JsonReader(text, [column.name for column in contract.columns], chunk_rows)
    return CsvReader(text, contract.columns, chunk_rows)
