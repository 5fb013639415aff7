"""The four dimensions that change: customers, restaurants, drivers, agents, day by day.

Every attribute has a random stream of its own, so that a member keeps its attributes when the
number of members grows. Drift changes a few attributes a day; the state of a day is the first
day's plus the drift of all days since.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from fastfeast_assets.simulate.plan import SimulationPlan
from fastfeast_assets.simulate.randomness import Bools, Ints, Stream, generator
from fastfeast_assets.simulate.reference import REGIONS

EPOCH = date(1970, 1, 1)
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Roster:
    """The members of one source on one day.

    Attributes:
        stream: The source's random stream.
        seed: The seed of the simulation.
        base: Members on the company's first day.
        late: Members who join in the course of each day.
        first_day: The company's first day, in days since 1970.
        day_index: Days since then.
    """

    stream: Stream
    seed: int
    base: int
    late: int
    first_day: int
    day_index: int

    @property
    def listed(self) -> int:
        """Members in the day's snapshot; their ids run from 1 to this."""
        return self.base + self.late * self.day_index

    @property
    def total(self) -> int:
        """The listed members and those who join in the course of the day."""
        return self.listed + self.late

    def joined_by(self, hour: int) -> int:
        """Returns how many members have joined today by the end of an hour."""
        return sum(1 for number in range(self.late) if number * 24 // self.late <= hour)

    def draw(self, attribute: int, low: int, high: int) -> Ints:
        """Returns a whole number from `low` to below `high` for each of `total` members."""
        rng = generator(self.seed, self.stream, part=attribute)
        return rng.integers(low, high, self.total)

    def drift(
        self, attribute: int, values: Ints, per_mille: int, change: Callable[[Ints, Ints], Ints]
    ) -> Ints:
        """Applies the changes of all days since the first.

        Args:
            attribute: Number of the attribute's random stream.
            values: The values on the first day.
            per_mille: How many of 1,000 members change in a day.
            change: Makes new values from old ones and random numbers.
        """
        for day in range(1, self.day_index + 1):
            rng = generator(self.seed, self.stream, day=self.first_day + day, part=attribute)
            numbers = rng.integers(0, 2**40, self.total)
            values = np.where(numbers % 1000 < per_mille, change(values, numbers // 1000), values)
        return values

    def joined_days(self, attribute: int) -> Ints:
        """Returns the day each member joined, in days since 1970."""
        before = self.first_day - self.draw(attribute, 30, 2000)
        since = self.first_day + (np.arange(self.total) - self.base) // max(self.late, 1)
        return np.where(np.arange(self.total) < self.base, before, since)

    def regions(self, attribute: int) -> Ints:
        """Returns the region number of each member."""
        return self.draw(attribute, 1, len(REGIONS) + 1)


@dataclass(frozen=True, slots=True)
class Company:
    """All members on one day, as the streams see them.

    Attributes:
        day: The day.
        customers: Roster of the customers.
        restaurants: Roster of the restaurants.
        drivers: Roster of the drivers.
        agents: Roster of the agents.
        customer_regions: Region number of each customer.
        is_vip: Whether each customer is in the VIP segment today.
        prep_minutes: Usual preparation time of each restaurant.
    """

    day: date
    customers: Roster
    restaurants: Roster
    drivers: Roster
    agents: Roster
    customer_regions: Ints
    is_vip: Bools
    prep_minutes: Ints


def segment_codes(customers: Roster) -> Ints:
    """Returns 0 (Regular) or 1 (VIP) for each customer, as of the roster's day."""
    first = (customers.draw(5, 0, 10) == 0).astype(np.int64)
    return customers.drift(15, first, 10, lambda old, _: 1 - old)


def prep_minutes(restaurants: Roster) -> Ints:
    """Returns the usual preparation time of each restaurant."""
    return restaurants.draw(6, 8, 36)


def company_on(plan: SimulationPlan, day: date) -> Company:
    """Returns the company as it is on one day."""

    def roster(stream: Stream, base: int, late: int = 0) -> Roster:
        first = (plan.first_date - EPOCH) // timedelta(days=1)
        return Roster(stream, plan.seed, base, late, first, plan.day_index(day))

    customers = roster(Stream.CUSTOMERS, plan.customers, plan.late_customers)
    restaurants = roster(Stream.RESTAURANTS, plan.restaurants)
    return Company(
        day=day,
        customers=customers,
        restaurants=restaurants,
        drivers=roster(Stream.DRIVERS, plan.drivers, plan.late_drivers),
        agents=roster(Stream.AGENTS, plan.agents),
        customer_regions=customers.regions(4),
        is_vip=segment_codes(customers) == 1,
        prep_minutes=prep_minutes(restaurants),
    )
