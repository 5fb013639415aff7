"""Hashes of personal values: which keys they are made with, and what joins with what."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastfeast_assets.ingest.judge.keys import Scheme, expand, hkdf
from fastfeast_assets.ingest.judge.mask import Masker, NameMasker

KEY = b"0123456789abcdef0123456789abcdef"
PHONE = "01012345678"


@given(st.lists(st.none() | st.text(max_size=20)))
def test_hashes_of_the_first_version_are_hmac_sha256_with_the_key(values: list[str | None]) -> None:
    expected = [
        None if v is None else hmac.new(KEY, v.encode(), hashlib.sha256).hexdigest() for v in values
    ]
    assert Masker(KEY, "direct").hash_many(values) == expected


def test_hkdf_gives_what_its_standard_says() -> None:
    """RFC 5869, the second step of test cases 1 and 2."""
    first = expand(
        bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"),
        bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"),
        42,
    )
    assert first.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    second = expand(
        bytes.fromhex("06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244"),
        bytes(range(0xB0, 0x100)),
        82,
    )
    assert second.hex() == (
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
        "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
        "cc30c58179ec3e87c14c01d5c1f3434f1d87"
    )


def test_a_derived_key_rests_on_the_secret_and_on_its_purpose() -> None:
    """The salt is ours: what is derived for one purpose says nothing of another one."""
    prk = hmac.new(b"fastfeast_assets", KEY, hashlib.sha256).digest()
    assert hkdf(KEY, "persons") == hmac.new(prk, b"persons\x01", hashlib.sha256).digest()
    keys = {hkdf(KEY, "persons"), hkdf(KEY, "names"), hkdf(KEY[::-1], "persons"), KEY}
    assert len(keys) == 4


@pytest.mark.parametrize("scheme", ["direct", "hkdf"])
def test_no_two_purposes_give_a_person_the_same_hash(scheme: Scheme) -> None:
    masker = Masker(KEY, scheme)
    hashes = [masker.hash(PHONE), masker.digest(PHONE), masker.scrub_name(PHONE)]
    hashes.append(NameMasker(KEY[::-1]).scrub(PHONE))
    assert len({value.lower() for value in hashes}) == len(hashes)
    assert NameMasker(KEY).scrub(PHONE) == masker.scrub_name(PHONE)


def test_each_load_hides_text_under_a_key_of_its_own() -> None:
    one, other = Masker(KEY, "hkdf"), Masker(KEY, "hkdf")
    assert one.scrub(PHONE) == one.hide(PHONE) == one.digest(PHONE).upper()
    assert one.scrub(PHONE) != other.scrub(PHONE)
    assert one.hash(PHONE) == other.hash(PHONE) != Masker(KEY, "direct").hash(PHONE)
