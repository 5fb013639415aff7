"""Personal values: one form, one hash, and none left in text that happens to hold one."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastfeast_assets.ingest.mask import Canonical, Masker, canonical

KEY = b"0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("phone", "1012345678", "01012345678"),
        ("phone", "1012345678.0", "01012345678"),
        ("phone", " 01012345678 ", "01012345678"),
        ("phone", "1.012345678e9", "01012345678"),
        ("phone", "1312345678", "1312345678"),
        ("phone", "abc12345", "abc12345"),
        ("digits", "312345678901234.0", "312345678901234"),
        ("digits", "12345678901234.0", "012345678901234"),
        ("digits", "12345678901234", "12345678901234"),
        ("email", " Mona@Mail.COM ", "mona@mail.com"),
    ],
)
def test_canonical_forms(form: Canonical, text: str, expected: str) -> None:
    assert canonical(text, form) == expected


@given(st.text(), st.sampled_from(["phone", "digits", "email"]))
def test_a_canonical_form_is_its_own(text: str, form: Canonical) -> None:
    assert canonical(canonical(text, form), form) == canonical(text, form)


@given(st.lists(st.none() | st.text(max_size=20)))
def test_hashes_are_hmac_sha256(values: list[str | None]) -> None:
    expected = [
        None if v is None else hmac.new(KEY, v.encode(), hashlib.sha256).hexdigest() for v in values
    ]
    assert Masker(KEY).hash_many(values) == expected


@pytest.mark.parametrize(
    "text",
    [
        "call 01012345678 now",
        "1012345678.0",
        "+201012345678",
        "mona.adel+x@mail.example.com",
        "id=312345678901234,",
        "<a@b.com>",
    ],
)
def test_scrubbing_leaves_no_personal_value(text: str) -> None:
    scrubbed = Masker(KEY).scrub(text)
    for secret in ("1012345678", "mona", "312345678901234", "a@b"):
        assert secret not in scrubbed


@pytest.mark.parametrize(
    "text", ["359.48", "c45ac077-5c7e-4c71-8e2f-a0b638753f83", "2026-11-20 08:24:18", "", "@"]
)
def test_scrubbing_leaves_other_text_alone(text: str) -> None:
    assert Masker(KEY).scrub(text) == text


def test_a_phone_in_text_hashes_like_the_phone_in_its_column() -> None:
    masker = Masker(KEY)
    assert masker.scrub("1012345678.0") == masker.hash(canonical("01012345678", "phone"))


@pytest.mark.parametrize("text", ["x" * 3_000_000, "a@" * 500_000, "1" * 3_000_000])
def test_scrubbing_a_huge_field_takes_linear_time(text: str) -> None:
    assert Masker(KEY).scrub(text)
