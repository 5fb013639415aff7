"""The nine small dimensions that never change: geography, menus of choices, service levels."""

from __future__ import annotations

import numpy as np

from fastfeast_assets.simulate.randomness import Ints
from fastfeast_assets.simulate.table import Column, ColumnKind, Table, literals

CITIES = ("Cairo", "Giza", "Alexandria", "Mansoura", "Tanta")

REGIONS = (
    *((name, 1) for name in ("Garden City", "Shubra", "Abbassia", "Mokattam", "Rehab", "Helwan")),
    *((name, 2) for name in ("Agouza", "Imbaba", "Hadayek October", "Omraneya")),
    *((name, 3) for name in ("Roushdy", "Sporting", "Cleopatra", "Mandara")),
    *((name, 4) for name in ("Toriel", "El Gomhoria Street")),
    *((name, 5) for name in ("Saeed", "El Bahr Street")),
)

SEGMENTS = ("Regular", "VIP")
VIP_DISCOUNT_PCT = 8
CATEGORIES = ("Koshary", "Grill", "Pizza", "Seafood", "Burgers", "Sushi", "Sweets", "Breakfast")
TEAMS = ("First Line", "Escalation", "Refund Desk", "Courier Care", "Restaurant Care")
REASON_CATEGORIES = ("Delivery", "Food", "Payment")
CHANNELS = ("app", "chat", "phone", "email")

PRIORITIES = (
    ("P1", "Critical", 2, 15),
    ("P2", "High", 5, 30),
    ("P3", "Medium", 10, 60),
    ("P4", "Low", 20, 120),
)
"""Code, name, minutes to the first response, minutes to the resolution."""

REASONS = (
    ("Arrived far too late", 1, 3, 15),
    ("Did not arrive", 1, 5, 100),
    ("Rude courier", 1, 3, 10),
    ("Left at a wrong address", 1, 4, 60),
    ("Wrong dish", 2, 3, 50),
    ("Dish missing", 2, 3, 35),
    ("Cold on arrival", 2, 2, 25),
    ("Spilled in the bag", 2, 2, 40),
    ("Spoiled food", 2, 5, 100),
    ("Charged twice", 3, 4, 100),
    ("Voucher not applied", 3, 1, 10),
)
"""Name, number of the category, severity from 1 to 5, typical refund in percent."""


def region_fees() -> Ints:
    """Returns the base fee of each region in piastres, in the order of `REGIONS`."""
    numbers = np.arange(1, len(REGIONS) + 1)
    return (1000 + numbers * 137 % 900).astype(np.int64)


def _numbers(count: int) -> Column:
    return literals(range(1, count + 1), "integer")


def _named(key: str, name: str, values: tuple[str, ...]) -> Table:
    return {key: _numbers(len(values)), name: literals(values, "text")}


def _field(rows: tuple[tuple[object, ...], ...], place: int, kind: ColumnKind) -> Column:
    return literals([row[place] for row in rows], kind)


def reference_tables() -> dict[str, Table]:
    """Returns the rows of the nine sources by source name."""
    return {
        "cities": _named("city_id", "city_name", CITIES)
        | {
            "country": literals(["Egypt"] * len(CITIES), "text"),
            "timezone": literals(["Africa/Cairo"] * len(CITIES), "text"),
        },
        "regions": {
            "region_id": _numbers(len(REGIONS)),
            "region_name": _field(REGIONS, 0, "text"),
            "city_id": _field(REGIONS, 1, "integer"),
            "delivery_base_fee": literals([fee / 100 for fee in region_fees()], "number"),
        },
        "segments": _named("segment_id", "segment_name", SEGMENTS)
        | {
            "discount_pct": literals([0, VIP_DISCOUNT_PCT], "integer"),
            "priority_support": literals([False, True], "boolean"),
        },
        "categories": _named("category_id", "category_name", CATEGORIES),
        "teams": _named("team_id", "team_name", TEAMS),
        "reason_categories": _named("reason_category_id", "category_name", REASON_CATEGORIES),
        "reasons": {
            "reason_id": _numbers(len(REASONS)),
            "reason_name": _field(REASONS, 0, "text"),
            "reason_category_id": _field(REASONS, 1, "integer"),
            "severity_level": _field(REASONS, 2, "integer"),
            "typical_refund_pct": literals([row[3] / 100 for row in REASONS], "number"),
        },
        "channels": _named("channel_id", "channel_name", CHANNELS),
        "priorities": {
            "priority_id": _numbers(len(PRIORITIES)),
            "priority_code": _field(PRIORITIES, 0, "text"),
            "priority_name": _field(PRIORITIES, 1, "text"),
            "sla_first_response_min": _field(PRIORITIES, 2, "integer"),
            "sla_resolution_min": _field(PRIORITIES, 3, "integer"),
        },
    }
