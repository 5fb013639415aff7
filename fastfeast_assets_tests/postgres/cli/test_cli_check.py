"""`fastfeast check`: all rows are looked at in time, and what failed is not forgotten."""

from __future__ import annotations

import json

import psycopg
import pytest

from fastfeast_assets_tests.landing import DAY, LandingZone, event, order, ticket
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast
from fastfeast_assets_tests.postgres.conftest import connection as connection

BREAK = """
update marts.fact_order set total_amount = 5, _loaded_at = now() - interval '9 days'
where order_id = %s
"""
OPEN = {"status": "Open", "first_response_at": None, "resolved_at": None}


@pytest.mark.long
def test_a_row_broken_by_hand_keeps_everything_red_until_it_is_mended(
    landing: LandingZone, fastfeast: FastFeast, connection: psycopg.Connection
) -> None:
    landing.all_batch()
    landing.stream("orders", order(1), order(2))
    landing.stream("tickets", ticket(1, **OPEN))
    landing.stream("ticket_events", event(1))
    assert fastfeast("ingest").exit_code == 0
    broken = order(1)["order_id"]
    connection.execute(BREAK, [broken])
    found = fastfeast("check", "--all", "--json")
    assert found.exit_code == 1
    report = json.loads(found.stdout)
    assert (report["is_well"], report["slice"], report["not_run"]) == (False, None, [])
    [failed] = report["failed"]
    assert (failed["test"], failed["mart"]) == ("fact_order_checksum_of_raw", "fact_order")
    assert (failed["severity"], failed["rows"], failed["keys"]) == ("error", 1, [broken])

    # There is nothing new, and all is not well.
    told = fastfeast("ingest")
    assert told.exit_code == 1
    assert "Nothing pending" in told.stdout
    assert "fact_order fact_order_checksum_of_raw: 1 rows" in told.output
    [known] = json.loads(fastfeast("status", "--json").stdout)["failed_tests"]
    assert known == {
        "test": "fact_order_checksum_of_raw",
        "mart": "fact_order",
        "is_error": True,
        "rows": 1,
    }
    assert "Rows known to be wrong" in fastfeast("status").stdout

    # Other keys are loaded, as far as events; with and without news it is said.
    landing.stream("orders", order(3), hour=9)
    landing.stream("ticket_events", event(2, ticket_id=ticket(1)["ticket_id"]), hour=9)
    for _ in range(2):
        assert fastfeast("ingest").exit_code == 1
    rows = connection.execute("select count(*) from marts.fact_ticket_event").fetchone()
    assert rows == (2,)
    table = fastfeast("check", "--slice", "7")
    assert table.exit_code == 1
    assert "slice 7 of 30" in table.stdout
    assert broken in table.stdout
    assert "rows-do-not-add-up.md" in table.stdout

    path = f"stream/{DAY}/08/orders.json"
    assert fastfeast("reprocess", path, "--yes").exit_code == 0
    well = fastfeast("check")
    assert well.exit_code == 0, well.output
    assert "All is well" in well.stdout
    assert fastfeast("ingest").exit_code == 0


def test_nothing_to_check_is_said(fastfeast: FastFeast) -> None:
    result = fastfeast("check", "--all", "--slice", "3")
    assert result.exit_code == 2
    result = fastfeast("check")
    assert result.exit_code == 1
    assert "the marts are not built yet" in result.output
    assert "fastfeast ingest" in result.output
    assert fastfeast("check", "--slice", "31").exit_code == 2
