"""JSON into text chunks: what damage costs, what limits hold, and that time follows the bytes."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.read import json_decoder, json_reader, json_window
from fastfeast_assets.ingest.read.chunks import BareWord, Fault, NumberText, TextChunk
from fastfeast_assets.ingest.read.json_decoder import Decoder, RepeatedKeys
from fastfeast_assets.ingest.read.json_lines import MAXIMUM_LINES_HELD
from fastfeast_assets.ingest.read.json_reader import JsonReader
from fastfeast_assets.ingest.read.limits import (
    MAXIMUM_DEPTH,
    MAXIMUM_NAME_CHARACTERS,
    MAXIMUM_NAMES,
    MAXIMUM_VALUES,
)
from fastfeast_assets.ingest.read.source import text_of

COLUMNS = ("a", "b")
GOOD = '{"a": 1, "b": 2}'
Row = tuple[str | None, str | None]


def read(content: str | bytes, chunk_rows: int = 3) -> list[TextChunk]:
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    with text_of(io.BytesIO(raw)) as text:
        return list(JsonReader(text, COLUMNS, chunk_rows).chunks())


def only(content: str | bytes) -> TextChunk:
    [chunk] = read(content, chunk_rows=100_000)
    return chunk


def rows_of(chunks: list[TextChunk]) -> list[Row]:
    return [row for chunk in chunks for row in zip(chunk.cells["a"], chunk.cells["b"], strict=True)]


def refused(chunk: TextChunk) -> list[int]:
    """Numbers of the rows that the reader refuses as rows."""
    return [
        chunk.first_row + offset
        for offset, faults in sorted(chunk.faults.items())
        if any(fault.rule == "row" for fault in faults)
    ]


def nested(levels: int, inner: str = "1") -> str:
    return "[" * levels + inner + "]" * levels


@pytest.fixture(params=[1, 7, 1 << 20])
def _window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_window, "WINDOW_CHARACTERS", request.param)


TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | TEXT
RECORDS = st.lists(st.fixed_dictionaries({"a": SCALARS, "b": SCALARS}), max_size=12)


def as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def expected(records: list[dict[str, Any]]) -> list[Row]:
    return [(as_text(record["a"]), as_text(record["b"])) for record in records]


@given(
    RECORDS,
    st.integers(1, 5),
    st.integers(1, 40),
    st.booleans(),
    st.sampled_from([None, 0, 2]),
)
def test_every_form_gives_back_what_was_written(
    records: list[dict[str, Any]],
    chunk_rows: int,
    window: int,
    is_ascii: bool,
    indent: int | None,
) -> None:
    def dumped(value: Any) -> str:
        return json.dumps(value, ensure_ascii=is_ascii, indent=indent)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_window, "WINDOW_CHARACTERS", window)
        assert rows_of(read(dumped(records), chunk_rows)) == expected(records)
        for between in ("\n", "\r\n", "\n\n", "\r", " ", ""):
            text = between.join(map(dumped, records)) or "[]"
            assert rows_of(read(text, chunk_rows)) == expected(records)
            assert rows_of(read(text + between, chunk_rows)) == expected(records)


@given(st.binary(max_size=200), st.sampled_from([b"", b'[{"a": 1, "b": 2}, ', GOOD.encode()]))
def test_any_bytes_are_read_or_refused(noise: bytes, start: bytes) -> None:
    try:
        chunks = read(start + noise)
    except FileRejectedError:
        return
    assert all(len(chunk.cells["b"]) == len(chunk.cells["a"]) for chunk in chunks)


@given(st.text('{}[]",:\\ \n\r\t\x1a0abe-.', max_size=40), st.integers(1, 9))
def test_any_json_like_text_gives_the_same_whatever_the_window(noise: str, window: int) -> None:
    def outcome() -> object:
        try:
            return [(c.first_row, c.cells, c.faults, c.surplus, c.extras) for c in read(noise)]
        except FileRejectedError as error:
            return str(error)

    whole = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_window, "WINDOW_CHARACTERS", window)
        assert outcome() == whole


@given(st.integers(1, 30), st.data())
def test_an_array_cut_anywhere_is_refused(count: int, data: st.DataObject) -> None:
    text = json.dumps([{"a": number, "b": "é"} for number in range(count)])
    cut = data.draw(st.integers(0, len(text.encode()) - 1))
    with pytest.raises(FileRejectedError):
        read(text.encode()[:cut])


@given(st.integers(1, 30), st.data())
def test_a_file_of_lines_cut_anywhere_is_refused_or_cut_between_rows(
    count: int, data: st.DataObject
) -> None:
    lines = [json.dumps({"a": number, "b": "é"}, ensure_ascii=False) for number in range(count)]
    raw = "\n".join(lines).encode() + b"\n"
    cut = data.draw(st.integers(0, len(raw)))
    whole = sum(raw[:cut].count(line) for line in {(line + "\n").encode()[:-1] for line in lines})
    try:
        assert len(rows_of(read(raw[:cut]))) == whole
        assert raw[:cut].rstrip(b"\n").endswith(b"}")
    except FileRejectedError:
        assert not raw[:cut].rstrip(b"\n").endswith(b"}")


DAMAGES: list[Callable[[str, int], str]] = [
    lambda line, at: line[:at],
    # The end of an object that was open before would make parts of it of the lines between.
    lambda line, at: line[at:].lstrip("]}"),
    lambda line, at: line[:at] + line[at + 1 :],
    lambda line, at: line[:at] + '"' + line[at:],
    lambda line, at: line[:at] + "{" + line[at:],
    lambda line, at: "garbage " + line,
    lambda line, at: line + line[:at],
]


@given(st.data())
def test_a_damaged_line_costs_itself(data: st.DataObject) -> None:
    records = data.draw(st.lists(st.fixed_dictionaries({"a": SCALARS, "b": SCALARS}), min_size=3))
    lines = list(map(json.dumps, records))
    # Two torn lines at the start could be one object that somebody wrote in two lines.
    is_damaged = [False, *(data.draw(st.booleans()) for _ in lines[1:-1]), False]
    is_damaged[0] = not is_damaged[1] and data.draw(st.booleans())
    for place, line in enumerate(lines):
        if is_damaged[place]:
            at = data.draw(st.integers(2, len(line) - 1))
            lines[place] = data.draw(st.sampled_from(DAMAGES))(line, at)
    is_row = [bool(line.strip()) for line in lines]
    chunks = read("\n".join(lines) + "\n", chunk_rows=2)
    found = rows_of(chunks)
    assert len(found) == sum(is_row)
    came = [row for row, is_one in zip(expected(records), is_row, strict=True) if is_one]
    whole = [not is_bad for is_bad, is_one in zip(is_damaged, is_row, strict=True) if is_one]
    assert [row for row, is_whole in zip(found, whole, strict=True) if is_whole] == [
        row for row, is_whole in zip(came, whole, strict=True) if is_whole
    ]


@pytest.mark.usefixtures("_window")
@pytest.mark.parametrize(
    ("lines", "bad"),
    [
        ([GOOD, "{oops", GOOD], [2]),
        (["{oops", GOOD], [1]),
        (['"a": 1}', GOOD], [1]),
        (["# exported at noon", GOOD], [1]),
        ([GOOD, '{"a": "x', GOOD, GOOD], [2]),
        ([GOOD, "{oops", "", "garbage", "42", "[1]", GOOD], [2, 3, 4, 5]),
        ([GOOD, "{oops}"], [2]),
        ([GOOD, GOOD + "}", GOOD], [2]),
        ([GOOD + ",", GOOD], [1]),
        (["{", GOOD], [1]),
        ([GOOD, "{", "", "oops", GOOD], [2, 3]),
        ([GOOD, GOOD + GOOD[:-1], GOOD], [2]),
        ([GOOD + GOOD[:-1], GOOD], [1]),
        (['{"a": "x', '{"a": "y", "b": 2}'], [1]),
        # A quote that is missing would swallow the line behind it.
        ([GOOD, '{"a": "x', '{"": ", "}', GOOD], [2]),
        (['{"a": "x', '{", "b": "y"}', GOOD], [1, 2]),
        # Two torn lines of which one would be the other's end.
        ([GOOD, '{"a": 1,', '"b": 2}', GOOD], [2, 3]),
        ([GOOD, '{"a": "one', 'two", "b": 2}', GOOD], [2, 3]),
        ([GOOD, '{"a": "x\r{", "b": 2}', GOOD], [2]),
        ([GOOD, f'{{"a": {nested(2000)}, "b": 1}}', GOOD], [2]),
        ([f'{{"a": {nested(2000)}, "b": 1}}', GOOD], [1]),
    ],
)
def test_a_bad_line_is_refused_alone(lines: list[str], bad: list[int]) -> None:
    chunk = only("\n".join(lines) + "\n")
    rows = [line for line in lines if line]
    assert refused(chunk) == bad
    assert len(chunk) == len(rows)
    for number in bad:
        if chunk.surplus.get(number - 1):
            assert chunk.surplus[number - 1] == [rows[number - 1]]
        assert {fault.column for fault in chunk.faults[number - 1]} == {"a"}
        assert (chunk.cells["a"][number - 1], chunk.cells["b"][number - 1]) == (None, None)


def test_damaged_lines_at_the_start_are_held_up_to_a_limit() -> None:
    chunk = only("oops\n" * MAXIMUM_LINES_HELD + GOOD)
    assert refused(chunk) == list(range(1, MAXIMUM_LINES_HELD + 1))
    with pytest.raises(FileRejectedError, match="neither"):
        read("oops\n" * (MAXIMUM_LINES_HELD + 1) + GOOD)


@pytest.mark.usefixtures("_window")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n\x1a", "empty"),
        ("42", "neither a JSON array nor a JSON object"),
        ("garbage\nmore\n", "neither a JSON array nor a JSON object"),
        ("a,b\n1,2\n" * 60, "neither a JSON array nor a JSON object"),
        ("<!doctype html>\n" + GOOD, "HTML"),
        (f"{GOOD}\n" + GOOD[:-1], "row 2: truncated"),
        (f"{GOOD}\n" + GOOD[:-1] + "\n", "row 2: truncated"),
        (f"{GOOD}\noops\n{GOOD[:-1]}}}}}\n", "row 2: truncated or malformed"),
        (GOOD[:-1], "row 1: truncated"),
        (f"{{oops\n{GOOD[:-1]}", "row 1: truncated"),
        (f"{GOOD},\n{GOOD},\n{GOOD}\n]", "without its opening bracket"),
        (f"[{GOOD}, {{oops}}, {GOOD}]", "row 2: malformed JSON"),
        (f"[{GOOD}, {GOOD}", "truncated: the array ends after row 2"),
        (f"[{GOOD} {GOOD}]", "malformed JSON after row 1: no comma"),
        (f"[{GOOD}]]", "text after the end of the array"),
        (f"[{GOOD}]\x1a" + " " * 20 + "[", "text after the end of the array"),
        (f"[{GOOD}]\x1a[", "text after the end of the array"),
        (f"{GOOD}{GOOD}\n{{oops}}\n{GOOD}", "row 3: malformed"),
        (json.dumps(json.loads(GOOD), indent=1) + f"\n{{oops}}\n{GOOD}", "row 2: malformed"),
        (f"{GOOD}\n{{oops}}\n{{\n{GOOD[1:]}", "row 2: truncated or malformed"),
        (f'{GOOD}\n{{\n"a": "x\n}}{{", "b": 2}}\n', "row 2: a text goes over a line break"),
        (f'[{GOOD},\n{{"a": "x\n{{", "b": "y"}}]', "row 2: a text goes over a line break"),
        ("[" * 100_000, "row 1: truncated or malformed JSON (nested too deeply"),
        (f"[{nested(2000)[:-1]}}}]", "row 1: truncated or malformed JSON (nested too deeply"),
        ('[{"a": 1}]', "contracted columns are missing: b"),
        ('[{"a": 1, "B": 2}]', r"missing: b (it stands there in capital letters)"),
        ('[{"a": 1, "b\u200b": 2}]', "invisible character"),
        ("[1, 2]", "contracted columns are missing: a, b"),
        (nested(700), "contracted columns are missing: a, b"),
        (nested(5000), "contracted columns are missing: a, b"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FileRejectedError) as caught:
        read(text)
    assert reason in str(caught.value)


@pytest.mark.usefixtures("_window")
@pytest.mark.parametrize(
    "text",
    [
        f"{GOOD}\n{GOOD}",
        f"{GOOD}\n{GOOD}\n\n \n",
        f"{GOOD}\n{GOOD}\n\x1a",
        f"{GOOD}\n{GOOD}\x1a\r\n",
        f"[{GOOD},{GOOD}]\n\x1a \n",
        f"{GOOD}{GOOD}",
        f"{GOOD}\n{{\n{GOOD[1:-1]}\n}}\n",
        f'{{"a": 1,\n"b": 2}}\n{GOOD}\n',
        f"[\n{GOOD},\n{GOOD}\n]",
    ],
)
def test_two_rows_in_every_form(text: str) -> None:
    assert rows_of([only(text)]) == [("1", "2"), ("1", "2")]


@pytest.mark.parametrize("text", ['{"a": "x\ny", "b": 2}', '[{"a": "x\ny", "b": 2}]'])
def test_a_raw_line_break_within_a_text_is_kept(text: str) -> None:
    assert rows_of([only(text)]) == [("x\ny", "2")]


@pytest.mark.parametrize(
    "text",
    [
        f'{GOOD}\n{{"a": 2, "b":\n{GOOD}\n}}\n{GOOD}\n',
        f'{GOOD}\n{{"a": 2, "x": [\n{GOOD},\n{GOOD}\n], "b": 2}}\n',
        f'{{"a": "x" oops,\n"b":\n{GOOD}\n}}\n{GOOD}\n',
    ],
)
def test_a_part_of_an_object_is_no_row(text: str) -> None:
    with pytest.raises(FileRejectedError, match="a line begins with a closing bracket"):
        read(text)


def test_a_run_of_line_breaks_is_read_once() -> None:
    pattern = json_decoder._BEGINS_OBJECT
    assert pattern.search("x" + "\n" * 200_000 + "x") is None
    assert pattern.search("x \n \r {") is not None


def test_a_row_that_disguises_a_column_is_refused_alone() -> None:
    chunk = only(f'[{GOOD}, {{"a": 1, "B": 2}}, {{"a": 1, "b": 2, "B": 3}}, {{"a": 1}}, {GOOD}]')
    assert refused(chunk) == [2]
    assert chunk.faults[1] == [Fault("b", "row", "its name stands there in another spelling")]
    assert chunk.surplus[1] == [["B", "2"]]
    assert chunk.extras == {2: {"B": "3"}}
    with pytest.raises(FileRejectedError, match="b \\(it stands there in capital letters\\)"):
        read('[{"a": 1, "B": 2}]')


def test_numbers_keep_their_digits() -> None:
    text = '[{"a": 371.66000000000003, "b": 123456789012345678901234567890}]'
    assert rows_of(read(text)) == [("371.66000000000003", "123456789012345678901234567890")]


def test_uncontracted_numbers_are_told_from_texts() -> None:
    chunk = only('[{"a": 1, "b": 2, "n": 1.50, "t": "1.50", "o": {"x": [2e3, "2", true, NaN]}}]')
    extra = chunk.extras[0]
    assert extra == {"n": "1.50", "t": "1.50", "o": {"x": ["2e3", "2", True, None]}}
    assert [type(extra["n"]), type(extra["t"])] == [NumberText, str]
    nested_types = [type(item) for item in extra["o"]["x"]]  # type: ignore[index]
    assert nested_types == [NumberText, str, bool, type(None)]


def test_nan_is_null_and_bare_words_are_told_from_texts() -> None:
    chunk = only('[{"a": NaN, "b": -Infinity}, {"a": true, "b": "true"}]')
    assert rows_of([chunk]) == [(None, "-Infinity"), ("true", "true")]
    assert [type(cell) for cell in chunk.cells["a"]] == [type(None), BareWord]
    assert [type(cell) for cell in chunk.cells["b"]] == [BareWord, str]


def test_an_array_or_object_in_a_cell_is_shown_as_it_stood() -> None:
    chunk = only('[{"a": {"x": [1.50, "1", true, null]}, "b": 2}]')
    text = '{"x": [1.50, "1", true, null]}'
    assert chunk.faults == {0: [Fault("a", "type", text)]}
    assert chunk.cells["a"] == [text]


def test_values_longer_than_the_window_are_read() -> None:
    long = "x" * 3_000_000
    assert rows_of(read(json.dumps([{"a": long, "b": 1}]))) == [(long, "1")]
    assert rows_of(read(json.dumps({"a": long, "b": 1}) + f"\n{GOOD}")) == [
        (long, "1"),
        ("1", "2"),
    ]


def test_row_numbers_go_on_across_chunks() -> None:
    assert [chunk.first_row for chunk in read(f"{GOOD}\n" * 8)] == [1, 4, 7]


def test_a_chunk_of_large_rows_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_window, "WINDOW_CHARACTERS", 10)
    # As a window takes it: 10 characters and what Python keeps beside them.
    monkeypatch.setattr(json_reader, "CHUNK_BYTES", 3 * sys.getsizeof("x" * 10))
    chunks = read(f"[{', '.join([GOOD] * 9)}]", chunk_rows=1_000)
    assert max(map(len, chunks)) <= 3
    assert rows_of(chunks) == [("1", "2")] * 9
    assert [chunk.first_row for chunk in chunks[:2]] == [1, 1 + len(chunks[0])]


DEEP = [MAXIMUM_DEPTH + 1, 600, 900, 5_000]


@pytest.mark.usefixtures("_window")
@pytest.mark.parametrize("levels", DEEP)
@pytest.mark.parametrize("column", ["a", "x"])
@pytest.mark.parametrize("form", ["[{0},{1},{0}]", "{0}\n{1}\n{0}\n", "{1}\n{0}\n{0}\n"])
def test_a_row_nested_too_deeply_is_refused_alone(levels: int, column: str, form: str) -> None:
    deep = f'{{"{column}": {nested(levels)}, "b": 2}}'
    chunk = only(form.format(GOOD, deep))
    place = 0 if form.startswith("{1}") else 1
    assert chunk.faults == {place: [Fault("a", "row", "nested over 64 levels")]}
    assert len(chunk) == 3
    assert not chunk.extras
    assert not chunk.surplus


def test_a_value_at_the_limit_of_depth_is_kept() -> None:
    chunk = only(f'[{{"a": 1, "b": 2, "x": {nested(MAXIMUM_DEPTH)}}}]')
    assert not chunk.faults
    assert "x" in chunk.extras[0]


def test_the_only_row_is_refused_though_its_names_cannot_be_read() -> None:
    assert refused(only(f'[{{"x": {nested(5000)}, "a": 1, "b": 2}}]')) == [1]


@pytest.mark.parametrize(
    "inner", ['"]"', '"\\"]"', '"\\ud83d"', "-1.5e+3", "NaN, -Infinity", '{"x": {}}, []', "null"]
)
def test_the_end_of_a_deep_row_is_found_whatever_it_holds(inner: str) -> None:
    deep = f'{{"a": {nested(3000, inner)}, "b": "}}]"}}'
    assert refused(only(f"[{GOOD}, {deep} , {GOOD}]")) == [2]


@pytest.mark.parametrize("inner", ["01", "1 2", "'a'", '"\\x"', "[1,]", '{"a" 1}', '{"a": }', "}"])
def test_a_deep_row_that_is_malformed_fails_its_array(inner: str) -> None:
    with pytest.raises(FileRejectedError, match="row 2"):
        read(f'[{GOOD}, {{"a": {nested(3000, inner)}}}, {GOOD}]')


def names(count: int, start: int = 0) -> str:
    return ", ".join(f'"n{number}": 0' for number in range(start, start + count))


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        (f'"x": [{"0," * MAXIMUM_VALUES}0]', "over 10000 values"),
        (f'"a": [{"0," * MAXIMUM_VALUES}0]', "over 10000 values"),
        (f'"x": [{"[]," * 6_000}0], "y": [{"0," * 6_000}0]', "over 10000 values"),
        (names(60_000), "over 10000 values"),
        (names(MAXIMUM_NAMES + 1), "over 1000 names"),
        (f'"{"n" * (MAXIMUM_NAME_CHARACTERS + 1)}": 0', "a name of over 63 characters"),
        (f'"x": [{{"{"n" * 64}": 0}}]', "a name of over 63 characters"),
        (", ".join(['"x": 0'] * (MAXIMUM_VALUES + 1)), "over 10000 values"),
    ],
)
def test_a_row_beyond_a_limit_is_refused_alone(member: str, problem: str) -> None:
    chunk = only(f'[{GOOD}, {{"b": "kept", {member}}}, {GOOD}]')
    [[fault]] = chunk.faults.values()
    assert (fault.column, fault.rule) == ("a", "row")
    assert problem in str(fault.value)
    assert chunk.cells["b"] == ["2", "kept", "2"]
    assert not chunk.extras
    assert not chunk.surplus


def test_a_row_at_the_limits_is_kept() -> None:
    longest = "n" * MAXIMUM_NAME_CHARACTERS
    values = "0," * (MAXIMUM_VALUES - MAXIMUM_NAMES - 3)
    row = f'{GOOD[:-1]}, {names(MAXIMUM_NAMES - 1)}, "{longest}": [{values}0]}}'
    chunk = only(f"[{row}]")
    assert not chunk.faults
    assert len(chunk.extras[0]) == MAXIMUM_NAMES


def test_too_many_names_in_a_file_fail_it() -> None:
    def row(start: int) -> str:
        return f"{GOOD[:-1]}, {names(600, start)}}}"

    assert read(f"[{row(0)}, {row(400)}]")
    with pytest.raises(FileRejectedError, match=r"over 1000 names .* up to row 2"):
        read(f"[{row(0)}, {row(401)}]")


def test_names_of_refused_rows_do_not_count() -> None:
    repeated = f'{{"a": 1, "a": 2, {names(900, 200)}}}'
    wide = f"{{{names(MAXIMUM_NAMES + 1, 5000)}}}"
    kept = f"{GOOD[:-1]}, {names(900)}}}"
    assert refused(only(f"[{kept}, {repeated}, {wide}, {kept}]")) == [2, 3]


def test_repeated_keys_keep_all_pairs() -> None:
    chunk = only('[{"a": 1, "b": 2, "b": "3", "x": {"y": 1, "y": 2}}]')
    assert chunk.faults == {0: [Fault("b", "row", "key repeated")]}
    assert chunk.surplus == {
        0: [["a", "1"], ["b", "2"], ["b", "3"], ["x", [["y", "1"], ["y", "2"]]]]
    }
    assert rows_of([chunk]) == [("1", None)]
    assert not chunk.extras


@pytest.mark.parametrize(
    "member", ['"x": 1, "x": 1', '"x": {"y": 1, "y": 1}', '"x": [[{"y": 1, "z": 0, "y": 2}]]']
)
def test_repeated_keys_that_nobody_contracted_refuse_the_row_unnamed(member: str) -> None:
    chunk = only(f"[{GOOD}, {GOOD[:-1]}, {member}}}]")
    [[fault]] = chunk.faults.values()
    assert (fault.column, fault.rule) == ("a", "row")
    assert not chunk.extras
    assert len(chunk.surplus[1]) >= 3


def test_a_repeated_key_within_a_contracted_value_refuses_the_row() -> None:
    chunk = only('[{"a": {"y": 1, "y": 2}, "b": 2}]')
    assert refused(chunk) == [1]
    assert chunk.surplus[0][0] == ["a", [["y", "1"], ["y", "2"]]]


def test_bad_bytes_are_told_from_escapes() -> None:
    bad = b'{"a": "caf\xe9", "b": 2}'
    name = b'{"a": 1, "b": 2, "n\xff": 0}'
    escape = rb'{"a": "\udce9", "b": "\ud83d"}'
    arabic = '{"a": "منى", "b": 2}'.encode()
    assert only(b"[%b, %b, %b, %b]" % (escape, bad, arabic, name)).bad_bytes == {1, 3}
    assert only(b"%b\n%b\n\xff\n%b\n%b\n" % (escape, bad, arabic, name)).bad_bytes == {1, 2, 4}


def test_nul_and_lone_surrogates_come_as_they_are() -> None:
    chunk = only(rb'[{"a": "\u0000", "b": "\ud800", "\u0000\udfff": "\u0000"}]')
    assert rows_of([chunk]) == [("\x00", "\ud800")]
    assert chunk.extras == {0: {"\x00\udfff": "\x00"}}


class CountingText(io.StringIO):
    """A text that counts the characters taken from it, and how often."""

    def __init__(self, text: str) -> None:
        super().__init__(text, newline="")
        self.steps = 0

    def read(self, size: int | None = -1, /) -> str:
        more = super().read(size)
        self.steps += 1 + len(more)
        return more


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """How many characters reading a text takes in and looks at for decoding."""
    decode = Decoder.decode
    looked_at = 0

    def counting(self: Decoder, text: str, position: int) -> tuple[object, int]:
        nonlocal looked_at
        try:
            value, end = decode(self, text, position)
        except json.JSONDecodeError:
            looked_at += len(text) - position
            raise
        looked_at += end - position
        return value, end

    def count(text: str) -> int:
        nonlocal looked_at
        looked_at = 0
        source = CountingText(text)
        for _ in JsonReader(source, COLUMNS, 1000).chunks():
            pass
        return source.steps + looked_at

    monkeypatch.setattr(Decoder, "decode", counting)
    monkeypatch.setattr(json_window, "WINDOW_CHARACTERS", 1000)
    return count


@pytest.mark.parametrize(
    "text",
    [
        lambda size: f"[{', '.join([GOOD] * size)}]",
        lambda size: f"{GOOD}\n" * size,
        lambda size: f"{GOOD}\n{{oops\n" * size + GOOD,
        lambda size: f"{GOOD}\n" + '{"a": "\n' * size + GOOD,
        lambda size: f"{GOOD}\n" + "x\n" * size + GOOD,
        lambda size: f'[{GOOD}, {{"x": "{"x" * 20 * size}"}}]',
        lambda size: f"[{GOOD}, {{{names(size)}}}]",
        lambda size: f"[{GOOD}, {{{names(size)}, {names(1)}}}]",
        lambda size: f"{GOOD}\n{{{names(size)}}}\n",
        lambda size: f'[{GOOD}, {{"x": {nested(10 * size)}}}]',
        lambda size: f"[{GOOD}{(', ' + nested(1500)) * (size // 100)}]",
        lambda size: f'{GOOD}\n{{"x": {nested(10 * size)}}}\n',
        lambda size: GOOD * size,
        lambda size: f"{GOOD}\n{GOOD * size}",
        lambda size: '{"a": "\n' + "x\ty" * 10 * size + f'", "b": 2}}\n{GOOD}',
    ],
)
def test_reading_takes_steps_in_proportion_to_the_text(
    steps: Callable[[str], int], text: Callable[[int], str]
) -> None:
    once, twice = text(2_000), text(4_000)
    assert steps(twice) <= 2.2 * steps(once)
    assert steps(twice) <= 8 * len(twice)


def test_malformed_json_is_refused_without_reading_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_window, "WINDOW_CHARACTERS", 1000)
    source = CountingText(f'[{GOOD}, {{"a": oops}}{", " + GOOD}' * 1_000)
    with pytest.raises(FileRejectedError, match="row 2: malformed"):
        list(JsonReader(source, COLUMNS, 1000).chunks())
    assert source.steps <= 2_002


class CountingName(str):
    """A name that counts how often it is compared."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        CountingName.comparisons += 1
        return str(self) == str(other)

    __hash__ = str.__hash__


def test_repeated_keys_are_found_in_steps_in_proportion_to_the_names() -> None:
    def comparisons(count: int) -> int:
        CountingName.comparisons = 0
        pairs: list[tuple[str, object]] = [
            (CountingName(f"n{number % (count - 1)}"), 0) for number in range(count)
        ]
        assert RepeatedKeys(pairs).repeated == {"n0"}
        return CountingName.comparisons

    assert comparisons(2_000) <= 3 * comparisons(1_000) <= 20_000
