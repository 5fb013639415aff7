"""Writing the three stream files of one hour."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastfeast_assets.simulate.chunk import (
    ChunkRows,
    Fate,
    chunk_lifecycles,
    design_hour,
    make_chunk,
    stream_dirt,
)
from fastfeast_assets.simulate.members import Company
from fastfeast_assets.simulate.orders import MAX_LAG, order_table
from fastfeast_assets.simulate.plan import SimulationPlan
from fastfeast_assets.simulate.randomness import Ints
from fastfeast_assets.simulate.render import FileFormat, rows
from fastfeast_assets.simulate.report import FileReport
from fastfeast_assets.simulate.spoil import Spoilage, plain_cells, spoiled_rows
from fastfeast_assets.simulate.table import Table, taken
from fastfeast_assets.simulate.tickets import TICKET_COLUMNS, event_table, ticket_table
from fastfeast_assets.simulate.write import RowWriter, landing_file


@dataclass(slots=True)
class _StreamFile:
    """A stream file that is being written, and its counts so far."""

    path: str
    source: str
    file_format: FileFormat
    writer: RowWriter
    dirt: Spoilage
    sound_rows: int = 0
    late: int = 0
    inherited: int = 0
    updates: int = 0

    def add(self, table: Table, parents: Fate) -> None:
        """Writes new rows with their damage; `parents` is their fate but for that damage."""
        fate = parents.with_dirt(self.dirt, self.sound_rows)
        own = Fate(parents.is_lost & False, parents.is_late).with_dirt(self.dirt, self.sound_rows)
        self.inherited += int((parents.is_lost & ~own.is_lost).sum())
        self.late += int(fate.is_late.sum())
        self.writer.append(spoiled_rows(table, self.dirt, self.sound_rows, self.file_format))
        self.sound_rows += len(parents.is_lost)

    def add_updates(self, table: Table, fate: Fate) -> None:
        """Writes rows that belong to an earlier hour; they carry no damage of this file."""
        self.inherited += int(fate.is_lost.sum())
        self.late += int(fate.is_late.sum())
        self.updates += len(fate.is_lost)
        self.writer.append(rows(plain_cells(table, self.dirt, self.file_format), self.file_format))

    def report(self) -> FileReport:
        return FileReport(
            path=self.path,
            source=self.source,
            rows=self.writer.rows_written,
            bytes=self.writer.bytes_written,
            dirt=dict(self.dirt.counts),
            updates=self.updates,
            late=self.late,
            inherited_orphans=self.inherited,
        )


@dataclass(slots=True)
class _HourFiles:
    orders: _StreamFile
    tickets: _StreamFile
    events: _StreamFile

    def add(self, chunk: ChunkRows) -> None:
        """Writes a chunk of this hour."""
        lives = chunk.tickets.lives
        start = np.zeros(len(lives.chains), np.int64)
        events, owners = event_table(chunk.tickets, start, lives.first_steps)
        no_parent = Fate(chunk.orders.is_late & False, chunk.orders.is_late)
        self.orders.add(order_table(chunk.orders, is_final=False), no_parent)
        order_fate = chunk.order_fate.at(chunk.tickets.rows)
        self.tickets.add(ticket_table(chunk.tickets, is_final=False), order_fate)
        self.events.add(events, chunk.ticket_fate.at(owners))

    def add_updates(self, chunk: ChunkRows, lag: int) -> None:
        """Writes what has moved on in a chunk of an earlier hour, `lag` hours ago."""
        changed = np.flatnonzero(chunk.orders.lags == lag)
        table = order_table(chunk.orders, is_final=True)
        self.orders.add_updates(taken(table, changed), chunk.order_fate.at(changed))
        lives = chunk.tickets.lives
        moved = np.flatnonzero(lives.lags == lag)
        table = ticket_table(chunk.tickets, is_final=True)
        self.tickets.add_updates(taken(table, moved), chunk.ticket_fate.at(moved))
        stop: Ints = np.where(lives.lags == lag, lives.all_steps, 0)
        events, owners = event_table(chunk.tickets, lives.first_steps, stop)
        self.events.add_updates(events, chunk.ticket_fate.at(owners))


def write_hour(
    plan: SimulationPlan, company: Company, hour: int, on_orders: Callable[[int], None]
) -> list[FileReport]:
    """Writes orders, tickets and events of one hour.

    Args:
        plan: The simulation.
        company: The members on that day.
        hour: Hour of the day.
        on_orders: Called after each chunk with the number of orders written.

    Returns:
        The three files: orders, tickets, events.
    """
    design = design_hour(plan, company.day, hour)
    lives = (chunk_lifecycles(plan, design, chunk) for chunk in design.chunks)
    events = sum(int(life.first_steps.sum()) for life in lives)
    event_dirt = stream_dirt(plan, "ticket_events", company.day, hour, events)
    folder = f"stream/{company.day}/{hour:02d}"
    with ExitStack() as stack:

        def opened(source: str, file_format: FileFormat, dirt: Spoilage) -> _StreamFile:
            path = f"{folder}/{source}.{file_format}"
            file = landing_file(Path(plan.out, path), file_format, TICKET_COLUMNS)
            writer = stack.enter_context(file)
            return _StreamFile(path, source, file_format, writer, dirt)

        files = _HourFiles(
            orders=opened("orders", "json", design.order_dirt),
            tickets=opened("tickets", "csv", design.ticket_dirt),
            events=opened("ticket_events", "json", event_dirt),
        )
        for chunk in design.chunks:
            files.add(make_chunk(plan, company, design, chunk))
            on_orders(chunk.orders)
        for lag, earlier in _earlier_chunks(plan, company, hour):
            files.add_updates(earlier, lag)
    return [file.report() for file in (files.orders, files.tickets, files.events)]


def _earlier_chunks(
    plan: SimulationPlan, company: Company, hour: int
) -> Iterator[tuple[int, ChunkRows]]:
    if plan.update_rate == 0:
        return
    for lag in range(min(MAX_LAG, hour), 0, -1):
        design = design_hour(plan, company.day, hour - lag)
        for chunk in design.chunks:
            yield lag, make_chunk(plan, company, design, chunk)
