"""Hashes of personal values."""

from __future__ import annotations

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from fastfeast_assets.ingest.judge.mask import Masker

KEY = b"0123456789abcdef0123456789abcdef"


@given(st.lists(st.none() | st.text(max_size=20)))
def test_hashes_are_hmac_sha256(values: list[str | None]) -> None:
    expected = [
        None if v is None else hmac.new(KEY, v.encode(), hashlib.sha256).hexdigest() for v in values
    ]
    assert Masker(KEY).hash_many(values) == expected
