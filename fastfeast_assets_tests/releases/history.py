"""The history of the warehouse that is kept of each release, told in three times.

August is loaded, then September changes it, then retention takes both, then October refers to them.
"""

from __future__ import annotations

from fastfeast_assets_tests.landing import MEMBERS, LandingZone, event, on, order, ticket

AUGUST, SEPTEMBER, OCTOBER = "2026-08-10", "2026-09-10", "2026-10-10"
PRUNED_BEFORE = "2026-10-01"
KEPT_ORDER = order(4)["order_id"]
"""Given up by a corrected file of October; what August said of it is gone, so the fact stays."""


def august(landing: LandingZone) -> None:
    """Members, four orders of which one is refused and one an orphan, three tickets."""
    landing.all_batch(day=AUGUST)
    second = {"customer_id": 2, "full_name": "Omar Zaki", "email": "omar.zaki@mail.com"}
    customers = [MEMBERS["customers"], {**MEMBERS["customers"], **second}]
    landing.batch("customers", *customers, day=AUGUST)
    region = {"region_id": 2, "region_name": "Zamalek"}
    landing.batch("regions", MEMBERS["regions"], {**MEMBERS["regions"], **region}, day=AUGUST)
    pending = {"order_status": "Pending", "delivered_at": None}
    landing.stream(
        "orders",
        on(AUGUST, order, 1),
        on(AUGUST, order, 2, customer_id=2, **pending),
        on(AUGUST, order, 3, region_id=2),
        on(AUGUST, order, 4),
        on(AUGUST, order, 5, order_amount=-5),
        on(AUGUST, order, 6, customer_id=99),
        day=AUGUST,
    )
    opened = {"status": "Open", "resolved_at": None, "refund_amount": 0}
    landing.stream(
        "tickets",
        on(AUGUST, ticket, 1, **opened),
        on(AUGUST, ticket, 2),
        on(AUGUST, ticket, 3),
        day=AUGUST,
    )
    landing.stream(
        "ticket_events",
        on(AUGUST, event, 1),
        on(AUGUST, event, 2),
        on(AUGUST, event, 3),
        day=AUGUST,
    )


def september(landing: LandingZone) -> None:
    """An order is delivered, a ticket resolved, another reopened; a customer moves, one is gone."""
    landing.batch("customers", region_id=2, day=SEPTEMBER)
    landing.batch("drivers", vehicle_type="car", day=SEPTEMBER)
    landing.stream("orders", on(AUGUST, order, 2, customer_id=2), day=SEPTEMBER)
    landing.stream("tickets", on(AUGUST, ticket, 1, refund_amount=7), day=SEPTEMBER)
    reopening = {"old_status": "Resolved", "new_status": "Reopened", "notes": "Still cold"}
    again = on(SEPTEMBER, event, 4, ticket_id=ticket(2)["ticket_id"], **reopening)
    landing.stream("ticket_events", again, day=SEPTEMBER)


def october(landing: LandingZone) -> None:
    """News of what is pruned and of what is new; a ticket without order waits."""
    landing.batch("customers", segment_id=None, region_id=2, day=OCTOBER)
    landing.stream(
        "orders",
        on(OCTOBER, order, 7, customer_id=1),
        on(AUGUST, order, 4, order_status="Refunded"),
        day=OCTOBER,
    )
    landing.stream(
        "tickets",
        on(OCTOBER, ticket, 7),
        on(OCTOBER, ticket, 8, order_id=order(3)["order_id"]),
        on(OCTOBER, ticket, 9),
        day=OCTOBER,
    )
    later = on(OCTOBER, event, 5, ticket_id=ticket(1)["ticket_id"], new_status="Closed")
    landing.stream("ticket_events", later, on(OCTOBER, event, 7), day=OCTOBER)


def correction(landing: LandingZone) -> None:
    """October's file without the order that it had by mistake."""
    landing.stream("orders", on(OCTOBER, order, 7, total_amount=99), day=OCTOBER)
