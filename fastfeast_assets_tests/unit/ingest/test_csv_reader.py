"""CSV into text chunks: quotes, torn ends, lines that are no rows; every line is accounted for."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.ingest.errors import FileRejectedError
from fastfeast_assets.ingest.read import csv_records
from fastfeast_assets.ingest.read.chunks import LineAccount, TextChunk
from fastfeast_assets.ingest.read.csv_lines import Lines
from fastfeast_assets.ingest.read.csv_reader import CsvReader
from fastfeast_assets.ingest.read.limits import MAXIMUM_NAMES, MAXIMUM_RECORD_LINES
from fastfeast_assets.ingest.read.source import content_of, text_of

NUMBER = load_contracts()["teams"].column("team_id")
TEXT = load_contracts()["teams"].column("team_name")
UUID = replace(NUMBER, kind="text", canonical="uuid")
COLUMNS = tuple(replace(TEXT, name=name) for name in "abc")
HEADER = "a,b,c\n"


class Read:
    """A file that was read to its end: its rows, what was refused of them, its lines."""

    def __init__(
        self, content: str | bytes, *, key: Any = NUMBER, width: int = 3, chunk_rows: int = 3
    ) -> None:
        raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        columns = [replace(key, name="a"), *COLUMNS[1:width]]
        stream = io.BytesIO(raw)
        counted = content_of(stream).lines
        with text_of(stream) as text:
            reader = CsvReader(text, columns, chunk_rows)
            self.chunks: list[TextChunk] = list(reader.chunks())
        self.lines: LineAccount = reader.lines
        self.faults = {
            chunk.first_row + offset: fault.value
            for chunk in self.chunks
            for offset, [fault] in chunk.faults.items()
        }
        self.surplus = {
            chunk.first_row + offset: values
            for chunk in self.chunks
            for offset, values in chunk.surplus.items()
        }
        self.rows = [
            row
            for chunk in self.chunks
            for offset, row in enumerate(zip(*chunk.cells.values(), strict=True))
            if offset not in chunk.faults
        ]
        total = sum(map(len, self.chunks))
        assert self.lines.total == counted == total + self.lines.other


PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12)


@given(st.lists(st.tuples(PLAIN, PLAIN, PLAIN), max_size=12), st.integers(1, 5))
def test_what_a_writer_wrote_comes_back(rows: list[tuple[str, str, str]], chunk_rows: int) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([HEADER[:5:2], *rows])
    assert Read(out.getvalue(), chunk_rows=chunk_rows).rows == rows


NASTY = st.text(st.sampled_from('",\n\r ab1\\\x1a\x00é\u200b'), max_size=40)


@given(NASTY, st.booleans(), st.integers(1, 3))
def test_whatever_stands_there_every_line_is_accounted_for(
    text: str, has_rows: bool, width: int
) -> None:
    start = ",".join("abc"[:width]) + "\n" + ",".join("123"[:width]) + "\n"
    try:
        Read((start if has_rows else "") + text, width=width)
    except FileRejectedError:
        return


@given(st.data())
def test_quotes_too_many_alter_no_row_and_lose_none(data: st.DataObject) -> None:
    rows = [f"{number},n{number},{number % 7}" for number in range(10, 40)]
    quoted = data.draw(st.sets(st.integers(0, 29), max_size=3))
    lines = [
        f'{n + 10},"n{n + 10}",{(n + 10) % 7}' if n in quoted else row for n, row in enumerate(rows)
    ]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, 29))
        position = data.draw(st.integers(0, len(lines[place])))
        lines[place] = f'{lines[place][:position]}"{lines[place][position:]}'
    read = Read(HEADER + "\n".join(lines) + "\n")
    assert len(read.rows) + len(read.faults) == 30
    truth = {tuple(row.split(",")) for row in rows}
    strange = [row for row in read.rows if row not in truth]
    assert all('"' in "".join(filter(None, row)) for row in strange), strange


def test_two_quotes_too_many_swallow_no_rows() -> None:
    text = HEADER + '201,"Mona,x\n202,Sara,y\n203,Ali,z\n204,"Omar Z",w\n'
    read = Read(text)
    assert [row[0] for row in read.rows] == ["202", "203", "204"]
    assert read.faults == {1: "not well quoted"}
    assert read.surplus == {1: ['201,"Mona,x']}


def test_a_quote_too_many_costs_its_line_however_far_the_next_quote_is() -> None:
    rows = [f"{number},n,x\n" for number in range(MAXIMUM_RECORD_LINES * 3)]
    rows[1] = '1,"n,x\n'
    for place in (5, 26, len(rows) - 1):
        changed = list(rows)
        changed[place] = f'{place},"n m",x\n'
        read = Read(HEADER + "".join(changed), chunk_rows=1000)
        assert list(read.faults) == [2]
        assert len(read.rows) == len(rows) - 1


def test_a_well_quoted_field_over_what_looks_like_rows_is_not_guessed_about() -> None:
    read = Read(HEADER + '1,"x\n2,y,y\n3,z",z\n4,w,w\n')
    assert read.rows == [("4", "w", "w")]
    assert set(read.faults.values()) == {"a quoted field goes over what looks like rows"}
    assert list(read.faults) == [1, 2, 3]


def test_lines_that_all_look_like_rows_are_not_one_row() -> None:
    read = Read(HEADER + '1,"x,2\n3,y",4\n5,z,z\n')
    assert read.rows == [("5", "z", "z")]
    assert list(read.faults) == [1, 2]


@pytest.mark.parametrize("between", ["\n", "   \n", "9,x\n", "\r\n"])
def test_two_rows_are_not_one_whatever_stands_between_them(between: str) -> None:
    read = Read(HEADER + f'1,"x,2\n{between}3,y",4\n5,z,z\n')
    assert read.rows == [("5", "z", "z")]
    assert len(read.faults) == 2 + bool(between.strip())


def test_a_line_break_of_another_kind_within_a_field_costs_both_halves() -> None:
    rows = "a,b,c\r\n1,x,Cairo{}Branch\r\n2,y,z\r\n"
    for other in ("\n", "\r"):
        read = Read(rows.format(other))
        assert read.rows == [("2", "y", "z")]
        assert list(read.faults) == [1, 2]
    mixed = Read("a,b,c\r\n1,x,y\n2,x,y\r3,x,y\r\n")
    assert [row[0] for row in mixed.rows] == ["1", "2", "3"]


def test_a_field_over_several_lines_is_one_row() -> None:
    read = Read(HEADER + '1,"He said ""hi"",\nand left.\r\n\r\nBye",z\n2,y,y\n')
    assert read.rows == [("1", 'He said "hi",\nand left.\r\n\r\nBye', "z"), ("2", "y", "y")]
    assert read.lines == LineAccount(total=6, other=4)


@pytest.mark.parametrize(
    "line",
    [
        '1,"a"b,c',
        '1,"a\\"b",c',
        '1,"a" ,c',
        '1, "a",c"',
        '1,a",c',
        '1,12" pan,c',
        '1,"a,c',
        '1,"a""",b"',
        '"1,a,c',
        '1,a,c"',
        '1,""a"",c',
    ],
)
def test_what_is_not_well_quoted_is_refused_and_nothing_else(line: str) -> None:
    read = Read(f"{HEADER}0,x,y\n{line}\n2,x,y\n3,x,y\n")
    assert [row[0] for row in read.rows] == ["0", "2", "3"]
    assert read.surplus == {2: [line]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ('Grill "n" Chill', 'Grill "n" Chill'),
        ('\\"n\\"', '\\"n\\"'),
        ('"Grill ""n"" Chill"', 'Grill "n" Chill'),
        ('""', ""),
        ('""""', '"'),
        ('"a,b"', "a,b"),
        ('"C:\\"', "C:\\"),
        (" x ", " x "),
        ("'x'", "'x'"),
    ],
)
def test_what_is_well_quoted_says_what_it_says(field: str, value: str) -> None:
    assert Read(f"{HEADER}1,{field},z\n").rows == [("1", value, "z")]


