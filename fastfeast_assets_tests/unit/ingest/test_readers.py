"""Reading files into text chunks: shapes, torn files, what every byte string leads to."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastfeast_assets.ingest.chunks import TextChunk
from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.read_csv import CsvReader
from fastfeast_assets.ingest.read_json import JsonReader
from fastfeast_assets.ingest.source import text_of

COLUMNS = ("a", "b")
READERS: dict[str, type[CsvReader] | type[JsonReader]] = {"csv": CsvReader, "json": JsonReader}


def read(content: str | bytes, format_name: str, chunk_rows: int = 3) -> list[TextChunk]:
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    with text_of(io.BytesIO(raw)) as text:
        return list(READERS[format_name](text, COLUMNS, chunk_rows).chunks())


def rows_of(chunks: list[TextChunk]) -> list[tuple[str | None, ...]]:
    return [
        row
        for chunk in chunks
        for row in zip(*(chunk.cells[name] for name in COLUMNS), strict=True)
    ]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=12), st.integers(1, 5))
def test_csv_gives_back_what_was_written(rows: list[tuple[str, str]], chunk_rows: int) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([COLUMNS, *rows])
    assert rows_of(read(out.getvalue(), "csv", chunk_rows)) == rows


SCALARS = st.none() | st.booleans() | st.integers() | TEXT


@given(
    st.lists(st.fixed_dictionaries({"a": SCALARS, "b": SCALARS}), max_size=12), st.integers(1, 5)
)
def test_json_gives_back_what_was_written(rows: list[dict[str, Any]], chunk_rows: int) -> None:
    def as_text(value: Any) -> str | None:
        return value if value is None or isinstance(value, str) else json.dumps(value)

    expected = [(as_text(row["a"]), as_text(row["b"])) for row in rows]
    assert rows_of(read(json.dumps(rows), "json", chunk_rows)) == expected
    assert rows_of(read("\n".join(map(json.dumps, rows)) or "[]", "json", chunk_rows)) == expected


@given(st.binary(max_size=200), st.sampled_from(["csv", "json"]), st.booleans())
def test_any_bytes_are_read_or_refused(noise: bytes, format_name: str, has_start: bool) -> None:
    start = {"csv": b"a,b\n1,2\n", "json": b'[{"a": 1, "b": 2}, '}[format_name]
    try:
        chunks = read(start + noise if has_start else noise, format_name)
    except FileRejectedError:
        return
    assert all(len(chunk.cells["b"]) == len(chunk.cells["a"]) for chunk in chunks)


@given(st.integers(1, 30), st.data())
def test_a_json_file_cut_anywhere_is_refused(count: int, data: st.DataObject) -> None:
    text = json.dumps([{"a": number, "b": "é"} for number in range(count)])
    cut = data.draw(st.integers(0, len(text.encode()) - 1))
    with pytest.raises(FileRejectedError):
        read(text.encode()[:cut], "json")


@given(st.integers(2, 30), st.data())
def test_a_csv_file_cut_within_a_row_loses_no_row_unseen(count: int, data: st.DataObject) -> None:
    lines = ["a,b", *(f"{number},{number}" for number in range(100, 100 + count))]
    text = "\n".join(lines) + "\n"
    cut = data.draw(st.integers(len("a,b\n"), len(text)))
    is_within_first_field = "," not in (last := text[:cut].split("\n")[-1]) and last
    if is_within_first_field:
        with pytest.raises(FileRejectedError, match="truncated"):
            read(text[:cut], "csv")
    else:
        assert len(rows_of(read(text[:cut], "csv"))) == len(text[:cut].splitlines()) - 1


def test_numbers_keep_their_digits() -> None:
    text = '[{"a": 371.66000000000003, "b": 123456789012345678901234567890}]'
    assert rows_of(read(text, "json")) == [("371.66000000000003", "123456789012345678901234567890")]


def test_nan_is_null_and_infinity_is_kept_for_judgement() -> None:
    assert rows_of(read('[{"a": NaN, "b": -Infinity}]', "json")) == [(None, "-Infinity")]


def test_row_numbers_go_on_across_chunks() -> None:
    text = "a,b\n" + "1,2\n" * 8
    assert [chunk.first_row for chunk in read(text, "csv")] == [1, 4, 7]


def test_values_longer_than_the_window_are_read() -> None:
    long = "x" * 3_000_000
    assert rows_of(read(json.dumps([{"a": long, "b": 1}]), "json")) == [(long, "1")]
    assert rows_of(read(f'a,b\n"{long}",1\n', "csv")) == [(long, "1")]


def test_a_last_line_without_newline_is_a_row() -> None:
    assert rows_of(read("a,b\n1,2\n3,4", "csv")) == [("1", "2"), ("3", "4")]


def test_columns_may_come_in_any_order_with_others_between() -> None:
    [chunk] = read("x,b,a,x\n1,2,3,4\n", "csv")
    assert rows_of([chunk]) == [("3", "2")]
    assert chunk.extras == {0: {"x": "1", "x (4)": "4"}}
