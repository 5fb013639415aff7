"""How a ticket moves from status to status, and how much of that each file shows.

Here: the chains, and what follows from them at each step. A ticket's row and its events are both
read off the chain, so they always agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastfeast_assets.simulate.orders import update_lags
from fastfeast_assets.simulate.plan import SimulationPlan
from fastfeast_assets.simulate.randomness import Bools, Ints, Stream, generator, pick

STATUSES = ("Open", "InProgress", "Resolved", "Closed", "Reopened")
OPEN, IN_PROGRESS, RESOLVED, CLOSED, REOPENED = range(len(STATUSES))

CHAINS: tuple[tuple[int, ...], ...] = (
    (OPEN,),
    (OPEN, IN_PROGRESS),
    (OPEN, IN_PROGRESS, RESOLVED),
    (OPEN, IN_PROGRESS, CLOSED),
    (OPEN, IN_PROGRESS, RESOLVED, CLOSED),
    (OPEN, IN_PROGRESS, RESOLVED, REOPENED),
    (OPEN, IN_PROGRESS, RESOLVED, REOPENED, RESOLVED),
    (OPEN, IN_PROGRESS, CLOSED, REOPENED, IN_PROGRESS, CLOSED),
)
_WEIGHTS = (3, 5, 42, 28, 12, 2, 5, 3)
MAX_STEPS = max(map(len, CHAINS))


def _resolved_step(chain: tuple[int, ...]) -> int:
    """Returns the step of a chain at which the ticket was resolved, -1 if it is not."""
    step = -1
    for place, status in enumerate(chain):
        if status == REOPENED:
            step = -1
        elif status in (RESOLVED, CLOSED) and step < 0:
            step = place
    return step


STATUS_AT = np.array([[*chain, *[-1] * (MAX_STEPS - len(chain))] for chain in CHAINS])
"""Status after each step of each chain; -1 beyond its end."""

RESOLVED_AT = np.array(
    [[_resolved_step(chain[: step + 1]) for step in range(MAX_STEPS)] for chain in CHAINS]
)
"""The step at which a ticket counts as resolved, seen after each step; -1 if it does not."""

LENGTHS = np.array([len(chain) for chain in CHAINS])


@dataclass(frozen=True, slots=True)
class Lifecycles:
    """The chains of a chunk's tickets.

    Attributes:
        chains: Index into `CHAINS`.
        lags: Hours until the ticket comes again with its last status; 0 if it does not.
        first_steps: How many steps the ticket's first file shows.
    """

    chains: Ints
    lags: Ints
    first_steps: Ints

    @property
    def all_steps(self) -> Ints:
        """How many steps each ticket goes in all."""
        return LENGTHS[self.chains]


def make_lifecycles(
    plan: SimulationPlan, day: int, hour: int, chunk: int, count: int, is_dirty: Bools
) -> Lifecycles:
    """Draws the chains of one chunk's tickets.

    Args:
        plan: The simulation.
        day: Ordinal of the day.
        hour: Hour of the orders' file.
        chunk: Number of the chunk in the hour.
        count: Number of tickets.
        is_dirty: Tickets that carry damage; these are never updated.
    """
    rng = generator(plan.seed, Stream.LIFECYCLE, day=day, hour=hour, part=chunk)
    chains = pick(rng, count, _WEIGHTS)
    steps = LENGTHS[chains]
    cut = 1 + rng.integers(0, 2**32, count) % np.maximum(steps - 1, 1)
    lags = update_lags(plan, Stream.TICKET_UPDATES, day, hour, chunk, count)
    lags = np.where(is_dirty | (steps == 1), 0, lags)
    return Lifecycles(chains, lags, np.where(lags > 0, cut, steps))
