"""Personal values become HMAC-SHA256 of their canonical form. Nothing personal leaves this room.

Three keys, whose hashes do not join: one of persons, for their contracted columns; one of names;
and one that is made at random for each load and kept nowhere, for all text. Hashes of the first are
written in lower case, those of the others in upper case, so that none is taken for another.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastfeast_assets.ingest.judge.keys import HASH_BYTES, Scheme, names_key, persons_key
from fastfeast_assets.ingest.judge.scrub import HINT_RE2, replace_personal

UNNAMED = "[personal]"
"""What stands for a personal value in text that is compared from day to day."""


class Hasher:
    """HMAC-SHA256 under one key."""

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(key, digestmod=hashlib.sha256)

    def hash(self, value: str) -> str:
        """Of a canonical value, 64 hex digits in lower case."""
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


class NameMasker:
    """Scrubs names. The same name is scrubbed alike always, but joins with no person's column.

    Args:
        secret: The secret of the settings.
    """

    def __init__(self, secret: bytes) -> None:
        self._names = Hasher(names_key(secret))

    def scrub(self, text: str) -> str:
        """The name with every e-mail, mobile and national id in it hashed."""
        return replace_personal(text, self._hidden)

    def _hidden(self, value: str) -> str:
        return self._names.hash(value).upper()


class Masker:
    """Hashes the personal values of one load.

    Args:
        secret: The secret of the settings.
        scheme: How the hashes of persons in the warehouse are made.
        former: What hashed persons before, while a rotation of the key is open: the hashes under
            both keys are noted as pairs.
        bygone: What hashed persons before that; only erased persons are looked for with it.
    """

    def __init__(
        self,
        secret: bytes,
        scheme: Scheme,
        former: Hasher | None = None,
        bygone: Sequence[Hasher] = (),
    ) -> None:
        self._persons = Hasher(persons_key(secret, scheme))
        self._former = former
        self._bygone = bygone
        self._pairs: dict[str, str] = {}
        self._passing = Hasher(secrets.token_bytes(HASH_BYTES))
        self._names = NameMasker(secret)

    def hash(self, value: str) -> str:
        """The hash of a person's canonical value, the same in every load."""
        fresh = self._persons.hash(value)
        if self._former is not None:
            self._pairs[self._former.hash(value)] = fresh
        return fresh

    def hash_many(self, values: Iterable[str | None]) -> list[str | None]:
        """The same of many, None for None."""
        if self._former is None:
            return self._persons.hash_many(values)
        listed = list(values)
        known = {value: self.hash(value) for value in set(listed) if value is not None}
        return [None if value is None else known[value] for value in listed]

    def take_pairs(self) -> dict[str, str]:
        """The hashes of this load since the last call: former ones, and what they are now."""
        pairs, self._pairs = self._pairs, {}
        return pairs

    def hashers(self) -> list[Hasher]:
        """Everything that hashes of persons were made with, the present key first."""
        former = [] if self._former is None else [self._former]
        return [self._persons, *former, *self._bygone]

    def digest(self, value: str) -> str:
        """A hash that says within this load alone whether two values are the same."""
        return self._passing.hash(value)

    def hide(self, value: str) -> str:
        """The same, in upper case, where it stands in the place of the value."""
        return self.digest(value).upper()

    def scrub(self, text: str) -> str:
        """The text with every e-mail, mobile and national id in it hidden."""
        return replace_personal(text, self.hide)

    def scrub_name(self, text: str) -> str:
        """The name of a column, or a key, scrubbed alike in every load."""
        return self._names.scrub(text)

    @staticmethod
    def scrub_lasting(text: str) -> str:
        """The text with the same word for every personal value, for comparisons between loads."""
        return replace_personal(text, lambda _: UNNAMED)


def scrub_column(
    texts: pa.Array, scrub: Callable[[str], str], max_length: int | None = None
) -> pa.Array:
    """A column of text scrubbed; only cells that may hold a personal value are looked at.

    Args:
        texts: Of type `large_string`; null stays null.
        scrub: What scrubs a text.
        max_length: Characters beyond which a scrubbed text is cut.
    """
    suspect = pc.fill_null(pc.match_substring_regex(texts, HINT_RE2), False)
    places = np.flatnonzero(suspect.to_numpy(zero_copy_only=False))
    if not places.size:
        return texts
    cells = texts.to_pylist()
    for place in places:
        scrubbed = scrub(cells[place])
        if scrubbed != cells[place]:
            cells[place] = scrubbed[:max_length]
    return pa.array(cells, type=texts.type)
