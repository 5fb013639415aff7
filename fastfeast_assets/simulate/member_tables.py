"""The rows of the four member sources, as a daily snapshot lists them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastfeast_assets.simulate import names
from fastfeast_assets.simulate.members import (
    DAY_SECONDS,
    EPOCH,
    Company,
    Roster,
    prep_minutes,
    segment_codes,
)
from fastfeast_assets.simulate.randomness import Bools, Ints
from fastfeast_assets.simulate.reference import CATEGORIES, TEAMS
from fastfeast_assets.simulate.table import (
    Column,
    Table,
    booleans,
    dates,
    decimals,
    integers,
    joined,
    timestamps,
    words,
)

_MOBILE_OPERATORS = np.array([0, 1, 2, 5])


def member_tables(company: Company) -> dict[str, Table]:
    """Returns the rows of the four sources by source name, only the listed members."""
    tables = {
        "customers": (_customers(company.customers), company.customers),
        "restaurants": (_restaurants(company.restaurants), company.restaurants),
        "drivers": (_drivers(company.drivers), company.drivers),
        "agents": (_agents(company.agents), company.agents),
    }
    return {
        source: {
            name: Column(column.text.slice(0, roster.listed), column.kind)
            for name, column in (table | _audit(company, roster)).items()
        }
        for source, (table, roster) in tables.items()
    }


def _customers(roster: Roster) -> Table:
    given = roster.draw(1, 0, len(names.FIRST_NAMES))
    family = roster.draw(2, 0, len(names.FAMILY_NAMES))
    return {
        "customer_id": _ids(roster),
        "full_name": _full_names(given, family),
        "email": _emails(given, family, names.MAIL_DOMAIN),
        "phone": _phones(roster),
        "region_id": integers(roster.regions(4)),
        "segment_id": integers(segment_codes(roster) + 1),
        "signup_date": dates(roster.joined_days(9)),
        "gender": words((given >= len(names.FEMALE_NAMES)).astype(np.int64), names.GENDERS),
    }


def _restaurants(roster: Roster) -> Table:
    category = roster.draw(1, 0, len(CATEGORIES))
    form = roster.draw(2, 0, len(names.RESTAURANT_FORMS))
    titles = [pattern.format(kind) for pattern in names.RESTAURANT_FORMS for kind in CATEGORIES]
    named = words(form * len(CATEGORIES) + category, titles).text
    return {
        "restaurant_id": _ids(roster),
        "restaurant_name": Column(joined(named, " ", _ids(roster).text), "text"),
        "region_id": integers(roster.regions(4)),
        "category_id": integers(category + 1),
        "price_tier": words(roster.draw(5, 0, 3), names.PRICE_TIERS),
        "rating_avg": decimals(_ratings(roster), 3),
        "prep_time_avg_min": integers(prep_minutes(roster)),
        "is_active": booleans(_is_active(roster)),
    }


def _drivers(roster: Roster) -> Table:
    given = roster.draw(1, len(names.FEMALE_NAMES), len(names.FIRST_NAMES))
    family = roster.draw(2, 0, len(names.FAMILY_NAMES))
    deliveries = roster.drift(
        21, roster.draw(11, 0, 20_000), 300, lambda old, number: old + number % 25
    )
    return {
        "driver_id": _ids(roster),
        "driver_name": _full_names(given, family),
        "driver_phone": _phones(roster),
        "national_id": Column(integers(roster.draw(5, 2 * 10**14, 4 * 10**14)).text, "text"),
        "region_id": integers(roster.regions(4)),
        "shift": words(roster.draw(6, 0, 3), names.SHIFTS),
        "vehicle_type": words(roster.draw(7, 0, 3), names.VEHICLES),
        "hire_date": dates(roster.joined_days(9)),
        "rating_avg": decimals(_ratings(roster), 3),
        "on_time_rate": decimals(roster.draw(12, 800, 1000), 3),
        "cancel_rate": decimals(roster.draw(13, 0, 90), 3),
        "completed_deliveries": integers(deliveries),
        "is_active": booleans(_is_active(roster)),
    }


def _agents(roster: Roster) -> Table:
    given = roster.draw(1, 0, len(names.FIRST_NAMES))
    family = roster.draw(2, 0, len(names.FAMILY_NAMES))
    return {
        "agent_id": _ids(roster),
        "agent_name": _full_names(given, family),
        "agent_email": _emails(given, family, names.AGENT_MAIL_DOMAIN),
        "agent_phone": _phones(roster),
        "team_id": integers(roster.draw(4, 1, len(TEAMS) + 1)),
        "skill_level": words(roster.draw(5, 0, 4), names.SKILL_LEVELS),
        "hire_date": dates(roster.joined_days(9)),
        "avg_handle_time_min": integers(roster.draw(6, 3, 21)),
        "resolution_rate": decimals(roster.draw(12, 750, 1000), 3),
        "csat_score": decimals(_ratings(roster), 3),
        "is_active": booleans(_is_active(roster)),
    }


def _audit(company: Company, roster: Roster) -> Table:
    exported_at = (company.day - EPOCH).days * DAY_SECONDS + 300
    moments = timestamps(np.full(roster.total, exported_at, dtype=np.int64)).text
    micros = pc.utf8_lpad(pa.array(np.arange(roster.total) * 17 % 1_000_000).cast("string"), 6, "0")
    return {
        "created_at": timestamps(roster.joined_days(9) * DAY_SECONDS),
        "updated_at": Column(joined(moments, ".", micros), "safe"),
    }


def _ids(roster: Roster) -> Column:
    return integers(np.arange(1, roster.total + 1))


def _full_names(given: Ints, family: Ints) -> Column:
    first, last = words(given, names.FIRST_NAMES), words(family, names.FAMILY_NAMES)
    return Column(joined(first.text, " ", last.text), "text")


def _emails(given: Ints, family: Ints, domain: str) -> Column:
    first: Any = pc.utf8_lower(words(given, names.FIRST_NAMES).text)
    last: Any = pc.utf8_lower(words(family, names.FAMILY_NAMES).text)
    numbers = integers(np.arange(1, len(given) + 1)).text
    return Column(joined(first, ".", last, numbers, f"@{domain}"), "text")


def _phones(roster: Roster) -> Column:
    first = _mobile(roster.draw(3, 0, 4 * 10**8))
    current = roster.drift(16, first, 5, lambda _, number: _mobile(number % (4 * 10**8)))
    return Column(joined("0", integers(current).text), "text")


def _mobile(numbers: Ints) -> Ints:
    mobile: Ints = 10**9 + _MOBILE_OPERATORS[numbers // 10**8] * 10**8 + numbers % 10**8
    return mobile


def _ratings(roster: Roster) -> Ints:
    def move(old: Ints, number: Ints) -> Ints:
        moved: Ints = np.clip(old + number % 41 - 20, 1000, 5000)
        return moved

    return roster.drift(17, roster.draw(8, 3200, 5001), 200, move)


def _is_active(roster: Roster) -> Bools:
    return roster.draw(10, 0, 20) > 0
