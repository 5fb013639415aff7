"""The kinds of damage an export can carry, and how often each occurs.

Here: names, rates and what a pipeline must make of each kind. Which column of which source a kind
can hit is in `targets`; how rows are chosen and changed is in `spoil`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from enum import StrEnum


class DirtKind(StrEnum):
    """One kind of damage; the value is also the name of its rate in `DirtRates`."""

    NULL_REQUIRED = "null_required"
    UNKNOWN_CATEGORY = "unknown_category"
    NEGATIVE_AMOUNT = "negative_amount"
    BAD_DATE = "bad_date"
    BAD_PHONE = "bad_phone"
    BAD_EMAIL = "bad_email"
    BAD_NATIONAL_ID = "bad_national_id"
    DUPLICATE_ROW = "duplicate_row"
    ORPHAN = "orphan"
    NULL_OPTIONAL = "null_optional"
    PHONE_FLOAT = "phone_float"
    PHONE_LOST_ZERO = "phone_lost_zero"
    FLOAT_IDS = "float_ids"
    BARE_NAN = "bare_nan"


BREAKING_KINDS = (
    DirtKind.NULL_REQUIRED,
    DirtKind.UNKNOWN_CATEGORY,
    DirtKind.NEGATIVE_AMOUNT,
    DirtKind.BAD_DATE,
    DirtKind.BAD_PHONE,
    DirtKind.BAD_EMAIL,
    DirtKind.BAD_NATIONAL_ID,
)
"""Kinds that make a row itself unusable: its key, if readable, is not loaded."""

REJECTED_KINDS = (*BREAKING_KINDS, DirtKind.DUPLICATE_ROW)
"""Kinds that a pipeline quarantines at the schema or records stage, one row each."""

ROW_KINDS = (*REJECTED_KINDS, DirtKind.ORPHAN, DirtKind.NULL_OPTIONAL, DirtKind.PHONE_FLOAT)
"""Kinds that are drawn row by row; a row carries at most one of them."""

REPAIRED_KINDS = (
    DirtKind.NULL_OPTIONAL,
    DirtKind.PHONE_FLOAT,
    DirtKind.PHONE_LOST_ZERO,
    DirtKind.FLOAT_IDS,
    DirtKind.BARE_NAN,
)
"""Kinds that a pipeline reads without rejecting anything."""


@dataclass(frozen=True, slots=True)
class DirtRates:
    """How often each kind of damage occurs, as shares from 0 to 1.

    Attributes:
        null_required: Rows with a null in a required column.
        unknown_category: Rows with a value outside a fixed set.
        negative_amount: Rows with an amount or count below zero.
        bad_date: Rows with `N/A`, `invalid` or an empty text in place of a date.
        bad_phone: Member rows whose phone is no Egyptian mobile number.
        bad_email: Member rows whose e-mail is no address in a .com domain.
        bad_national_id: Driver rows whose national id has not 15 digits.
        duplicate_row: Rows that are repeated in the same file.
        orphan: Orders, tickets and events that refer to a key that exists nowhere, ever.
        null_optional: Rows with a null in an optional column.
        phone_float: Member rows whose phone or national id became a float (`1012345678.0`).
        phone_lost_zero: Chance that a daily agents file lost the leading 0 of every phone.
        float_ids: Chance that an integer column holding a null is written as floats (`35.0`).
        bare_nan: Share of the nulls put into JSON files that are a bare `NaN`.
    """

    null_required: float = 0.008
    unknown_category: float = 0.005
    negative_amount: float = 0.005
    bad_date: float = 0.005
    bad_phone: float = 0.005
    bad_email: float = 0.005
    bad_national_id: float = 0.005
    duplicate_row: float = 0.008
    orphan: float = 0.005
    null_optional: float = 0.01
    phone_float: float = 0.01
    phone_lost_zero: float = 1.0
    float_ids: float = 1.0
    bare_nan: float = 0.7

    def __post_init__(self) -> None:
        """Refuses shares outside 0..1, and more dirty rows than there are rows."""
        for kind in DirtKind:
            rate = self.rate(kind)
            if not (math.isfinite(rate) and 0 <= rate <= 1):
                raise ValueError(f"the rate of {kind} is a share from 0 to 1, not {rate}")
        total = sum(self.rate(kind) for kind in ROW_KINDS)
        if total > 1:
            raise ValueError(
                f"the rates of the kinds that hit single rows add up to {total:.2f}; "
                "a row carries one kind at most, so keep their sum at 1 or below"
            )

    def rate(self, kind: DirtKind) -> float:
        """Returns the rate of one kind."""
        return float(getattr(self, kind.value))

    def scaled(self, factor: float) -> DirtRates:
        """Returns all rates times `factor`, none above 1.

        Args:
            factor: 0 for clean files, 1 for these rates, 2 for twice as much dirt.

        Raises:
            ValueError: If the factor is negative, or so large that the sum passes 1.
        """
        if not (math.isfinite(factor) and factor >= 0):
            raise ValueError(f"the dirt factor is 0 or more, not {factor}")
        return replace(
            self,
            **{item.name: min(1.0, getattr(self, item.name) * factor) for item in fields(self)},
        )
