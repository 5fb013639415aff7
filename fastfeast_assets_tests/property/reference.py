"""What the facts must hold, said slowly: every file read again, in a few lines of pandas."""

from __future__ import annotations

import json
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

KEYS = {"orders": "order_id", "tickets": "ticket_id", "ticket_events": "event_id"}


@dataclass(frozen=True)
class Expected:
    """Keys of the facts and of the waiting orphans, by source, and the newest version of each."""

    facts: dict[str, set[str]]
    orphans: dict[str, set[str]]
    newest: dict[str, pd.DataFrame]


def expected(landing: Path, customers: Set[int]) -> Expected:
    """Judge the present content of the landing zone.

    Args:
        landing: Its root.
        customers: Keys of all customers that were ever listed.
    """
    newest = {source: _newest(landing, source, key) for source, key in KEYS.items()}
    orders, tickets, events = newest["orders"], newest["tickets"], newest["ticket_events"]
    good_orders = set(orders.loc[orders["customer_id"].isin(customers), "order_id"])
    has_parents = tickets["order_id"].isin(good_orders) & tickets["customer_id"].isin(customers)
    good_tickets = set(tickets.loc[has_parents, "ticket_id"])
    good_events = set(events.loc[events["ticket_id"].isin(good_tickets), "event_id"])
    facts = {"orders": good_orders, "tickets": good_tickets, "ticket_events": good_events}
    orphans = {source: set(newest[source][key]) - facts[source] for source, key in KEYS.items()}
    return Expected(facts, orphans, newest)


def _newest(landing: Path, source: str, key: str) -> pd.DataFrame:
    """The valid row of each key in the latest partition that has one."""
    frames = [
        pd.DataFrame(rows).assign(partition=str(path.parent)).pipe(_valid, source, key)
        for path in sorted(landing.glob(f"stream/*/*/{source}.*"))
        if (rows := _rows(path))
    ]
    columns = list(dict.fromkeys([key, "customer_id", "order_id", "ticket_id", "partition"]))
    if not frames:
        return pd.DataFrame(columns=columns)
    return pd.concat(frames).sort_values("partition").drop_duplicates(key, keep="last")


def _valid(rows: pd.DataFrame, source: str, key: str) -> pd.DataFrame:
    if source == "orders":
        rows = rows[rows["order_amount"] >= 0]
    return rows.drop_duplicates(key, keep="first")


def _rows(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".json":
        return list(json.loads(path.read_text()))
    frame = pd.read_csv(path)
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
