"""Random histories of a landing zone: files land, are corrected and withdrawn, raw is pruned."""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any

import psycopg

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse, ledger, withdraw
from fastfeast_assets.warehouse.discard import discard
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets.warehouse.release import release
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, Row, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Query, look
from fastfeast_assets_tests.property.reference import KEYS, Memory
from fastfeast_assets_tests.pruning import prune_raw

# `make test-histories` asks for more.
HISTORIES = int(os.environ.get("FASTFEAST_HISTORIES", "5"))
# In two months, of which the first can leave raw.
HOURS = (("2026-10-30", 8), ("2026-10-31", 9), ("2026-11-02", 8), ("2026-11-18", 10))
SNAPSHOTS = ("2026-10-29", "2026-11-18")
CUSTOMERS = (1, 2, 3)
EMPTY_TICKETS = ",".join(ticket()) + "\n"
IN_RAW = " union all ".join(
    f"select '{source}', _source_file, {key} from raw.{source}"  # noqa: S608
    for source, key in KEYS.items()
)


@dataclass
class World:
    """One history, and the memory that follows it.

    Attributes:
        has_forgotten: Whether retention has taken rows of streams, or a person has decided
            something: then the marts cannot be built anew from the files.
    """

    chance: random.Random
    landing: LandingZone
    settings: Settings
    warehouse: Warehouse
    contracts: Mapping[str, Contract]
    query: Query
    connection: psycopg.Connection
    memory: Memory = field(default_factory=Memory)
    has_forgotten: bool = False

    def history(self, *, is_plain: bool) -> Iterator[None]:
        """Do one thing after the other; pauses wherever the platform may transform.

        Args:
            is_plain: Nothing but files that land and are corrected.
        """
        drops = [(source, hour) for source in KEYS for hour in HOURS]
        self.chance.shuffle(drops)
        steps: list[Callable[[], None]] = [
            partial(self.drop, source, *hour)
            for source, hour in [*drops, *self.chance.sample(drops, 5)]
        ]
        steps += [self.list_customers for _ in range(6)]
        if not is_plain:
            steps += [self.prune, self.prune, self.discard, self.discard, self.release]
            steps += [self.withdraw, self.withdraw]
        tail = steps[len(drops) - 4 :]
        self.chance.shuffle(tail)
        steps[len(drops) - 4 :] = tail
        steps.insert(0, self.list_customers)
        for count, step in enumerate(steps, start=1):
            step()
            self.load()
            if count == len(steps) or self.chance.random() < 0.25:
                yield

    def customers(self) -> set[int]:
        """Whom a snapshot lists, validly or not."""
        return {
            int(row["customer_id"])
            for path in self.landing.root.glob("batch/*/customers.csv")
            for row in csv.DictReader(path.open())
        }

    def list_customers(self) -> None:
        """Land or correct a snapshot of some customers, the last of whom may be refused."""
        chosen = [number for number in CUSTOMERS if self.chance.random() < 0.5] or [1]
        rows = [{**MEMBERS["customers"], "customer_id": number} for number in chosen]
        if self.chance.random() < 0.3:
            rows[-1]["phone"] = "123"
        self.landing.batch("customers", *rows, day=self.chance.choice(SNAPSHOTS))

    def drop(self, source: str, day: str, hour: int) -> None:
        """Land a file of a stream, new or in the place of an earlier one."""
        rows = [self.row(source) for _ in range(self.chance.randrange(6))]
        if source == "tickets" and not rows:
            self.landing.put(f"stream/{day}/{hour:02d}/tickets.csv", EMPTY_TICKETS)
            return
        self.landing.stream(source, *rows, hour=hour, day=day)

    def row(self, source: str) -> Row:
        """A random version of one of a few keys."""
        number, parent = self.chance.randint(1, 6), self.chance.randint(1, 6)
        customer = self.chance.choice(CUSTOMERS)
        amount = self.chance.choice([-1, 10, 20.5, 30])
        if source == "orders":
            return order(number, customer_id=customer, order_amount=amount)
        if source == "tickets":
            parents = {"order_id": order(parent)["order_id"], "customer_id": customer}
            return ticket(number, **parents, refund_amount=abs(amount))
        status = self.chance.choice(["Open", "Reopened", "Resolved"])
        return event(number, ticket_id=ticket(parent)["ticket_id"], new_status=status)

    def load(self) -> None:
        """Load what is pending. What came for a pruned month is refused, then loaded by command."""
        found = look(self.settings, self.contracts)
        with self.warehouse.connect() as connection:
            files = ledger.pending(connection, found.files, retry_failed=False)
        for file in files:
            contract = self.contracts[file.source]
            for is_forced in (False, True):
                report = load_file(
                    self.warehouse,
                    contract,
                    file,
                    run_id="test",
                    settings=self.settings,
                    is_forced=is_forced,
                )
                if report.status == "success" and file.source in KEYS:
                    self.memory.load(self.landing.root, file.relative_path)
                if report.status != "failed":
                    break
                assert "no longer holds" in (report.failure_reason or "")

    def prune(self) -> None:
        """Take what is before a random day out of raw; the marts have seen it."""
        before = self.chance.choice([date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 10)])
        gone = prune_raw(self.connection, self.contracts.values(), before)
        self.has_forgotten |= gone > 0
        self.memory.prune({tuple(row) for row in self.connection.execute(IN_RAW).fetchall()})

    def discard(self) -> None:
        """Give up an orphan, if one waits."""
        waiting = self.query(
            "select quarantine_id as id, q.source_file, q.primary_key, l.is_loaded"
            " from ops.quarantine q join ops.pipeline_file_log l using (log_id)"
            " where q.status = 'open' and q.rejection_stage = 'orphan' order by 2, 3"
        )
        if waiting:
            row = self.chance.choice(waiting)
            discard(self.warehouse, [row["id"]], reason="test", is_dry_run=False)
            # A decision about a row whose file has been loaded again since holds no more.
            if row["is_loaded"]:
                self.memory.discard(row["source_file"], row["primary_key"])

    def release(self) -> None:
        """Find a refused order good, by a contract that minds no negative amount."""
        refused: list[dict[str, Any]] = self.query(
            "select quarantine_id as id, source_file, raw_data from ops.quarantine"
            " where status = 'open' and source = 'orders' and rejection_stage = 'records'"
            ' and reasons @> \'[{"rule": "range"}]\' and jsonb_array_length(reasons) = 1'
            " order by 2, row_number"
        )
        if not refused:
            return
        row = self.chance.choice(refused)
        outcomes = release(
            self.warehouse,
            self.lenient(),
            [row["id"]],
            settings=self.settings,
            run_id="test",
            is_dry_run=False,
        )
        if [outcome.result for outcome in outcomes] == ["released"]:
            self.has_forgotten = True
            self.memory.release(row["source_file"], row["raw_data"])

    def withdraw(self) -> None:
        """Take a load of a stream back; its file goes on lying there."""
        loaded = self.query(
            "select file_path as path from ops.pipeline_file_log"
            " where is_loaded and file_type = 'stream' order by 1"
        )
        if not loaded:
            return
        path = self.chance.choice(loaded)["path"]
        found = withdraw.look(self.connection, self.contracts, path)
        assert isinstance(found, withdraw.Withdrawal)
        withdraw.withdraw(self.warehouse, self.contracts, found, reason="test")
        self.has_forgotten = True
        self.memory.withdraw(path)

    def lenient(self) -> Mapping[str, Contract]:
        """The contracts, but for the least amount of an order."""
        contract = self.contracts["orders"]
        columns = tuple(
            replace(column, minimum=None) if column.name == "order_amount" else column
            for column in contract.columns
        )
        return {**self.contracts, "orders": replace(contract, columns=columns)}
