"""Personal values: one canonical form, then HMAC-SHA256. Nothing personal leaves this module.

Source of the rule: the same person has the same hash in every file, so damage done by the
exporter (a lost leading 0, a float's `.0`, letter case, blanks) is undone before hashing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Literal

Canonical = Literal["phone", "digits", "email"]

NATIONAL_ID_DIGITS = 15
_FLOAT = re.compile(r"\+?\d+\.0*|\+?\d(\.\d+)?[eE]\+?\d{1,2}")
_SHORT_MOBILE = re.compile(r"1[0125]\d{8}")
# Every alternative starts at a boundary and never backtracks: linear in the length of the text.
_LOOKS_PERSONAL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]++@(?:[A-Za-z0-9-]++\.?)++"  # e-mail address
    r"|(?<![0-9A-Za-z-])(?:\+?20|0)?1[0125][0-9]{8}(?:\.0++)?(?![0-9A-Za-z-])"  # Egyptian mobile
    rf"|(?<![0-9A-Za-z-])[0-9]{{{NATIONAL_ID_DIGITS}}}(?:\.0++)?(?![0-9A-Za-z-])"  # national id
)


def canonical(text: str, form: Canonical | None) -> str:
    """The one form in which a personal value is checked and hashed.

    Args:
        text: The value as it stands in the file.
        form: `phone` (11 digits with the leading 0), `digits` (a float's `.0` undone, and the
            leading 0 that the float lost), `email` (lower case), or None (only trimmed).
    """
    value = text.strip()
    if form == "email":
        return value.lower()
    if form is None:
        return value
    was_float = _FLOAT.fullmatch(value) is not None
    if was_float:
        value = _digits_of_float(value)
    if form == "phone" and _SHORT_MOBILE.fullmatch(value):
        return "0" + value
    if form == "digits" and was_float and len(value) == NATIONAL_ID_DIGITS - 1:
        return "0" + value
    return value


def _digits_of_float(value: str) -> str:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    return (
        format(number.to_integral_value(), "f") if number == number.to_integral_value() else value
    )


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
        """The text with whatever looks like an e-mail, mobile or national id hashed.

        For text whose column says nothing about it: shifted rows, uncontracted columns,
        offending values.
        """
        return _LOOKS_PERSONAL.sub(lambda match: self.hash(_guess_canonical(match.group())), text)

    def scrub_json(self, value: object) -> object:
        """The value with every text in it, keys included, scrubbed."""
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, dict):
            return {self.scrub(str(key)): self.scrub_json(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.scrub_json(item) for item in value]
        return value


def _guess_canonical(text: str) -> str:
    if "@" in text:
        return canonical(text, "email")
    return canonical(text, "phone")
