"""The checksum of a load: the same from the file and from raw, and no change by hand escapes it."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
import pyarrow as pa
import pytest

from fastfeast_assets.checks.reconciliation import Balance, balances
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse.checksum import checksum
from fastfeast_assets_tests.landing import LandingZone, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

FORMS = ["0", "0.0", "100.5", "100.50", "100.5000", "7", "007.10", "12.340000000001", "99999999.99"]


def the_balances(connection: psycopg.Connection, contract: Contract) -> list[Balance]:
    ids = [row[0] for row in connection.execute("select log_id from ops.pipeline_file_log")]
    return balances(connection, contract, ids)


def test_file_and_raw_have_the_same_in_every_source(
    landing: LandingZone,
    load: Load,
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
) -> None:
    landing.all_batch()
    rows = [ticket(n, refund_amount=form) for n, form in enumerate(FORMS)]
    landing.stream("orders", *(order(n, total_amount=f) for n, f in enumerate(FORMS)))
    landing.stream("tickets", *rows, ticket(50, refund_amount=""), ticket(51, status="Lost"))
    landing.stream("ticket_events", event(1), event(2))
    load(chunk_rows=4)
    for contract in contracts.values():
        (balance,) = the_balances(connection, contract)
        assert balance.checksum == balance.checksum_of_raw, contract.source
        assert balance.checksum, contract.source
        assert balance.is_even


@pytest.mark.parametrize(
    "change",
    [
        "update raw.orders set total_amount = total_amount + 0.01 where _row_number = 1",
        "update raw.orders set order_amount = delivery_fee, delivery_fee = order_amount",
        "update raw.orders set order_id = 'x' where _row_number = 2",
        "update raw.orders set total_amount = case _row_number when 1 then 5 else 112.5 end",
    ],
)
def test_a_change_by_hand_is_found(
    landing: LandingZone,
    load: Load,
    query: Query,
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    change: str,
) -> None:
    """The counts stay even in each of these; in the last, so do the sums."""
    landing.stream("orders", order(1), order(2, total_amount=5))
    load()
    assert all(balance.is_even for balance in the_balances(connection, contracts["orders"]))
    query(f"{change} returning 1")
    (balance,) = the_balances(connection, contracts["orders"])
    assert (balance.in_raw, balance.in_quarantine) == (2, 0)
    assert not balance.is_even
    assert "keys or amounts in raw are not those of the file" in balance.account


def test_loads_of_before_are_judged_by_their_counts(
    landing: LandingZone,
    load: Load,
    query: Query,
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
) -> None:
    landing.stream("orders", order(1))
    load()
    query("update ops.pipeline_file_log set row_checksum = null returning 1")
    (balance,) = the_balances(connection, contracts["orders"])
    assert balance.is_even


def test_order_of_rows_does_not_matter_and_numbers_are_canonical(
    contracts: Mapping[str, Contract],
) -> None:
    def rows(*amounts: str | None) -> pa.Table:
        texts = pa.array(amounts, type=pa.large_string())
        keys = pa.array([f"key {a and a.rstrip('0')}" for a in amounts], type=pa.large_string())
        return pa.table({"ticket_id": keys, "refund_amount": texts})

    tickets = contracts["tickets"]
    assert checksum(tickets, rows("1.5", None, "2.5")) == checksum(
        tickets, rows("2.50", "1.500", None)
    )
    assert checksum(tickets, rows("1.5")) != checksum(tickets, rows(None))
    assert checksum(tickets, rows()) == 0
