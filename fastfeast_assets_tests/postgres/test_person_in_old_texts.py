"""Texts that version 0.1 stored have hashes of persons: they are found, and erased."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
import pytest
from psycopg.types.json import Jsonb

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.person.erase import erase
from fastfeast_assets.warehouse.person.find import find
from fastfeast_assets.warehouse.person.subject import Member, Value, person_of
from fastfeast_assets.warehouse.pii_key import fingerprint, masker_of
from fastfeast_assets_tests.landing import LandingZone, event, order
from fastfeast_assets_tests.postgres.conftest import Load, Query

PHONE = "01012345678"


@pytest.mark.parametrize("scheme", ["direct", "hkdf"])
def test_old_texts_are_looked_through_where_there_may_be_any(
    scheme: str,
    landing: LandingZone,
    load: Load,
    query: Query,
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    settings: Settings,
    warehouse: Warehouse,
) -> None:
    connection.execute(
        "insert into ops.pii_key (fingerprint, scheme) values (%s, %s)",
        [fingerprint(settings), scheme],
    )
    landing.batch("customers")
    landing.stream("orders", order(1), order(2, order_amount=-1))
    landing.stream("ticket_events", event(1))
    load()
    masker = masker_of(connection, settings)
    phone = masker.hash(PHONE)
    connection.execute("update raw.ticket_events set notes = %s", [f"call {phone} or {phone}"])
    extra = {"caller": {"type": "string", "length": 11, "hmac": phone}}
    connection.execute("update raw.orders set _extra = %s", [Jsonb(extra)])
    connection.execute(
        "update ops.quarantine set raw_data = raw_data || %s", [Jsonb({"_extra": extra})]
    )
    someone = person_of(connection, contracts, masker.hashers(), Member("customers", "1"))
    places = {
        "raw.ticket_events.notes, text of version 0.1",
        "raw.orders._extra, text of version 0.1",
        "ops.quarantine.raw_data, text of version 0.1",
    }
    found = {item.place for item in find(connection, contracts, someone)}
    assert found & places == (places if scheme == "direct" else set())
    erase(
        warehouse,
        contracts,
        Value("phone", PHONE),
        reason="test",
        has_notes=False,
        is_dry_run=False,
    )
    text = str(query("select notes::text as t from raw.ticket_events union all"
                     " select _extra::text from raw.orders union all"
                     " select raw_data::text from ops.quarantine"))  # fmt: skip
    assert (phone in text) == (scheme == "hkdf"), "what cannot be there is not looked for"
    if scheme == "direct":
        assert query("select notes from raw.ticket_events") == [
            {"notes": "call [erased] or [erased]"}
        ]
    again = person_of(connection, contracts, masker.hashers(), Value("phone", PHONE))
    listed = [item for item in find(connection, contracts, again) if "suppressed" in item.place]
    assert [item.rows for item in listed] == [1]