@pytest.mark.parametrize("end", ["12", "12,x", "12,x,12", '12,x,"12"', "12,x,1\x1a"])
def test_a_last_line_without_line_break_is_suspect(end: str) -> None:
    with pytest.raises(FileRejectedError, match="truncated: line 3, the last, has no line break"):
        Read(f"{HEADER}11,x,y\n{end}")
    with pytest.raises(FileRejectedError, match="truncated"):
        Read(HEADER + end)


@given(st.integers(1, 12), st.data())
def test_a_file_cut_anywhere_but_at_a_line_is_refused(count: int, data: st.DataObject) -> None:
    text = HEADER + "".join(f'{number},"n {number}",{number}\n' for number in range(count))
    cut = data.draw(st.integers(len(HEADER) + 1, len(text) - 1))
    if text[:cut].endswith("\n"):
        assert len(Read(text[:cut]).rows) == text[:cut].count("\n") - 1
    else:
        with pytest.raises(FileRejectedError, match="truncated"):
            Read(text[:cut])


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "   ", "\x1a", "\x1a\n", "\n \n\x1a"])
def test_what_is_no_line_at_the_end_costs_nothing(end: str) -> None:
    read = Read(f"{HEADER}1,x,y\n{end}")
    assert read.rows == [("1", "x", "y")]
    assert not read.faults


