"""The hour that the clock shows twice: what is later as an instant is no fault of the marts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fastfeast_assets.settings import Settings
from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.landing import LandingZone, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

# The views are made for another time zone.
pytestmark = pytest.mark.unbuilt

DAY = "2026-10-29"
FIRST, SECOND = "+03:00", "+02:00"
# What no reading of the clock puts in order.
OUT_OF_ORDER = (
    "update marts.fact_order set delivered_at = created_at - interval '61 minutes'"
    " where created_at > '2026-10-01' returning 1",
    "update marts.fact_ticket set resolved_at = created_at - interval '1 second'"
    " where created_at = '2026-10-29 12:00' returning 1",
    "update marts.fact_ticket set first_response_at = created_at - interval '61 minutes'"
    " where created_at = '2026-10-29 23:50' returning 1",
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"timezone": "Africa/Cairo"})


def test_an_order_and_a_ticket_across_the_change_of_the_clock(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    created, soon = f"{DAY}T23:50:00{FIRST}", f"{DAY}T23:10:00{SECOND}"
    usual = {"created_at": f"{DAY} 12:00:00", "first_response_at": f"{DAY} 12:00:45"}
    in_gap = {"order_created_at": "2026-04-24 00:30:00"}
    landing.all_batch()
    landing.stream(
        "orders",
        order(1, order_created_at=created, delivered_at=soon),
        order(2, order_created_at=soon, delivered_at=created),
        order(3, **in_gap, delivered_at="2026-04-23T23:40:00+02:00"),
    )
    landing.stream(
        "tickets",
        ticket(1, status="Open", created_at=created, first_response_at=soon, resolved_at=None),
        ticket(3, **usual, resolved_at=f"{DAY} 12:20:30"),
    )
    load()
    dbt.run()
    refused = query("select source, reasons -> 0 ->> 'rule' as rule from ops.quarantine")
    assert refused == [{"source": "orders", "rule": "delivered_at_not_before_created"}]
    rows = marts.rows()
    assert len(rows["fact_order"]) == 2
    minutes = [(row["first_response_min"], row["resolution_min"]) for row in rows["fact_ticket"]]
    assert minutes == [(Decimal("20.00"), None), (Decimal("0.75"), Decimal("20.50"))]
    [hour] = query("select * from analytics.orders_by_hour where hour = 23")
    assert hour["average_delivery_minutes"] == Decimal("20.00")
    dbt.test("--select", "test_name:row_rule")

    for statement in OUT_OF_ORDER:
        assert len(query(statement)) == 1
    found = dbt.failures("test", "--select", "test_name:row_rule")
    assert {name for name in found if name.endswith("_not_before_created")} == {
        "fact_order_delivered_at_not_before_created",
        "fact_ticket_resolved_at_not_before_created",
        "fact_ticket_first_response_at_not_before_created",
    }
