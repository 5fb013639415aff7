"""Personal values become HMAC-SHA256 of their canonical form. Nothing personal leaves this room."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastfeast_assets.ingest.judge.scrub import HINT_RE2, replace_personal


class Masker:
    """Hashes personal values under a secret key."""

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(key, digestmod=hashlib.sha256)

    def hash(self, value: str) -> str:
        """HMAC-SHA256 of a canonical value, 64 hex digits."""
        keyed = self._keyed.copy()
        keyed.update(value.encode("utf-8", "backslashreplace"))
        return keyed.hexdigest()

    def hash_many(self, values: Iterable[str | None]) -> list[str | None]:
        """The hash of each value, None for None; repeated values are hashed once."""
        known: dict[str, str] = {}
        hashes: list[str | None] = []
        for value in values:
            if value is None:
                hashes.append(None)
                continue
            if value not in known:
                known[value] = self.hash(value)
            hashes.append(known[value])
        return hashes

    def scrub(self, text: str) -> str:
        """The text with every e-mail, mobile and national id in it hashed.

        A person has the hash here that the columns of persons have.
        """
        return replace_personal(text, self.hash)

    def scrub_column(self, texts: pa.Array, max_length: int | None = None) -> pa.Array:
        """A column of text scrubbed; only cells that may hold a personal value are looked at.

        Args:
            texts: Of type `large_string`; null stays null.
            max_length: Characters beyond which a scrubbed text is cut.
        """
        suspect = pc.fill_null(pc.match_substring_regex(texts, HINT_RE2), False)
        places = np.flatnonzero(suspect.to_numpy(zero_copy_only=False))
        if not places.size:
            return texts
        cells = texts.to_pylist()
        for place in places:
            scrubbed = self.scrub(cells[place])
            if scrubbed != cells[place]:
                cells[place] = scrubbed[:max_length]
        return pa.array(cells, type=texts.type)
