"""The support tickets of one chunk of orders, and their events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from fastfeast_assets.simulate.lifecycle import (
    MAX_STEPS,
    RESOLVED_AT,
    STATUS_AT,
    STATUSES,
    Lifecycles,
)
from fastfeast_assets.simulate.members import Company
from fastfeast_assets.simulate.orders import DELIVERED, REFUNDED, Orders
from fastfeast_assets.simulate.plan import SimulationPlan
from fastfeast_assets.simulate.randomness import (
    Ints,
    Stream,
    generator,
    pick,
    share,
    uuids,
)
from fastfeast_assets.simulate.reference import PRIORITIES, REASONS
from fastfeast_assets.simulate.table import Column, Table, decimals, integers, timestamps, words

_FIRST_DUE = np.array([row[2] * 60 for row in PRIORITIES])
_RESOLVE_DUE = np.array([row[3] * 60 for row in PRIORITIES])
_SEVERITY = np.array([row[2] for row in REASONS])
_REFUND_PCT = np.array([row[3] for row in REASONS])
_REASON_WEIGHTS = (20, 6, 6, 5, 12, 14, 16, 8, 3, 5, 5)

_NOTES = (
    *("Ticket created", 'Customer wrote: "where is my order?"', "العميل يسأل عن الطلب"),
    *("Agent responded", "Agent called the restaurant, then the courier"),
    *("Ticket resolved", "Refund agreed with the customer"),
    *("Ticket closed", "Closed: no answer from the customer"),
    *("Customer reported issue not resolved", "Customer called again"),
)
_NOTES_FIRST = np.array([0, 3, 5, 7, 9])
_NOTES_COUNT = np.array([3, 2, 2, 2, 2])

TICKET_COLUMNS = (
    *("ticket_id", "order_id", "customer_id", "driver_id", "restaurant_id", "agent_id"),
    *("reason_id", "priority_id", "channel_id", "status", "refund_amount", "created_at"),
    *("first_response_at", "resolved_at", "sla_first_due_at", "sla_resolve_due_at"),
)
"""The header of `tickets.csv`, which stands even over no rows."""


@dataclass(frozen=True, slots=True)
class Tickets:
    """Tickets as arrays of equal length; money in piastres, times in seconds since 1970.

    Attributes:
        ticket_ids: pyarrow string array.
        orders: The orders of the chunk.
        rows: Index of each ticket's order in it.
        lives: The chains of the tickets.
        times: When each step of a chain happens, one line a ticket.
        event_ids: pyarrow string array, one for each step of each chain, ticket by ticket.
        notes: Index into the texts, one for each event.
    """

    ticket_ids: Any
    orders: Orders
    rows: Ints
    lives: Lifecycles
    agents: Ints
    reasons: Ints
    priorities: Ints
    channels: Ints
    refunds: Ints
    times: Ints
    event_ids: Any
    notes: Ints


def make_tickets(
    plan: SimulationPlan, company: Company, hour: int, chunk: int, orders: Orders, lives: Lifecycles
) -> Tickets:
    """Makes the tickets of one chunk of orders, one for each lifecycle."""
    day, count = company.day.toordinal(), len(lives.chains)
    rng = generator(plan.seed, Stream.TICKETS, day=day, hour=hour, part=chunk)
    rows = np.sort(rng.choice(len(orders.lags), count, replace=False)).astype(np.int64)
    reasons = pick(rng, count, _REASON_WEIGHTS)
    priorities = np.clip(5 - _SEVERITY[reasons] + rng.integers(-1, 1, count), 0, 3)
    statuses, totals = orders.statuses[rows], orders.totals[rows]
    ended = np.where(statuses == DELIVERED, orders.delivered[rows], orders.created[rows] + 600)
    created = ended + rng.integers(60, 5400, count)
    partly = np.where(share(rng, count, 0.4), totals * _REFUND_PCT[reasons] // 100, 0)
    event_rng = generator(plan.seed, Stream.EVENTS, day=day, hour=hour, part=chunk)
    owners, steps, _ = _events(lives, np.zeros(count, np.int64), lives.all_steps)
    at = STATUS_AT[lives.chains[owners], steps]
    return Tickets(
        ticket_ids=uuids(rng, count),
        orders=orders,
        rows=rows,
        lives=lives,
        agents=rng.integers(1, company.agents.listed + 1, count),
        reasons=reasons,
        priorities=priorities,
        channels=pick(rng, count, (5, 3, 2, 1)),
        refunds=np.where(statuses == REFUNDED, totals, partly),
        times=_times(rng, created, priorities),
        event_ids=uuids(event_rng, len(at)),
        notes=_NOTES_FIRST[at] + event_rng.integers(0, 2**32, len(at)) % _NOTES_COUNT[at],
    )


def ticket_table(tickets: Tickets, *, is_final: bool) -> Table:
    """Returns the rows of `tickets.csv`.

    Args:
        tickets: The tickets.
        is_final: False for the first version of each ticket, True for its last.
    """
    lives, orders, rows = tickets.lives, tickets.orders, tickets.rows
    last = (lives.all_steps if is_final else lives.first_steps) - 1
    resolved = RESOLVED_AT[lives.chains, last]
    everyone = np.arange(len(rows))
    created = tickets.times[:, 0]
    return {
        "ticket_id": Column(tickets.ticket_ids, "safe"),
        "order_id": Column(orders.order_ids.take(pa.array(rows)), "safe"),
        "customer_id": integers(orders.customers[rows]),
        "driver_id": integers(orders.drivers[rows]),
        "restaurant_id": integers(orders.restaurants[rows]),
        "agent_id": integers(tickets.agents),
        "reason_id": integers(tickets.reasons + 1),
        "priority_id": integers(tickets.priorities + 1),
        "channel_id": integers(tickets.channels + 1),
        "status": words(STATUS_AT[lives.chains, last], STATUSES),
        "refund_amount": decimals(np.where(resolved >= 0, tickets.refunds, 0), 2),
        "created_at": timestamps(created),
        "first_response_at": timestamps(tickets.times[:, 1], last >= 1),
        "resolved_at": timestamps(tickets.times[everyone, resolved], resolved >= 0),
        "sla_first_due_at": timestamps(created + _FIRST_DUE[tickets.priorities]),
        "sla_resolve_due_at": timestamps(created + _RESOLVE_DUE[tickets.priorities]),
    }


def event_table(tickets: Tickets, start: Ints, stop: Ints) -> tuple[Table, Ints]:
    """Returns rows of `ticket_events.json`, and the index of each event's ticket.

    Args:
        tickets: The tickets.
        start: First step to return, for each ticket.
        stop: Step to stop before, for each ticket.
    """
    owners, steps, places = _events(tickets.lives, start, stop)
    chains = tickets.lives.chains[owners]
    before = np.where(steps > 0, STATUS_AT[chains, steps - 1], -1)
    table = {
        "event_id": Column(tickets.event_ids.take(pa.array(places)), "safe"),
        "ticket_id": Column(tickets.ticket_ids.take(pa.array(owners)), "safe"),
        "agent_id": integers(tickets.agents[owners]),
        "event_ts": timestamps(tickets.times[owners, steps]),
        "old_status": words(before, STATUSES),
        "new_status": words(STATUS_AT[chains, steps], STATUSES),
        "notes": words(tickets.notes[places], _NOTES),
    }
    return table, owners


def _events(lives: Lifecycles, start: Ints, stop: Ints) -> tuple[Ints, Ints, Ints]:
    """Returns ticket index, step and place among all events for the steps asked for."""
    ends = np.cumsum(lives.all_steps)
    owners = np.repeat(np.arange(len(ends)), lives.all_steps)
    places = np.arange(len(owners))
    steps = places - (ends - lives.all_steps)[owners]
    wanted = (steps >= start[owners]) & (steps < stop[owners])
    return owners[wanted], steps[wanted], places[wanted]


def _times(rng: np.random.Generator, created: Ints, priorities: Ints) -> Ints:
    """Returns the times of all steps; about one in five misses its promise."""
    count = len(created)
    response = _FIRST_DUE[priorities] * rng.integers(10, 120, count) // 100
    resolution = _RESOLVE_DUE[priorities] * rng.integers(20, 115, count) // 100
    later = rng.integers(300, 5400, (count, MAX_STEPS - 3))
    spans = np.column_stack([created, response, np.maximum(resolution - response, 60), later])
    return np.cumsum(spans, axis=1)
