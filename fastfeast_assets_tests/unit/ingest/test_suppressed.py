"""Rows of persons who were erased are known by number or hash, also where they are refused."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.ingest.judge.suppressed import Suppressed
from fastfeast_assets.ingest.judge.verdict import Judge
from fastfeast_assets.ingest.read.chunks import Cell, TextChunk
from fastfeast_assets_tests.landing import MEMBERS

MASKER = Masker(b"0123456789abcdef0123456789abcdef", "hkdf")
ERASED = Suppressed(frozenset({MASKER.hash("01276182021"), MASKER.hash("amina@mail.com")}))


@pytest.mark.parametrize(
    ("cells", "is_erased"),
    [
        ({"phone": "01276182021"}, True),
        ({"phone": "1276182021.0"}, True),
        ({"phone": "+20 127 618 2021"}, True),
        ({"phone": "call 01276182021 after six"}, True),
        ({"email": "phone 01276182021"}, True),
        ({"email": "Amina@Mail.com"}, True),
        ({"email": "<amina@mail.com>, office"}, True),
        ({"phone": "01276182022"}, False),
        ({"phone": None, "email": None}, False),
    ],
)
def test_an_erased_person_is_known(cells: dict[str, Cell], is_erased: bool) -> None:
    contract = load_contracts()["customers"]
    row = {
        name: None if value is None else str(value) for name, value in MEMBERS["customers"].items()
    }
    row |= {"full_name": "Amina El-Naggar", "customer_id": "999", **cells}
    names = [column.name for column in contract.columns]
    chunk = TextChunk(1, {name: [row.get(name)] for name in names})
    judge = Judge(contract, MASKER, ZoneInfo("UTC"), ERASED, is_json=False)
    verdict = judge.judge(chunk)
    assert verdict.is_erased.tolist() == [is_erased]
    if verdict.reasons:
        assert ("Amina" in str(judge.rejected(verdict, 0))) != is_erased
