"""Whole numbers in exponent form: whether all their digits were written.

Light, for it is imported wherever a text is scrubbed.
"""

from __future__ import annotations

import re
from decimal import Decimal

FIRST_UNSURE_FLOAT = 2**53
"""From here on a float skips whole numbers: what went through one may be another number."""

_EXPONENT_FORM = re.compile(r"[+-]?[0-9](\.[0-9]{0,40})?[eE]\+?[0-9]{1,2}")


def written_out(text: str) -> str:
    """A whole number in exponent form that carries all its digits, written out.

    `1.012345678E+09` carries the ten digits of its number and becomes `1012345678`; `1.01E+09`
    says nothing about the last seven. That, and every other text, comes back as it is.
    """
    if _EXPONENT_FORM.fullmatch(text) is None:
        return text
    number = Decimal(text)
    is_whole = number == number.to_integral_value()
    return format(number.to_integral_value(), "f") if is_whole and is_exact(number, 0) else text


def is_exact(number: Decimal, scale: int) -> bool:
    """Whether all digits down to that many decimals were written."""
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent <= -scale