@pytest.mark.parametrize("end", ["Total", "Total,,1", "-- 1 row", "1 row", ",,9"])
def test_a_footer_costs_only_itself(end: str) -> None:
    read = Read(f"{HEADER}1,x,y\n{end}")
    assert read.rows == [("1", "x", "y")]
    assert list(read.faults) == [2]


def test_a_footer_is_told_from_the_beginning_of_a_uuid() -> None:
    key = "00000000-0000-4000-8000-000000000001"
    rows = f"{HEADER}{key},x,y\n"
    assert Read(f"{rows}Total: 1", key=UUID).rows == [(key, "x", "y")]
    assert Read(f"{rows}{key[:20]},x", key=UUID).rows == [(key, "x", "y")]
    for cut in range(1, len(key) + 1):
        with pytest.raises(FileRejectedError, match="truncated"):
            Read(rows + key[:cut], key=UUID)
    with pytest.raises(FileRejectedError, match="truncated"):
        Read(f"{rows}Total: 1", key=TEXT)


def test_behind_damaged_quotes_no_footer_is_believed() -> None:
    with pytest.raises(FileRejectedError, match="truncated"):
        Read(f'{HEADER}1,"x,y\nline two of a note, cut')
    with pytest.raises(FileRejectedError, match="truncated"):
        Read(f'{HEADER}1,"x"x,y\nTotal: 1')


def test_a_quote_open_at_the_end_is_refused_where_nothing_tells_a_row() -> None:
    with pytest.raises(FileRejectedError, match="line 2: a quote is opened and never closed"):
        Read(f'{HEADER}1,"some\ntext\n')
    read = Read(f'{HEADER}1,x,y\n2,"x,y\n')
    assert read.rows == [("1", "x", "y")]
    assert list(read.faults) == [2]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_break_ends_a_line(line_break: str) -> None:
    text = f'{HEADER}1,x,"y\n"\n\n2,x,y\n'.replace("\n", line_break)
    read = Read(text)
    assert [row[0] for row in read.rows] == ["1", "2"]
    assert read.lines == LineAccount(total=5, other=3)


def test_columns_may_come_in_any_order_with_others_between() -> None:
    read = Read("x,c,b,a,x\n1,2,3,4,5\n")
    assert read.rows == [("4", "3", "2")]
    assert read.chunks[0].extras == {0: {"x": "1", "x (5)": "5"}}
    read = Read("a,b,c,x,x (6),x,x\n1,2,3,4,5,6,7\n")
    assert sorted(map(str, read.chunks[0].extras[0].values())) == ["4", "5", "6", "7"]


def test_of_a_short_row_only_what_stands_there_is_kept() -> None:
    read = Read("a,x,b,y,c,z\n1,2,3,4\n1\n1,2,3,4,5,6,7\n", chunk_rows=9)
    [chunk] = read.chunks
    assert chunk.extras == {0: {"x": "2", "y": "4"}, 2: {"x": "2", "y": "4", "z": "6"}}


def test_a_ragged_row_names_only_contracted_columns() -> None:
    [chunk] = Read("a,mona@mail.com,b,c,x@y.z\n1,2\n1,2,3,4,5,6\n", chunk_rows=9).chunks
    assert [fault.column for [fault] in chunk.faults.values()] == ["b", "c"]
    assert chunk.surplus == {1: ["6"]}


