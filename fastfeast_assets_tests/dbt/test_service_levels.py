"""Service levels that fall due: the marts follow the clock without new data."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fastfeast_assets.settings import Settings
from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.landing import LandingZone, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

ZONE = "Africa/Cairo"
EARLIER_IN_RAW = (
    "update raw.tickets set sla_resolve_due_at = sla_resolve_due_at - interval '1 hour' returning 1"
)
EARLIER_IN_MARTS = EARLIER_IN_RAW.replace("raw.tickets", "marts.fact_ticket")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"timezone": ZONE})


def test_pending_becomes_breached_when_it_is_due_on_the_business_clock(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    now = datetime.now(ZoneInfo(ZONE)).replace(tzinfo=None, microsecond=0)
    open_ticket = {"first_response_at": None, "resolved_at": None, "status": "Open"}
    due = {
        "sla_first_due_at": str(now - timedelta(minutes=1)),
        "sla_resolve_due_at": str(now + timedelta(minutes=30)),
    }
    landing.all_batch()
    landing.stream("orders", order(1), order(2))
    landing.stream("tickets", ticket(1, **open_ticket, **due), ticket(2))
    load()
    dbt.run()

    def statuses() -> list[tuple[str, str, bool, bool]]:
        return [
            (
                row["sla_response_status"],
                row["sla_resolution_status"],
                row["sla_response_breached"],
                row["sla_resolution_breached"],
            )
            for row in marts.rows()["fact_ticket"]
        ]

    settled = ("met", "breached", False, True)
    assert statuses() == [("breached", "pending", True, True), settled]
    before = marts.written()
    dbt.run()
    assert marts.written() == before

    # An hour later, as far as the tickets know.
    query(EARLIER_IN_RAW)
    query(EARLIER_IN_MARTS)
    before = marts.written()
    dbt.run()
    assert statuses() == [("breached", "breached", True, True), settled]
    after = marts.written()
    assert len(before["fact_ticket"] - after["fact_ticket"]) == 1
    dbt.test()
