"""What every reader does with every byte string: it gives rows, or refuses the file."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.read.csv_reader import CsvReader
from fastfeast_assets.ingest.read.json_reader import JsonReader
from fastfeast_assets.ingest.read.source import text_of

COLUMNS = load_contracts()["teams"].columns
NAMES = [column.name for column in COLUMNS]
STARTS = {
    "csv": b"team_id,team_name\n1,2\n",
    "json": b'[{"team_id": 1, "team_name": 2}, ',
}


@given(st.binary(max_size=200), st.sampled_from(["csv", "json"]), st.booleans())
def test_any_bytes_are_read_or_refused(noise: bytes, format_name: str, has_start: bool) -> None:
    raw = STARTS[format_name] + noise if has_start else noise
    try:
        with text_of(io.BytesIO(raw)) as text:
            is_csv = format_name == "csv"
            reader = CsvReader(text, COLUMNS, 3) if is_csv else JsonReader(text, NAMES, 3)
            chunks = list(reader.chunks())
    except FileRejectedError:
        return
    for chunk in chunks:
        assert {len(cells) for cells in chunk.cells.values()} == {len(chunk)}
        assert not chunk.bad_bytes - set(range(len(chunk)))
