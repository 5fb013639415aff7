"""Orders, tickets and events make sense together, and updates move them on."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from pathlib import Path

import pytest

from fastfeast_assets_tests.unit.simulate.helpers import (
    CLEAN,
    DAY,
    Row,
    read_rows,
    simulated,
    stream_rows,
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first hours of a clean day with many tickets and updates."""
    out = tmp_path_factory.mktemp("landing")
    hours = tuple(range(6))
    simulated(out, dirt=CLEAN, hours=hours, ticket_rate=0.6, update_rate=0.4)
    return out


def newest(rows: list[Row], key: str) -> dict[str, Row]:
    return {row[key]: row for row in rows}


def test_order_amounts_add_up(out: Path) -> None:
    for row in stream_rows(out, "orders"):
        parts = row["order_amount"] + row["delivery_fee"] - row["discount_amount"]
        assert row["total_amount"] == pytest.approx(parts)
        assert row["total_amount"] > 0


def test_only_delivered_orders_say_when(out: Path) -> None:
    rows = stream_rows(out, "orders")
    for row in rows:
        assert (row["delivered_at"] is not None) == (row["order_status"] == "Delivered")
        assert row["delivered_at"] is None or row["delivered_at"] > row["order_created_at"]
    assert {"Cancelled", "Refunded"} < {row["order_status"] for row in rows}
    assert {row["payment_method"] for row in rows} == {"card", "cash", "wallet"}


def test_orders_lie_in_their_hour(tmp_path: Path) -> None:
    simulated(tmp_path, dirt=CLEAN)
    for hour in ("11", "12"):
        for row in read_rows(tmp_path / f"stream/{DAY}/{hour}/orders.json"):
            assert row["order_created_at"].startswith(f"{DAY} {hour}:")


def test_a_ticket_belongs_to_its_order(out: Path) -> None:
    orders = newest(stream_rows(out, "orders"), "order_id")
    for ticket in stream_rows(out, "tickets"):
        order = orders[ticket["order_id"]]
        for column in ("customer_id", "restaurant_id", "driver_id"):
            assert ticket[column] == str(order[column])
        assert ticket["created_at"] > order["order_created_at"]
        assert float(ticket["refund_amount"]) <= order["total_amount"]


def test_due_times_follow_the_priority(out: Path) -> None:
    priorities = {row["priority_id"]: row for row in read_rows(out / "master/priorities.csv")}
    tickets = stream_rows(out, "tickets")
    for ticket in tickets:
        priority = priorities[ticket["priority_id"]]
        created = datetime.fromisoformat(ticket["created_at"])
        for due, minutes in (
            ("sla_first_due_at", "sla_first_response_min"),
            ("sla_resolve_due_at", "sla_resolution_min"),
        ):
            span = datetime.fromisoformat(ticket[due]) - created
            assert span.total_seconds() == 60 * int(priority[minutes])
    assert {ticket["priority_id"] for ticket in tickets} == set(priorities)
    answered = [ticket for ticket in tickets if ticket["first_response_at"]]
    in_time = [t for t in answered if t["first_response_at"] <= t["sla_first_due_at"]]
    assert 0.6 < len(in_time) / len(answered) < 0.95


def test_events_tell_the_tickets_story(out: Path) -> None:
    """Read up to any hour, the last event of a ticket is the status its newest row shows."""
    status: dict[str, str] = {}
    events: dict[str, list[Row]] = defaultdict(list)
    for folder in sorted((out / f"stream/{DAY}").iterdir()):
        status |= {r["ticket_id"]: r["status"] for r in read_rows(folder / "tickets.csv")}
        for event in read_rows(folder / "ticket_events.json"):
            events[event["ticket_id"]].append(event)
        for ticket_id, chain in events.items():
            assert [event["old_status"] for event in chain] == [
                None,
                *(event["new_status"] for event in chain[:-1]),
            ]
            assert chain[-1]["new_status"] == status[ticket_id]
        assert events.keys() == status.keys()
    assert set(status.values()) == {"Open", "InProgress", "Resolved", "Closed", "Reopened"}


def test_events_and_times_of_a_ticket_agree(out: Path) -> None:
    tickets = newest(stream_rows(out, "tickets"), "ticket_id")
    chains: dict[str, list[Row]] = defaultdict(list)
    for event in stream_rows(out, "ticket_events"):
        chains[event["ticket_id"]].append(event)
    for ticket_id, ticket in tickets.items():
        chain = chains[ticket_id]
        times = [event["event_ts"] for event in chain]
        assert times == sorted(set(times))
        assert times[0] == ticket["created_at"]
        assert ticket["first_response_at"] == (times[1] if len(times) > 1 else "")
        is_done = ticket["status"] in ("Resolved", "Closed")
        assert bool(ticket["resolved_at"]) == is_done
        assert not is_done or ticket["resolved_at"] in times
        assert {event["agent_id"] for event in chain} == {int(ticket["agent_id"])}


def test_event_ids_are_unique_and_some_tickets_reopen(out: Path) -> None:
    events = stream_rows(out, "ticket_events")
    assert len({event["event_id"] for event in events}) == len(events)
    assert any(event["new_status"] == "Reopened" for event in events)
    assert {'Customer wrote: "where is my order?"', "العميل يسأل عن الطلب"} < {
        event["notes"] for event in events
    }


def test_updates_come_later_and_move_on(out: Path) -> None:
    hours_of: dict[str, list[tuple[str, Row]]] = defaultdict(list)
    for folder in sorted((out / f"stream/{DAY}").iterdir()):
        for row in read_rows(folder / "orders.json"):
            hours_of[row["order_id"]].append((folder.name, row))
    updated = {key: versions for key, versions in hours_of.items() if len(versions) > 1}
    assert 0.2 < len(updated) / len(hours_of) < 0.5
    for (first_hour, first), (last_hour, last) in updated.values():
        assert 1 <= int(last_hour) - int(first_hour) <= 2
        assert first["order_status"] in ("Pending", "Preparing", "OutForDelivery")
        assert last["order_status"] in ("Delivered", "Cancelled", "Refunded")
        assert first["total_amount"] == last["total_amount"]


def test_updates_are_reported(tmp_path: Path) -> None:
    report = simulated(tmp_path, dirt=CLEAN, update_rate=0.5)
    updates = {file.path: file.updates for file in report.files}
    rows = read_rows(tmp_path / f"stream/{DAY}/12/orders.json")
    earlier = [row for row in rows if not row["order_created_at"].startswith(f"{DAY} 12")]
    assert updates[f"stream/{DAY}/12/orders.json"] == len(earlier) > 0
    assert updates[f"stream/{DAY}/12/tickets.csv"] > 0


def test_without_updates_every_order_comes_once(tmp_path: Path) -> None:
    report = simulated(tmp_path, dirt=CLEAN)
    ids = [row["order_id"] for row in stream_rows(tmp_path, "orders")]
    assert len(set(ids)) == len(ids) == 600
    assert all(file.updates == 0 for file in report.files)
