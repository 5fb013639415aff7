"""Verdicts over free text: judged as it came, stored and shown without persons."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.ingest.judge.verdict import Judge
from fastfeast_assets.ingest.read.chunks import Cell, Fault, TextChunk
from fastfeast_assets_tests.unit.contracts import documents

MASKER = Masker(b"0123456789abcdef0123456789abcdef", "hkdf")
MONA = MASKER.hide("mona@mail.com")
MONA_AS_NAME = MASKER.scrub_name("mona@mail.com")
PHONE = MASKER.hide("01012345678")


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Judges shops, whose key is any text of up to 36 characters."""
    documents.write(tmp_path, documents.document())
    contract = load_contracts(tmp_path)["shops"]
    return Judge(contract, MASKER, ZoneInfo("UTC"), is_json=False)


def shops(*rows: dict[str, Cell], faults: dict[int, list[Fault]] | None = None) -> TextChunk:
    names = [item["name"] for item in documents.document()["schema"][0]["properties"]]
    cells = {name: [row.get(name) for row in rows] for name in names}
    return TextChunk(1, cells, faults=faults or {})


def test_a_key_of_free_text_is_scrubbed_and_fits_its_column(judge: Judge) -> None:
    key: dict[str, Cell] = {"shop_id": "mona@mail.com"}
    verdict = judge.judge(shops(key, key, {**key, "staff": "-1"}))
    judge.refuse_repeats(verdict, ())
    assert judge.accepted(verdict)["shop_id"].to_pylist() == [MONA_AS_NAME[:36]]
    repeated, wrong = judge.rejected(verdict, 1), judge.rejected(verdict, 2)
    assert (repeated.primary_key, wrong.primary_key) == (MONA_AS_NAME[:36],) * 2
    assert repeated.reasons == [{"column": "shop_id", "rule": "duplicate", "value": MONA}]
    assert repeated.raw_data["shop_id"] == MONA


def test_text_is_judged_as_it_came(judge: Judge) -> None:
    """Of 36 characters exactly: its hash has more, and does not make it too long."""
    verdict = judge.judge(shops({"shop_id": "mona.of.the.old.city@mail.example.com"[:36]}))
    assert not verdict.reasons


@pytest.mark.parametrize(
    ("column", "cell", "shown"),
    [
        ("staff", "40000", "40000"),
        ("staff", "1012345678", "{phone}"),
        ("rent", "1234.00", "1234.00"),
        ("rent", "01012345678", "{phone}"),
        ("rating", "6.166666666666667", "6.166666666666667"),
        ("rating", "1012345678", "{phone}"),
        ("opened_at", "1999-01-01 10:11:12.123456", "1999-01-01 10:11:12.123456"),
        ("opened_at", "2026-11-20 mona@mail.com", "2026-11-20 {mona}"),
        ("state", "010-1234-5678", "{phone}"),
        ("is_own", "mona@mail.com", "{mona}"),
    ],
)
def test_a_cell_is_shown_as_it_came_or_scrubbed(
    judge: Judge, column: str, cell: str, shown: str
) -> None:
    # No hash in the names of the tests, for each process has others.
    shown = shown.format(phone=PHONE, mona=MONA)
    verdict = judge.judge(shops({"shop_id": "1", column: cell}))
    row = judge.rejected(verdict, 0)
    assert row.raw_data[column] == shown
    assert [reason["value"] for reason in row.reasons] == [shown]
    assert f"({shown})" in row.text


def test_a_fault_names_no_person(judge: Judge) -> None:
    fault = Fault("mona@mail.com", "row", "1 of 2 fields")
    row = judge.rejected(judge.judge(shops({}, faults={0: [fault]})), 0)
    assert row.reasons == [{"column": MONA_AS_NAME, "rule": "row", "value": "1 of 2 fields"}]
    assert row.text == f"{MONA_AS_NAME}: row (1 of 2 fields)"
