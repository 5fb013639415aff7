"""`fastfeast quarantine`: refused rows can be found, read and handed on, safely."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from fastfeast_assets_tests.landing import DAY, LandingZone, order
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast
from fastfeast_assets_tests.postgres.conftest import Load, Query

FORMULA = '=HYPERLINK("http://x.example","y")'
ESCAPE = "\x1b[2J"
EMAIL = "mona.adel@mail.org"
PHONE = "01512345678"


@pytest.fixture
def refused(landing: LandingZone, load: Load) -> None:
    """Five refused rows: amounts, a formula for a key, a status with control codes, a customer."""
    landing.stream(
        "orders",
        order(1),
        order(2, order_amount=-5, delivery_fee=-1),
        order(3, order_id=FORMULA, order_amount=-1),
        order(4, order_status=f"[red]{ESCAPE}"),
        hour=8,
    )
    landing.stream("orders", order(5, order_amount=-7), hour=9)
    landing.batch("customers", email=EMAIL, phone=PHONE)
    load()


def listed(fastfeast: FastFeast, *arguments: str) -> list[dict[str, Any]]:
    result = fastfeast("quarantine", "list", "--json", *arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["total"] == len(found["rows"])
    rows: list[dict[str, Any]] = found["rows"]
    return rows


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], 5),
        (["--source", "orders"], 4),
        (["--source", "orders", "--stage", "schema"], 1),
        (["--rule", "range"], 3),
        (["--rule", "range:delivery_fee"], 1),
        (["--rule", "range:order_status"], 0),
        (["--file", f"stream/{DAY}/08/*"], 3),
        (["--file", f"stream/{DAY}/09/orders.json"], 1),
        (["--file", "stream/____-__-__/08/*"], 0),
        (["--status", "resolved"], 0),
        (["--status", "all"], 5),
        (["--rule", "range:order_amount' or 'x'='x"], 0),
    ],
)
def test_filters(fastfeast: FastFeast, filters: list[str], expected: int) -> None:
    assert len(listed(fastfeast, *filters)) == expected


@pytest.mark.usefixtures("refused")
def test_the_list_is_newest_first_limited_and_free_of_control_codes(fastfeast: FastFeast) -> None:
    result = fastfeast("quarantine", "list", "--source", "orders", "--limit", "3")
    assert result.exit_code == 0
    assert "3 of 4" in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stdout.index(f"{DAY}/09/orders.json") < result.stdout.index(f"{DAY}/08")
    assert "[red]\\x1b[2J" in result.stdout


@pytest.mark.usefixtures("refused")
def test_show_gives_every_reason_and_the_row(fastfeast: FastFeast) -> None:
    (row,) = listed(fastfeast, "--rule", "range:delivery_fee")
    result = fastfeast("quarantine", "show", str(row["quarantine_id"]))
    assert result.exit_code == 0
    assert f"stream/{DAY}/08/orders.json, row 2" in result.stdout
    for text in ("order_amount", "delivery_fee", "range", "-5", "-1", "payment_method"):
        assert text in result.stdout


def test_show_of_an_unknown_id_fails_clearly(fastfeast: FastFeast) -> None:
    result = fastfeast("quarantine", "show", "123456")
    assert result.exit_code == 1
    assert "no row in quarantine has the id 123456" in result.stderr


@pytest.mark.usefixtures("refused")
def test_personal_values_are_nowhere(fastfeast: FastFeast, tmp_path: Path) -> None:
    (row,) = listed(fastfeast, "--source", "customers")
    file = tmp_path / "all.ndjson"
    outputs = [
        fastfeast("quarantine", "list").output,
        fastfeast("quarantine", "list", "--json").output,
        fastfeast("quarantine", "show", str(row["quarantine_id"])).output,
        fastfeast("quarantine", "show", str(row["quarantine_id"]), "--json").output,
        fastfeast("quarantine", "export", "-").output,
        fastfeast("quarantine", "export", str(file)).output + file.read_text(),
    ]
    for text in outputs:
        assert text
        assert EMAIL not in text
        assert PHONE not in text
        assert PHONE.lstrip("0") not in text


@pytest.mark.usefixtures("refused")
def test_csv_holds_no_formula(fastfeast: FastFeast, query: Query, tmp_path: Path) -> None:
    # A key that is no UUID is none; where a key is any text, it is shown.
    query("update ops.quarantine set primary_key = %s where row_number = 3 returning 1", FORMULA)
    file = tmp_path / "bad.csv"
    result = fastfeast("quarantine", "export", str(file), "--source", "orders")
    assert result.exit_code == 0
    assert "Wrote 4 rows" in result.stderr
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 4
    assert f"'{FORMULA}" in [row["primary_key"] for row in rows]
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row.values())
        assert json.loads(row["reasons"])
        assert json.loads(row["raw_data"])["payment_method"] == "card"


@pytest.mark.parametrize("start", ["=1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1"])  # noqa: RUF001
def test_every_start_of_a_formula_is_defused(
    fastfeast: FastFeast, query: Query, start: str
) -> None:
    insert(query, primary_key=start)
    result = fastfeast("quarantine", "export", "-")
    (row,) = csv.DictReader(io.StringIO(result.stdout_bytes.decode(), newline=""))
    assert row["primary_key"] == f"'{start}"


@pytest.mark.parametrize("value", ["a\r=1", "a\n=1", 'a"\r\n=1', "a,=1"])
def test_no_value_breaks_out_of_its_cell(fastfeast: FastFeast, query: Query, value: str) -> None:
    insert(query, primary_key=value)
    result = fastfeast("quarantine", "export", "-")
    (row,) = csv.DictReader(io.StringIO(result.stdout_bytes.decode(), newline=""))
    assert row["primary_key"] == value


@pytest.mark.usefixtures("refused")
def test_ndjson_keeps_values_as_they_are(fastfeast: FastFeast, tmp_path: Path) -> None:
    file = tmp_path / "bad.ndjson"
    result = fastfeast("quarantine", "export", str(file), "--source", "orders", "--limit", "2")
    assert result.exit_code == 0
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [row["row_number"] for row in rows] == [2, 3]
    assert rows[1]["raw_data"]["order_id"] == FORMULA


def test_a_file_is_only_replaced_by_force(fastfeast: FastFeast, tmp_path: Path) -> None:
    file = tmp_path / "kept.csv"
    file.write_text("mine")
    result = fastfeast("quarantine", "export", str(file))
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert file.read_text() == "mine"
    assert fastfeast("quarantine", "export", str(file), "--force").exit_code == 0
    assert file.read_text().startswith("quarantine_id,")
    assert list(tmp_path.glob(".kept*")) == []


@pytest.mark.parametrize("name", ["rows.xlsx", "rows", "nowhere/rows.csv"])
def test_an_export_that_cannot_be_is_refused(
    fastfeast: FastFeast, tmp_path: Path, name: str
) -> None:
    result = fastfeast("quarantine", "export", str(tmp_path / name))
    assert result.exit_code == 2
    assert "->" in result.stderr
    assert list(tmp_path.glob("*rows*")) == []


def test_an_export_is_complete_beyond_one_fetch(
    fastfeast: FastFeast, query: Query, tmp_path: Path
) -> None:
    insert(query, rows=12_000)
    file = tmp_path / "many.csv"
    assert fastfeast("quarantine", "export", str(file)).exit_code == 0
    with file.open(newline="") as lines:
        numbers = [int(row["row_number"]) for row in csv.DictReader(lines)]
    assert numbers == list(range(1, 12_001))


def insert(query: Query, *, primary_key: str = "k", rows: int = 1) -> None:
    """Put rows into the quarantine that no file could bring."""
    query(
        "insert into ops.quarantine (source_file, source, source_table, row_number, primary_key, "
        "rejection_stage, rejection_reason, reasons, raw_data) "
        "select 'stream/x', 'orders', 'fact_order', n, %s, 'records', 'range', '[]', '{}' "
        "from generate_series(1, %s) as n returning 1",
        primary_key,
        rows,
    )


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    "command", [["list"], ["export", "-"], ["release"], ["discard", "--reason", "x"]]
)
def test_a_source_that_nothing_has_is_refused_with_those_there_are(
    fastfeast: FastFeast, command: list[str], query: Query
) -> None:
    result = fastfeast("quarantine", *command, "--source", "nope")
    assert result.exit_code == 2
    assert "no contract has the source nope" in result.stderr
    assert "orders" in result.stderr
    # Rows of a source whose contract was removed can still be read.
    query("update ops.quarantine set source = 'nope', status = 'resolved' returning 1")
    assert fastfeast("quarantine", *command, "--source", "nope").exit_code == 0


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    "command", [["list"], ["export", "-"], ["release"], ["discard", "--reason", "x"]]
)
def test_a_rule_that_there_is_not_is_refused_with_those_there_are(
    fastfeast: FastFeast, command: list[str]
) -> None:
    result = fastfeast("quarantine", *command, "--rule", "foo")
    assert result.exit_code == 2
    assert "no contract has the rule foo" in result.stderr
    assert "required, allowed, format" in result.stderr
    assert fastfeast("quarantine", *command, "--rule", "range:order_amount").exit_code == 0


@pytest.mark.usefixtures("refused")
def test_a_table_in_a_pipe_is_for_other_programs(fastfeast: FastFeast) -> None:
    """No padding, no cut, no frame: cells with tabs between them."""
    lines = fastfeast("quarantine", "list").stdout.splitlines()
    heads, *rows = (line.split("\t") for line in lines if "\t" in line)
    assert heads == ["id", "file", "row", "stage", "key", "reasons"]
    assert rows
    assert all(len(row) == len(heads) for row in rows)
    assert all(cell == cell.strip() for row in rows for cell in row)
