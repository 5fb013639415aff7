"""The orders of one chunk of one hour, sound and complete.

Here: who ordered what, for how much, and how it went. Damage is put in when the chunk is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastfeast_assets.simulate.members import DAY_SECONDS, EPOCH, Company, Roster
from fastfeast_assets.simulate.plan import SimulationPlan
from fastfeast_assets.simulate.randomness import (
    Bools,
    Ints,
    Stream,
    generator,
    pick,
    share,
    uuids,
)
from fastfeast_assets.simulate.reference import VIP_DISCOUNT_PCT, region_fees
from fastfeast_assets.simulate.table import Column, Table, decimals, integers, timestamps, words

STATUSES = ("Pending", "Preparing", "OutForDelivery", "Delivered", "Cancelled", "Refunded")
DELIVERED, CANCELLED, REFUNDED = 3, 4, 5
MAX_LAG = 2
_STATUS_WEIGHTS = (1, 1, 2, 89, 5, 2)
_PAYMENTS = ("card", "cash", "wallet")
_DISCOUNTS = np.array([0, 0, 0, 0, 500, 1000, 1500, 2000])


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders as arrays of equal length; money in piastres, times in seconds since 1970.

    Attributes:
        order_ids: pyarrow string array.
        statuses: Final status, index into `STATUSES`.
        early_statuses: Status before that, for orders that are updated.
        lags: Hours until the order comes again in its final status; 0 if it does not.
        is_late: Whether the customer or driver is only listed on the next day.
    """

    order_ids: Any
    customers: Ints
    restaurants: Ints
    drivers: Ints
    regions: Ints
    amounts: Ints
    fees: Ints
    discounts: Ints
    statuses: Ints
    early_statuses: Ints
    lags: Ints
    payments: Ints
    created: Ints
    delivered: Ints
    is_late: Bools

    @property
    def totals(self) -> Ints:
        """What the customer pays in all."""
        return self.amounts + self.fees - self.discounts


def make_orders(
    plan: SimulationPlan, company: Company, hour: int, chunk: int, count: int, is_dirty: Bools
) -> Orders:
    """Makes the orders of one chunk.

    Args:
        plan: The simulation.
        company: The members on that day.
        hour: Hour of the day in which the orders are placed.
        chunk: Number of the chunk in the hour.
        count: Number of orders.
        is_dirty: Orders that carry damage; these are never updated.
    """
    day = company.day.toordinal()
    rng = generator(plan.seed, Stream.ORDERS, day=day, hour=hour, part=chunk)
    restaurants = _popular(rng, count, company.restaurants.listed)
    customers, late_customers = _with_late(rng, plan, company.customers, hour, count)
    drivers, late_drivers = _with_late(rng, plan, company.drivers, hour, count)
    regions = company.customer_regions[customers - 1]
    amounts = rng.integers(2500, 20_000, count) + rng.integers(1500, 30_000, count)
    vip_discounts = np.where(company.is_vip[customers - 1], amounts * VIP_DISCOUNT_PCT // 100, 0)
    started = ((company.day - EPOCH).days * DAY_SECONDS) + hour * 3600
    created = started + rng.integers(0, 3600, count)
    minutes = company.prep_minutes[restaurants - 1] + rng.integers(8, 45, count)
    lags = update_lags(plan, Stream.ORDER_UPDATES, day, hour, chunk, count)
    return Orders(
        order_ids=uuids(rng, count),
        customers=customers,
        restaurants=restaurants,
        drivers=drivers,
        regions=regions,
        amounts=amounts,
        fees=region_fees()[regions - 1] + rng.integers(0, 500, count),
        discounts=_DISCOUNTS[rng.integers(0, len(_DISCOUNTS), count)] + vip_discounts,
        statuses=_statuses(rng, lags),
        early_statuses=rng.integers(0, DELIVERED, count),
        lags=np.where(is_dirty, 0, lags),
        payments=pick(rng, count, (4, 4, 2)),
        created=created,
        delivered=created + minutes * 60 + rng.integers(0, 60, count),
        is_late=late_customers | late_drivers,
    )


def update_lags(
    plan: SimulationPlan, stream: Stream, day: int, hour: int, chunk: int, count: int
) -> Ints:
    """Draws for each row after how many hours it comes again; 0 for never.

    A row never comes again on the next day.
    """
    rng = generator(plan.seed, stream, day=day, hour=hour, part=chunk)
    lags = np.where(share(rng, count, plan.update_rate), rng.integers(1, MAX_LAG + 1, count), 0)
    return np.where(hour + lags > 23, 0, lags)


def order_table(orders: Orders, *, is_final: bool) -> Table:
    """Returns the rows of `orders.json`.

    Args:
        orders: The orders.
        is_final: False for the first version of each order, True for its last.
    """
    is_early = np.zeros(len(orders.lags), np.bool_) if is_final else orders.lags > 0
    statuses = np.where(is_early, orders.early_statuses, orders.statuses)
    return {
        "order_id": Column(orders.order_ids, "safe"),
        "customer_id": integers(orders.customers),
        "restaurant_id": integers(orders.restaurants),
        "driver_id": integers(orders.drivers),
        "region_id": integers(orders.regions),
        "order_amount": decimals(orders.amounts, 2),
        "delivery_fee": decimals(orders.fees, 2),
        "discount_amount": decimals(orders.discounts, 2),
        "total_amount": decimals(orders.totals, 2),
        "order_status": words(statuses, STATUSES),
        "payment_method": words(orders.payments, _PAYMENTS),
        "order_created_at": timestamps(orders.created),
        "delivered_at": timestamps(orders.delivered, statuses == DELIVERED),
    }


def _statuses(rng: np.random.Generator, lags: Ints) -> Ints:
    statuses = pick(rng, len(lags), _STATUS_WEIGHTS)
    return np.where((lags > 0) & (statuses < DELIVERED), DELIVERED, statuses)


def _popular(rng: np.random.Generator, count: int, members: int) -> Ints:
    """Draws ids from 1 to `members`; low ids are several times as popular as high ones."""
    first, second = rng.integers(0, members, count), rng.integers(0, members, count)
    return 1 + np.where(rng.integers(0, 2, count) == 0, np.minimum(first, second), first)


def _with_late(
    rng: np.random.Generator, plan: SimulationPlan, roster: Roster, hour: int, count: int
) -> tuple[Ints, Bools]:
    members = rng.integers(1, roster.listed + 1, count)
    is_late = share(rng, count, plan.late_rate / 2)
    joined = roster.joined_by(hour)
    newcomers = roster.listed + 1 + rng.integers(0, max(joined, 1), count)
    is_late &= joined > 0
    return np.where(is_late, newcomers, members), is_late