def test_row_numbers_go_on_across_chunks_and_damage() -> None:
    read = Read(HEADER + '1,"x,y\n' * 8 + "9,x,y\n")
    assert list(read.faults) == list(range(1, 9))
    assert read.chunks[-1].first_row + len(read.chunks[-1]) - 1 == 9


def test_bytes_that_are_no_text_are_noted_with_their_row() -> None:
    [chunk] = Read(b'a,b,c,d\n1,x,y,z\n2,\xff,y,z\n3,x,y,\xff\n4,"\xff,y,z\n', chunk_rows=9).chunks
    assert chunk.bad_bytes == {1, 2, 3}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        ("\n\n", "there is no header line"),
        ("sep=,\n" + HEADER, "mark of its separator"),
        ("sep=;\na;b;c\n", "mark of its separator"),
        ("A,B,C\n1,2,3\n", "a (it stands there in capital letters)"),
        ("\u200ba,b,c\n1,2,3\n", "a (it stands there with an invisible character in its name)"),
        ("a ,b,\uff43\n1,2,3\n", "c (it stands there with an invisible character"),
        ("\ufeff\ufeffa,b,c\n1,2,3\n", "two byte-order marks"),
        ("a;b;c\n1;2;3\n", "is the separator a comma?"),
        ('a,b,"c\n1,2,3\n', "the header is not well quoted"),
        ('"a",b,c"\n1,2,3\n', "the header is not well quoted"),
        ("a,a,b,c\n1,2,3,4\n", "stand twice in the header: a"),
        ("a,b\n1,2\n", "contracted columns are missing: c"),
        ("a,b,c", "truncated: line 1, the last, has no line break"),
        (HEADER.encode("utf-16"), "not UTF-8 but UTF-16"),
        (HEADER.encode("utf-16-le"), "not UTF-8 but UTF-16"),
        (HEADER.encode("utf-32-be"), "not UTF-8 but UTF-32"),
        (b"PK\x03\x04", "zip or a spreadsheet"),
        (f"a,b,c,{'x' * 64}\n", "the name of column 4 is longer than 63 characters"),
        (HEADER[:-1] + ",x" * (MAXIMUM_NAMES + 1) + "\n", "at most 1000 are kept"),
        (HEADER[:-1] + "".join(f",{n}" for n in range(100_000)) + "\n", "at most 1000 are kept"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_as_what_it_is(
    content: str | bytes, reason: str
) -> None:
    with pytest.raises(FileRejectedError) as error:
        Read(content)
    assert reason in str(error.value)


def test_no_name_of_the_file_is_quoted() -> None:
    with pytest.raises(FileRejectedError) as error:
        Read("a,b,mona@mail.com\n1,2,3\n")
    assert "mona" not in str(error.value)


def test_long_values_are_read() -> None:
    long = "x" * 3_000_000
    assert Read(f'{HEADER}1,"{long}",1\n').rows == [("1", long, "1")]


class Counting(Lines):
    """Counts how often lines are given to the parser."""

    given = 0

    def __next__(self) -> str:
        type(self).given += 1
        return super().__next__()


@pytest.mark.parametrize(
    "line",
    ["1,x,y\n", '1,"x,y\n', '1,x","z\n', 'x","z\n', '"\n', '1,"x","y"\n', '1,"\n,",\n'],
)
def test_reading_is_linear_in_the_number_of_lines(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastfeast_assets.ingest.read.csv_records.Lines", Counting)
    steps = []
    for count in (400, 800):
        Counting.given = 0
        Read(HEADER + line * count + "9,x,y\n")
        steps.append(Counting.given)
    assert steps[1] <= 2.2 * steps[0]
    assert steps[1] <= 800 * (MAXIMUM_RECORD_LINES + 2) * line.count("\n")


@pytest.mark.parametrize(("text", "most"), [("x", 3), ("ك", 2), ("🚲", 1)])
def test_a_chunk_of_large_rows_ends_early(
    monkeypatch: pytest.MonkeyPatch, text: str, most: int
) -> None:
    """By what Python takes to hold them: one to four bytes a sign."""
    monkeypatch.setattr(csv_records, "CHUNK_BYTES", 2_500)
    read = Read(HEADER + f"1,{text * 1_000},\n" * 6, chunk_rows=1_000)
    assert [len(chunk) for chunk in read.chunks] == [most] * (6 // most)
    assert read.rows == [("1", text * 1_000, "")] * 6
