"""What is stored of uncontracted values: numbers and dates, and nobody in clear."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.extras import Extras, as_hidden
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.ingest.read.chunks import NumberText
from fastfeast_assets.ingest.read.json_decoder import written
from fastfeast_assets_tests.unit.contracts import documents

MASKER = Masker(b"0123456789abcdef0123456789abcdef", "hkdf")


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    """A contract that keeps the text of one column it does not know."""
    document = documents.document()
    document["customProperties"].append({"property": "keepExtra", "value": ["branch"]})
    documents.write(tmp_path, document)
    return load_contracts(tmp_path)["shops"]


def stored(contract: Contract, value: object, *, is_json: bool, name: str = "x") -> Any:
    extras = Extras(contract, MASKER, is_json=is_json).of({name: value})
    return json.loads(written(extras), parse_float=str, parse_int=str)[name]


def hidden(kind: str, text: str, value: str | None = None) -> dict[str, str]:
    return {"type": kind, "length": str(len(text)), "hmac": MASKER.digest(value or text)}


@pytest.mark.parametrize(
    "text",
    ["7", "-12.50", "4.166666666666667", "0.30000000000000004", "1e2", "1763625600", "-0",
     "1512345678.25", "9999999999999", "1.5E-300"],
)  # fmt: skip
@pytest.mark.parametrize("is_json", [True, False])
def test_a_number_keeps_its_digits(contract: Contract, text: str, is_json: bool) -> None:
    value = NumberText(text) if is_json else text
    assert written(Extras(contract, MASKER, is_json=is_json).of({"x": value})) == f'{{"x": {text}}}'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1012345678", "01012345678"),
        ("1012345678.0", "01012345678"),
        ("1.012345678E+09", "01012345678"),
        ("201012345678", "01012345678"),
        ("12345678901234", "12345678901234"),
        ("12345678901234.0", "012345678901234"),
        ("312345678901234", "312345678901234"),
        ("312345678901234.5", None),
        ("1234567890123456789", None),
        ("-1012345678", "01012345678"),
        ("1e400000", None),
        ("1e309", None),
        ("9" * 300, None),
    ],
)
def test_a_number_that_may_be_somebody_is_hidden(
    contract: Contract, text: str, value: str | None
) -> None:
    assert stored(contract, NumberText(text), is_json=True) == hidden("number", text, value)


@pytest.mark.parametrize(
    "text",
    ["007", "+5", " 7", "TRUE", "false", "", "NaN", "2026-11-20", "2026-11-20 08:24:18.201629",
     "2026-11-20T08:24:18Z"],
)  # fmt: skip
def test_a_cell_that_reads_as_a_value_stays_as_it_is(contract: Contract, text: str) -> None:
    contract = replace(contract, null_tokens=("", "NaN"))
    assert stored(contract, text, is_json=False) == text


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("01012345678", "number", "01012345678"),
        ("00201012345678", "number", "01012345678"),
        ("+201012345678", "number", "01012345678"),
        ("010 1234 5678", "string", "01012345678"),
        ("Mona <Mona@mail.com>", "string", None),
        ("mailto:Mona@mail.com", "string", "mona@mail.com"),
        ("2026-13-40", "string", None),
        ("20-11-2026", "string", None),
        ("2010-12-34 5678", "string", "01012345678"),
        ("1,234.50", "string", None),
        ("t", "string", None),
        ("Mona Adel", "string", None),
        ("a\x00b\udcff", "string", None),
    ],
)
def test_a_cell_of_text_is_a_length_and_a_hash(
    contract: Contract, text: str, kind: str, value: str | None
) -> None:
    assert stored(contract, text, is_json=False) == hidden(kind, text, value)


def test_a_number_in_quotes_is_text_in_json(contract: Contract) -> None:
    assert stored(contract, "42", is_json=True) == hidden("string", "42")
    assert stored(contract, "true", is_json=True) == hidden("string", "true")
    assert stored(contract, "2026-11-20", is_json=True) == "2026-11-20"


def test_leaves_are_hidden_one_by_one_and_names_are_scrubbed(contract: Contract) -> None:
    value = {
        "mona@mail.com": ["a", None, True, {"Mona@mail.com": NumberText("1"), "n\x00": "b"}],
        "Mona@mail.com": NumberText("1.50"),
        "\ud800": [],
    }
    mona = MASKER.hide("mona@mail.com")
    extras = Extras(contract, MASKER, is_json=True).of({"call 010 1234 5678": value})
    assert json.loads(written(extras), parse_int=str, parse_float=str) == {
        MASKER.scrub_name("call 01012345678"): {
            mona: [
                hidden("string", "a"),
                None,
                True,
                {mona: "1", "n\\u0000": hidden("string", "b")},
            ],
            f"{mona} (2)": "1.50",
            "\\ud800": [],
        }
    }


def test_names_that_become_the_same_all_stay(contract: Contract) -> None:
    names = ["a@b.com", "A@b.com", "a@B.com", f"{MASKER.scrub_name('a@b.com')} (2)"]
    extras = Extras(contract, MASKER, is_json=True).of(dict.fromkeys(names, True))
    assert len(extras) == len(names)


def test_columns_that_the_contract_keeps_are_scrubbed_only(contract: Contract) -> None:
    value = {"name": "Nile of mona@mail.com", "no": NumberText("1012345678"), "in": ["Maadi"]}
    kept = stored(contract, value, is_json=True, name="branch")
    assert kept == {
        "name": f"Nile of {MASKER.hide('mona@mail.com')}",
        "no": hidden("number", "1012345678", "01012345678"),
        "in": ["Maadi"],
    }
    assert stored(contract, {"branch": "Maadi"}, is_json=True) == {
        "branch": hidden("string", "Maadi")
    }
    assert stored(contract, "5\x00", is_json=False, name="branch") == "5\\u0000"


def test_what_is_hidden_is_not_hidden_again(contract: Contract) -> None:
    once = written(Extras(contract, MASKER, is_json=True).of({"x": ["a", {"y": "b"}]}))
    again = json.loads(once, parse_int=NumberText, object_hook=as_hidden)
    assert written(Extras(contract, MASKER, is_json=True).of(again)) == once
    forged = {"type": "string", "length": NumberText("1"), "hmac": "mona@mail.com"}
    assert as_hidden(forged) is forged
    assert "mona" not in written(Extras(contract, MASKER, is_json=True).of({"x": forged}))


def test_nesting_ends_somewhere(contract: Contract) -> None:
    value: object = "secret"
    for _ in range(5_000):
        value = [value]
    text = written(Extras(contract, MASKER, is_json=True).of({"x": value}))
    assert '{"type": "array", "length": 1}' in text
    assert "secret" not in text
