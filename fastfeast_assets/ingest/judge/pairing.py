"""The personal values of a landing file, hashed under two keys: the pairs of a rotation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.ingest.judge.canonical import canonical
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.ingest.read.chunks import Cell
from fastfeast_assets.ingest.read.reader import reader_of
from fastfeast_assets.ingest.read.source import text_of


def note_pairs(
    stream: BinaryIO, contract: Contract, masker: Masker, chunk_rows: int, *, is_json: bool
) -> Iterator[Mapping[str, str]]:
    """The pairs of an open file, by former hash, chunk by chunk.

    Only of good values: a wrong one in a column of persons has no hash of a person.

    Args:
        stream: The open file.
        contract: Of its source, which has personal columns.
        masker: With the former key.
        chunk_rows: Rows at a time.
        is_json: Whether it is a JSON file, else CSV.

    Raises:
        FileRejectedError: It cannot be read.
    """
    with text_of(stream) as text:
        for chunk in reader_of(text, contract, chunk_rows, is_json=is_json).chunks():
            for column in contract.personal_columns:
                masker.hash_many(_good(column, chunk.cells[column.name]))
            yield masker.take_pairs()


def _good(column: Column, cells: list[Cell]) -> Iterator[str]:
    pattern = None if column.pattern is None else re.compile(column.pattern)
    for cell in cells:
        if cell is None:
            continue
        value = canonical(cell, column.canonical)
        if pattern is None or pattern.fullmatch(value):
            yield value
