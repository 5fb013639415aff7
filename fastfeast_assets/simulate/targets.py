"""Which cell of which source each kind of row damage can hit, and what then stands there.

Here: one table a source. A kind that a source does not name never hits that source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastfeast_assets.simulate.dirt import DirtKind

UNKNOWN_ID_BASE = 900_000_000
"""Ids above this belong to nobody."""

Damage = Callable[[str, int], object]
"""Makes the damaged value from the sound text and a random number."""


@dataclass(frozen=True, slots=True)
class Target:
    """A column that a kind of damage can hit."""

    column: str
    damage: Damage


Targets = Mapping[DirtKind, tuple[Target, ...]]


def _one_of(*values: object) -> Damage:
    return lambda _, draw: values[draw % len(values)]


def _as_float(sound: str, _: int) -> object:
    return f"{sound.lstrip('0')}.0"


def _unknown_id(_: str, draw: int) -> object:
    return UNKNOWN_ID_BASE + draw % 1_000_000


def _unknown_uuid(_: str, draw: int) -> object:
    return f"00000000-0000-4000-8000-{draw:012x}"


def _repeat(_: str, draw: int) -> object:
    raise AssertionError(f"a repeated row has no damaged cell ({draw})")


def _targets(damage: Damage, *columns: str) -> tuple[Target, ...]:
    return tuple(Target(column, damage) for column in columns)


_NULL = _one_of(None)
_CATEGORY = _one_of("invalid", "Unknown", "???")
_NEGATIVE = _one_of(-12.5, -37.77, -150.0, -0.01)
_NEGATIVE_COUNT = _one_of(-1, -7, -40)
_DATE = _one_of("N/A", "invalid", "2026-13-45")
_REQUIRED_DATE = _one_of("N/A", "invalid", "")
_PHONE = _one_of("abc12345", "01912345678", "0101234", "N/A")
_EMAIL = _one_of("@nodomain.com", "missing@domain", "no-at-sign.com", "two words@example.com")
_REPEATED = _targets(_repeat, "")

TARGETS: Mapping[str, Targets] = {
    "customers": {
        DirtKind.NULL_REQUIRED: _targets(_NULL, "full_name"),
        DirtKind.UNKNOWN_CATEGORY: _targets(_CATEGORY, "gender"),
        DirtKind.BAD_DATE: _targets(_DATE, "signup_date"),
        DirtKind.BAD_PHONE: _targets(_PHONE, "phone"),
        DirtKind.BAD_EMAIL: _targets(_EMAIL, "email"),
        DirtKind.DUPLICATE_ROW: _REPEATED,
        DirtKind.NULL_OPTIONAL: _targets(_NULL, "region_id", "email", "phone"),
        DirtKind.PHONE_FLOAT: _targets(_as_float, "phone"),
    },
    "restaurants": {
        DirtKind.NULL_REQUIRED: _targets(_NULL, "restaurant_name"),
        DirtKind.UNKNOWN_CATEGORY: _targets(_CATEGORY, "price_tier"),
        DirtKind.NEGATIVE_AMOUNT: _targets(_NEGATIVE_COUNT, "prep_time_avg_min"),
        DirtKind.BAD_DATE: _targets(_DATE, "created_at"),
        DirtKind.DUPLICATE_ROW: _REPEATED,
        DirtKind.NULL_OPTIONAL: _targets(_NULL, "rating_avg", "region_id"),
    },
    "drivers": {
        DirtKind.NULL_REQUIRED: _targets(_NULL, "driver_name", "completed_deliveries"),
        DirtKind.UNKNOWN_CATEGORY: _targets(_CATEGORY, "shift"),
        DirtKind.NEGATIVE_AMOUNT: _targets(_NEGATIVE_COUNT, "completed_deliveries"),
        DirtKind.BAD_DATE: _targets(_DATE, "hire_date"),
        DirtKind.BAD_PHONE: _targets(_PHONE, "driver_phone"),
        DirtKind.BAD_NATIONAL_ID: _targets(_one_of("123", "29901011234", "N/A"), "national_id"),
        DirtKind.DUPLICATE_ROW: _REPEATED,
        DirtKind.NULL_OPTIONAL: _targets(_NULL, "region_id", "driver_phone"),
        DirtKind.PHONE_FLOAT: _targets(_as_float, "driver_phone", "national_id"),
    },
    "agents": {
        DirtKind.NULL_REQUIRED: _targets(_NULL, "agent_name"),
        DirtKind.UNKNOWN_CATEGORY: _targets(_CATEGORY, "skill_level"),
        DirtKind.NEGATIVE_AMOUNT: _targets(_NEGATIVE_COUNT, "avg_handle_time_min"),
        DirtKind.BAD_DATE: _targets(_DATE, "hire_date"),
        DirtKind.BAD_PHONE: _targets(_PHONE, "agent_phone"),
        DirtKind.BAD_EMAIL: _targets(_EMAIL, "agent_email"),
        DirtKind.DUPLICATE_ROW: _REPEATED,
        DirtKind.NULL_OPTIONAL: _targets(_NULL, "team_id", "agent_phone"),
        DirtKind.PHONE_FLOAT: _targets(_as_float, "agent_phone"),
    },
    "orders": {
        DirtKind.NULL_REQUIRED: _targets(
            _NULL,
            *("customer_id", "restaurant_id", "driver_id", "region_id"),
            *("order_id", "order_status", "payment_method", "order_created_at", "total_amount"),
        ),
        DirtKind.UNKNOWN_CATEGORY: _targets(_CATEGORY, "order_status", "payment_method"),
        DirtKind.NEGATIVE_AMOUNT: _targets(
            _NEGATIVE, "order_amount", "delivery_fee", "discount_amount", "total_amount"
        ),
        DirtKind.BAD_DATE: (
            *_targets(_REQUIRED_DATE, "order_created_at"),
            *_targets(_DATE, "delivered_at"),
        ),
        DirtKind.DUPLICATE_ROW: _REPEATED,
        DirtKind.ORPHAN: _targets(_unknown_id, "customer_id", "driver_id", "restaurant_id"),
    },
    "tickets": {
        DirtKind.NULL_REQUIRED: _targets(
            _NULL,
            *("order_id", "customer_id", "reason_id", "priority_id", "channel_id"),
            *("status", "created_at", "sla_first_due_at"),
        ),
        DirtKind.UNKNOWN_CATEGORY: _targets(_CATEGORY, "status"),
        DirtKind.NEGATIVE_AMOUNT: _targets(_NEGATIVE, "refund_amount"),
        DirtKind.BAD_DATE: (
            *_targets(_REQUIRED_DATE, "created_at", "sla_resolve_due_at"),
            *_targets(_DATE, "first_response_at", "resolved_at"),
        ),
        DirtKind.DUPLICATE_ROW: _REPEATED,
        DirtKind.ORPHAN: (
            *_targets(_unknown_uuid, "order_id"),
            *_targets(_unknown_id, "agent_id", "driver_id"),
        ),
        DirtKind.NULL_OPTIONAL: _targets(_NULL, "restaurant_id", "driver_id"),
    },
    "ticket_events": {
        DirtKind.NULL_REQUIRED: _targets(
            _NULL, "ticket_id", "agent_id", "event_ts", "new_status", "event_id"
        ),
        DirtKind.UNKNOWN_CATEGORY: _targets(_CATEGORY, "new_status"),
        DirtKind.BAD_DATE: _targets(_REQUIRED_DATE, "event_ts"),
        DirtKind.DUPLICATE_ROW: _REPEATED,
        DirtKind.ORPHAN: _targets(_unknown_uuid, "ticket_id"),
        DirtKind.NULL_OPTIONAL: _targets(_NULL, "notes"),
    },
}
