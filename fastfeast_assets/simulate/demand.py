"""How many orders and tickets an hour has, and how they are cut into chunks of bounded size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fastfeast_assets.simulate.plan import SimulationPlan
from fastfeast_assets.simulate.randomness import Stream, generator, stochastic_count

CHUNK_ORDERS = 50_000
"""Orders made at a time; part of what a seed means, so changing it changes every file."""

DEMAND_PCT = (
    *(40, 35, 20, 10, 8, 10, 20, 40, 60, 70, 80, 110),
    *(180, 210, 190, 130, 100, 110, 160, 220, 230, 190, 120, 57),
)
"""Demand in each hour of the day, in percent of the mean hour."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of an hour's orders, and the tickets they lead to.

    Attributes:
        index: Number of the chunk in the hour, from 0.
        first_order: Number of its first order in the hour.
        orders: Number of orders.
        first_ticket: Number of its first ticket in the hour.
        tickets: Number of tickets.
    """

    index: int
    first_order: int
    orders: int
    first_ticket: int
    tickets: int


def orders_in_hour(plan: SimulationPlan, day: date, hour: int) -> int:
    """Returns how many orders are placed in an hour; within 5 % of the demand curve."""
    if plan.is_flat:
        return plan.orders_per_hour
    rng = generator(plan.seed, Stream.DEMAND, day=day.toordinal(), hour=hour)
    thousandths = DEMAND_PCT[hour] * int(rng.integers(9500, 10_501)) // 1000
    return (plan.orders_per_hour * thousandths + int(rng.integers(0, 1000))) // 1000


def chunks_of_hour(plan: SimulationPlan, day: date, hour: int) -> tuple[Chunk, ...]:
    """Returns the chunks of an hour, in order."""
    total = orders_in_hour(plan, day, hour)
    chunks: list[Chunk] = []
    tickets_so_far = 0
    for index, first in enumerate(range(0, total, CHUNK_ORDERS)):
        orders = min(CHUNK_ORDERS, total - first)
        rng = generator(plan.seed, Stream.DEMAND, day=day.toordinal(), hour=hour, part=index + 1)
        tickets = stochastic_count(rng, orders, plan.ticket_rate)
        chunks.append(Chunk(index, first, orders, tickets_so_far, tickets))
        tickets_so_far += tickets
    return tuple(chunks)
