"""The one form in which a value is checked, hashed and kept as a key.

Source of the rule: the same person has the same hash in every file. So damage that certainly
changes nothing about a value (a lost leading 0, a float's `.0`, letter case, blanks, invisible
characters, what a mail program writes around an address) is undone before hashing. What is left
must match the contract's pattern: where more than one value could have been meant, it does not.
"""

from __future__ import annotations

import re
import unicodedata

from fastfeast_assets.contracts.model import Canonical
from fastfeast_assets.ingest.judge.digits import FIRST_UNSURE_FLOAT, written_out

NATIONAL_ID_DIGITS = 15
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
"""A UUID in canonical form; any other spelling than its letters in capitals is refused."""

_FLOAT = re.compile(r"([0-9]+)\.0*")
_SHORT_MOBILE = re.compile(r"1[0125][0-9]{8}")
# What Unicode calls default ignorable: zero-width characters, direction marks, soft hyphens,
# byte-order marks, variation selectors, fillers, tags. They show as nothing at all.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SCHEME = "mailto:"
_CLOSING = {'"': '"', "'": "'", "<": ">"}


def canonical(text: str, form: Canonical | None) -> str:
    """The one form in which a personal value is checked and hashed.

    Args:
        text: The value as it stands in the file.
        form: `phone` (11 digits with the leading 0), `digits` (a float undone, and the leading 0
            that it lost), `email` (lower case, one spelling of each letter, nothing around the
            address), or None (only trimmed). Of `uuid`, which is never personal, see `UUID`.
    """
    if form == "email":
        return _email(text)
    if form not in ("phone", "digits"):
        return text.strip()
    value = _INVISIBLE.sub("", text).strip()
    number = _digits_of_float(value)
    if form == "phone" and _SHORT_MOBILE.fullmatch(number):
        return "0" + number
    if form == "digits" and number != value and len(number) == NATIONAL_ID_DIGITS - 1:
        return "0" + number
    return number


def _digits_of_float(value: str) -> str:
    """The digits of a whole number that became a float, or the value where some may be lost."""
    if not value[:1].isdigit():  # Behind a plus stands the code of a country.
        return value
    number = written_out(value)
    whole = _FLOAT.fullmatch(number)
    digits = whole.group(1) if whole else number
    is_number = digits.isascii() and digits.isdigit()
    if digits != value and (not is_number or not _is_sure(digits)):
        return value
    return digits


def _is_sure(digits: str) -> bool:
    return len(digits) <= len(str(FIRST_UNSURE_FLOAT)) and int(digits) < FIRST_UNSURE_FLOAT


def _email(text: str) -> str:
    if not text.isascii():
        # Lower case may take a letter apart again.
        folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).lower()
        text = unicodedata.normalize("NFKC", folded)
    return _bare(text).lower()


def _bare(text: str) -> str:
    """The address without blanks, quotes, angle brackets and `mailto:` around it."""
    start, end = 0, len(text)
    while start < end:
        if text[start].isspace():
            start += 1
        elif text[end - 1].isspace():
            end -= 1
        elif text[start : start + len(_SCHEME)].lower() == _SCHEME:
            start = min(start + len(_SCHEME), end)
        elif end - start > 1 and _CLOSING.get(text[start]) == text[end - 1]:
            start, end = start + 1, end - 1
        else:
            break
    return text[start:end]
