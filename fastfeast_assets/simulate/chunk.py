"""One chunk of an hour, made in full: orders, tickets, and what becomes of them.

A chunk depends on its day, hour and number only, so a later hour can make it again to write
updates of its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fastfeast_assets.simulate.demand import Chunk, chunks_of_hour
from fastfeast_assets.simulate.dirt import BREAKING_KINDS, ROW_KINDS, DirtKind
from fastfeast_assets.simulate.lifecycle import Lifecycles, make_lifecycles
from fastfeast_assets.simulate.members import Company
from fastfeast_assets.simulate.orders import Orders, make_orders
from fastfeast_assets.simulate.plan import SimulationPlan
from fastfeast_assets.simulate.randomness import Bools, Ints, Stream, generator
from fastfeast_assets.simulate.spoil import Spoilage, choose
from fastfeast_assets.simulate.tickets import Tickets, make_tickets


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of rows in a pipeline.

    Attributes:
        is_lost: The row never becomes a fact: it is rejected, or its parent never comes.
        is_late: The row waits for a member who is listed on the next day.
    """

    is_lost: Bools
    is_late: Bools

    def at(self, rows: Ints) -> Fate:
        """Returns the fate of some rows."""
        return Fate(self.is_lost[rows], self.is_late[rows])

    def with_dirt(self, dirt: Spoilage, start: int) -> Fate:
        """Returns the fate of the same rows when they carry the dirt of their own file.

        Args:
            dirt: The file's dirty rows.
            start: Number of the first row in the file.
        """
        kinds = (*BREAKING_KINDS, DirtKind.ORPHAN)
        is_lost = self.is_lost | dirt.has(kinds, start, start + len(self.is_lost))
        return Fate(is_lost, self.is_late & ~is_lost)


@dataclass(frozen=True, slots=True)
class HourDesign:
    """What an hour holds, before anything of it is made.

    Attributes:
        day: The day.
        hour: Hour of the day.
        chunks: The hour's chunks.
        order_dirt: The dirty rows of `orders.json`.
        ticket_dirt: The dirty rows of `tickets.csv`.
    """

    day: date
    hour: int
    chunks: tuple[Chunk, ...]
    order_dirt: Spoilage
    ticket_dirt: Spoilage


@dataclass(frozen=True, slots=True)
class ChunkRows:
    """The rows of a chunk and their fates."""

    orders: Orders
    order_fate: Fate
    tickets: Tickets
    ticket_fate: Fate


def design_hour(plan: SimulationPlan, day: date, hour: int) -> HourDesign:
    """Decides how many rows an hour has and which of them are dirty."""
    chunks = chunks_of_hour(plan, day, hour)
    orders = sum(chunk.orders for chunk in chunks)
    tickets = sum(chunk.tickets for chunk in chunks)
    return HourDesign(
        day=day,
        hour=hour,
        chunks=chunks,
        order_dirt=stream_dirt(plan, "orders", day, hour, orders),
        ticket_dirt=stream_dirt(plan, "tickets", day, hour, tickets),
    )


def stream_dirt(plan: SimulationPlan, source: str, day: date, hour: int, rows: int) -> Spoilage:
    """Chooses the dirty rows of one stream file of `rows` rows."""
    part = ("orders", "tickets", "ticket_events").index(source) + 1
    rng = generator(plan.seed, Stream.DIRT, day=day.toordinal(), hour=hour, part=part)
    return choose(rng, source, rows, plan.dirt)


def chunk_lifecycles(plan: SimulationPlan, design: HourDesign, chunk: Chunk) -> Lifecycles:
    """Draws the lifecycles of a chunk's tickets."""
    is_dirty = design.ticket_dirt.has(
        ROW_KINDS, chunk.first_ticket, chunk.first_ticket + chunk.tickets
    )
    day = design.day.toordinal()
    return make_lifecycles(plan, day, design.hour, chunk.index, chunk.tickets, is_dirty)


def make_chunk(
    plan: SimulationPlan, company: Company, design: HourDesign, chunk: Chunk
) -> ChunkRows:
    """Makes the rows of a chunk."""
    is_dirty = design.order_dirt.has(ROW_KINDS, chunk.first_order, chunk.first_order + chunk.orders)
    orders = make_orders(plan, company, design.hour, chunk.index, chunk.orders, is_dirty)
    lives = chunk_lifecycles(plan, design, chunk)
    tickets = make_tickets(plan, company, design.hour, chunk.index, orders, lives)
    sound = Fate(is_lost=orders.is_late & False, is_late=orders.is_late)
    order_fate = sound.with_dirt(design.order_dirt, chunk.first_order)
    ticket_fate = order_fate.at(tickets.rows).with_dirt(design.ticket_dirt, chunk.first_ticket)
    return ChunkRows(orders, order_fate, tickets, ticket_fate)
