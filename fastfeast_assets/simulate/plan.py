"""What to simulate: one frozen plan, checked when it is made.

Here: the parameters, their limits and the texts of the errors. Nothing here writes or draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from fastfeast_assets.simulate.dirt import DirtRates

ALL_HOURS = tuple(range(24))
FIRST_DATE = date(2020, 1, 1)
LAST_DATE = date(2098, 12, 31)
MAX_MEMBERS = 100_000_000


class PlanError(ValueError):
    """A parameter of the simulation makes no sense; the text says which and what would."""


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """The parameters of a simulation; the same plan writes the same bytes.

    Attributes:
        out: Root of the landing zone to write into.
        start: First day to write.
        days: Number of days to write, from `start` on.
        hours: Hours of each day to write stream files for, 0 to 23.
        seed: Any number from 0 on; another seed is another company.
        orders_per_hour: Mean number of orders in an hour of the day.
        since: The company's first day, from which its members grow; `start` when None. Give the
            first day of an earlier simulation to continue it.
        customers: Customers on the first day.
        drivers: Drivers on the first day.
        restaurants: Restaurants.
        agents: Support agents.
        late_customers: Customers who join in the course of a day, listed from the next day on.
        late_drivers: Drivers who join in the course of a day, listed from the next day on.
        late_rate: Share of orders that refer to a member who joined today.
        ticket_rate: Share of orders that lead to a ticket.
        update_rate: Share of orders and of tickets that come again, moved on, one or two hours
            later on the same day. They come whether or not the hours before are written, so
            tickets of hours left out are orphans beyond those reported.
        is_flat: True for exactly `orders_per_hour` orders in every hour, False for a demand that
            follows the hour of the day.
        write_master: True writes the master files, False does not, None writes those absent.
        dirt: How often each kind of damage occurs.
    """

    out: Path
    start: date
    days: int = 1
    hours: tuple[int, ...] = ALL_HOURS
    seed: int = 1
    orders_per_hour: int = 200
    since: date | None = None
    customers: int = 500
    drivers: int = 100
    restaurants: int = 50
    agents: int = 30
    late_customers: int = 5
    late_drivers: int = 2
    late_rate: float = 0.01
    ticket_rate: float = 0.1
    update_rate: float = 0.0
    is_flat: bool = False
    write_master: bool | None = None
    dirt: DirtRates = field(default_factory=DirtRates)

    def __post_init__(self) -> None:
        """Refuses a plan that makes no sense."""
        self._check_calendar()
        for name in ("customers", "drivers", "restaurants", "agents"):
            self._check_count(name, minimum=1, maximum=MAX_MEMBERS)
        for name in ("late_customers", "late_drivers"):
            self._check_count(name, minimum=0, maximum=10_000)
        self._check_count("orders_per_hour", minimum=0, maximum=100_000_000)
        self._check_count("seed", minimum=0, maximum=2**63 - 1)
        rates = {"late": self.late_rate, "tickets": self.ticket_rate, "updates": self.update_rate}
        for name, rate in rates.items():
            if not (math.isfinite(rate) and 0 <= rate <= 1):
                raise PlanError(f"the rate of {name} is a share from 0 to 1, not {rate}")

    @property
    def first_date(self) -> date:
        """The company's first day."""
        return self.since or self.start

    @property
    def dates(self) -> tuple[date, ...]:
        """The days to write, in order."""
        return tuple(self.start + timedelta(days=offset) for offset in range(self.days))

    def day_index(self, day: date) -> int:
        """Returns how many days after the company's first day `day` lies."""
        return (day - self.first_date).days

    def _check_calendar(self) -> None:
        if self.days < 1:
            raise PlanError(f"days is 1 or more, not {self.days}")
        if not self.start >= FIRST_DATE or self.days > (LAST_DATE - self.start).days + 1:
            raise PlanError(
                f"the days to simulate lie between {FIRST_DATE} and {LAST_DATE}; "
                f"{self.days} from {self.start} on do not"
            )
        if self.first_date > self.start:
            raise PlanError(f"since ({self.since}) is not after the first day ({self.start})")
        if self.first_date < FIRST_DATE:
            raise PlanError(f"since is {FIRST_DATE} or later, not {self.since}")
        wrong = [hour for hour in self.hours if hour not in ALL_HOURS]
        if wrong:
            raise PlanError(f"hours go from 0 to 23, not {wrong[0]}")
        if len(set(self.hours)) != len(self.hours):
            raise PlanError("an hour is named twice in hours")

    def _check_count(self, name: str, *, minimum: int, maximum: int) -> None:
        value = getattr(self, name)
        if not minimum <= value <= maximum:
            raise PlanError(f"{name} goes from {minimum} to {maximum}, not {value}")


def parse_hours(text: str) -> tuple[int, ...]:
    """Reads hours of the day from a text such as `8`, `8-10` or `0,8-10,23`.

    Args:
        text: Hours and ranges of hours (both ends included), separated by commas.

    Returns:
        The hours, ascending, each once.

    Raises:
        PlanError: If a part is no hour from 0 to 23 or a range runs backwards.
    """
    hours: set[int] = set()
    for part in text.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        ends = (first, last if dash else first)
        if not all(end.isascii() and end.isdigit() for end in ends):
            raise PlanError(f"{part.strip()!r} is no hour; write hours like 8, 8-10 or 0,8-10,23")
        start, stop = (int(end) for end in ends)
        if stop > ALL_HOURS[-1] or start > ALL_HOURS[-1]:
            raise PlanError(f"hours go from 0 to 23, not {max(start, stop)}")
        if start > stop:
            raise PlanError(f"the range {part.strip()!r} runs backwards")
        hours.update(range(start, stop + 1))
    return tuple(sorted(hours))
