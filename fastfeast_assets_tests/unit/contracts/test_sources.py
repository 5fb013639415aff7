"""The 16 contracts say what the domain says: each source once more, in a shorthand.

`name! type` is a required column, `*` the key; then the reference, the values or the range
allowed, and the stored name of a personal column.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from fastfeast_assets.contracts.model import Column, Contract

BATCH = {
    "cities": "city_id*! integer | city_name! text | country! text | timezone! text",
    "regions": "region_id*! integer | region_name! text | city_id! integer -> cities"
    " | delivery_base_fee! numeric(10,2) 0..",
    "segments": "segment_id*! integer | segment_name! text {Regular VIP}"
    " | discount_pct integer 0..100 | priority_support boolean",
    "categories": "category_id*! integer | category_name! text",
    "teams": "team_id*! integer | team_name text",
    "reason_categories": "reason_category_id*! integer"
    " | category_name! text {Delivery Food Payment}",
    "reasons": "reason_id*! integer | reason_name text"
    " | reason_category_id integer -> reason_categories | severity_level integer 0.."
    " | typical_refund_pct numeric 0..1",
    "channels": "channel_id*! integer | channel_name! text {app chat phone email}",
    "priorities": "priority_id*! integer | priority_code! text {P1 P2 P3 P4}"
    " | priority_name! text {Critical High Medium Low} | sla_first_response_min integer 0.."
    " | sla_resolution_min integer 0..",
    "customers": "customer_id*! integer | full_name! text | email text email_hash"
    " | phone text phone_hash | region_id integer -> regions | segment_id integer -> segments"
    " | signup_date date | gender text {male female} | created_at timestamp"
    " | updated_at timestamp",
    "restaurants": "restaurant_id*! integer | restaurant_name! text"
    " | region_id integer -> regions | category_id integer -> categories"
    " | price_tier text {Low Mid High} | rating_avg numeric 0..5"
    " | prep_time_avg_min integer 0.. | is_active boolean | created_at timestamp"
    " | updated_at timestamp",
    "drivers": "driver_id*! integer | driver_name! text | driver_phone text driver_phone_hash"
    " | national_id text national_id_hash | region_id integer -> regions"
    " | shift text {morning evening night} | vehicle_type text | hire_date date"
    " | rating_avg numeric 0..5 | on_time_rate numeric 0..1 | cancel_rate numeric 0..1"
    " | completed_deliveries! integer 0.. | is_active boolean | created_at timestamp"
    " | updated_at timestamp",
    "agents": "agent_id*! integer | agent_name! text | agent_email text agent_email_hash"
    " | agent_phone text agent_phone_hash | team_id integer -> teams"
    " | skill_level text {Junior Mid Senior Lead} | hire_date date"
    " | avg_handle_time_min integer 0.. | resolution_rate numeric 0..1"
    " | csat_score numeric 0..5 | is_active boolean | created_at timestamp"
    " | updated_at timestamp",
}
STATUSES = "{Open InProgress Resolved Closed Reopened}"
STREAMS = {
    "orders": "order_id*! varchar(36) | customer_id! integer -> customers"
    " | restaurant_id! integer -> restaurants | driver_id! integer -> drivers"
    " | region_id! integer -> regions | order_amount! numeric(10,2) 0.."
    " | delivery_fee! numeric(10,2) 0.. | discount_amount! numeric(10,2) 0.."
    " | total_amount! numeric(10,2) 0.."
    " | order_status! text {Pending Preparing OutForDelivery Delivered Cancelled Refunded}"
    " | payment_method! text {card cash wallet} | order_created_at! timestamp"
    " | delivered_at timestamp",
    "tickets": "ticket_id*! varchar(36) | order_id! varchar(36) -> orders"
    " | customer_id! integer -> customers | driver_id integer -> drivers"
    " | restaurant_id integer -> restaurants | agent_id integer -> agents"
    " | reason_id! integer -> reasons | priority_id! integer -> priorities"
    f" | channel_id! integer -> channels | status! text {STATUSES}"
    " | refund_amount numeric(10,2) 0.. | created_at! timestamp | first_response_at timestamp"
    " | resolved_at timestamp | sla_first_due_at! timestamp | sla_resolve_due_at! timestamp",
    "ticket_events": "event_id*! varchar(36) | ticket_id! varchar(36) -> tickets"
    " | agent_id! integer -> agents | event_ts! timestamp"
    f" | old_status text {STATUSES} | new_status! text {STATUSES} | notes text",
}
TARGETS = {
    "cities": "dim_city",
    "regions": "dim_region",
    "segments": "dim_segment",
    "categories": "dim_category",
    "teams": "dim_team",
    "reason_categories": "dim_reason_category",
    "reasons": "dim_reason",
    "channels": "dim_channel",
    "priorities": "dim_priority",
    "customers": "dim_customer",
    "restaurants": "dim_restaurant",
    "drivers": "dim_driver",
    "agents": "dim_agent",
    "orders": "fact_order",
    "tickets": "fact_ticket",
    "ticket_events": "fact_ticket_event",
}


def shorthand(column: Column) -> str:
    words = [
        column.name + ("*" if column.is_key else "") + ("!" if column.required else ""),
        column.physical_type,
    ]
    if column.reference is not None:
        words += ["->", column.reference.source]
    if column.allowed is not None:
        words.append("{" + " ".join(column.allowed) + "}")
    if isinstance(column.minimum, Decimal):
        words.append(f"{column.minimum}..{'' if column.maximum is None else column.maximum}")
    if column.is_personal:
        words.append(column.stored_as)
    return " ".join(words)


def test_there_is_a_contract_for_every_source_of_the_domain(
    contracts: dict[str, Contract],
) -> None:
    assert {**BATCH, **STREAMS}.keys() <= contracts.keys()


@pytest.mark.parametrize(("source", "columns"), {**BATCH, **STREAMS}.items())
def test_columns_are_those_of_the_domain(
    contracts: dict[str, Contract], source: str, columns: str
) -> None:
    assert [shorthand(column) for column in contracts[source].columns] == columns.split(" | ")


@pytest.mark.parametrize("source", [*BATCH, *STREAMS])
def test_cadence_formats_and_service_level(contracts: dict[str, Contract], source: str) -> None:
    contract = contracts[source]
    found = (contract.cadence, contract.formats, contract.sla_minutes, contract.sla_cron)
    if source in BATCH:
        is_json_first = source in {"cities", "restaurants"}
        formats = ("json", "csv") if is_json_first else ("csv", "json")
        assert found == ("batch", formats, None, "0 1 * * *")
    else:
        stream_format = "csv" if source == "tickets" else "json"
        assert found == ("stream", (stream_format,), 90, None)


def test_targets_are_the_public_names(contracts: dict[str, Contract]) -> None:
    assert {source: contracts[source].target for source in TARGETS} == TARGETS


def test_only_rows_of_streams_have_row_rules(contracts: dict[str, Contract]) -> None:
    found = {
        (source, rule.name): (rule.column, rule.when_column, rule.when_values, rule.other)
        for source, contract in contracts.items()
        for rule in contract.row_rules
    }
    assert found == {
        ("orders", "delivered_at_required"): (
            "delivered_at",
            "order_status",
            ("Delivered",),
            None,
        ),
        ("orders", "delivered_at_not_before_created"): (
            "delivered_at",
            None,
            (),
            "order_created_at",
        ),
        ("tickets", "resolved_at_required"): (
            "resolved_at",
            "status",
            ("Resolved", "Closed"),
            None,
        ),
        ("tickets", "resolved_at_not_before_created"): ("resolved_at", None, (), "created_at"),
        ("tickets", "first_response_at_not_before_created"): (
            "first_response_at",
            None,
            (),
            "created_at",
        ),
    }


def test_null_tokens_and_thresholds_are_the_same_everywhere(
    contracts: dict[str, Contract],
) -> None:
    for contract in contracts.values():
        assert contract.null_tokens == ("", "None", "nan", "NaN", "NaT")
        assert contract.required_null_tokens == ("", "nan", "null", "none", "na", "n/a")
        assert contract.quarantine_warn_rows == 50
        assert (contract.quarantine_warn_ratio, contract.quarantine_fail_ratio) == (0.05, 0.2)


def test_personal_columns_say_how_they_are_canonicalised(contracts: dict[str, Contract]) -> None:
    found = {
        column.name: column.canonical
        for contract in contracts.values()
        for column in contract.columns
        if column.is_personal
    }
    assert found == {
        "email": "email",
        "phone": "phone",
        "driver_phone": "phone",
        "national_id": "digits",
        "agent_email": "email",
        "agent_phone": "phone",
    }


def test_every_uuid_is_kept_in_one_form(contracts: dict[str, Contract]) -> None:
    found = {
        (contract.source, column.name)
        for contract in contracts.values()
        for column in contract.columns
        if column.canonical == "uuid"
    }
    assert found == {
        ("orders", "order_id"),
        ("tickets", "ticket_id"),
        ("tickets", "order_id"),
        ("ticket_events", "event_id"),
        ("ticket_events", "ticket_id"),
    }


def test_every_day_lies_between_2000_and_2099(contracts: dict[str, Contract]) -> None:
    for contract in contracts.values():
        for column in contract.columns:
            if column.kind in ("date", "timestamp"):
                assert (column.minimum, column.maximum) == (date(2000, 1, 1), date(2099, 12, 31))


def test_text_has_no_limits_but_those_of_uuids(contracts: dict[str, Contract]) -> None:
    for contract in contracts.values():
        for column in contract.columns:
            is_uuid = column.physical_type == "varchar(36)"
            assert column.max_length == (36 if is_uuid else None), column.name


def test_owners_and_descriptions_are_there(contracts: dict[str, Contract]) -> None:
    for contract in contracts.values():
        assert contract.owner
        assert contract.title
        assert contract.version == "1.0.0"
        for column in contract.columns:
            assert column.description.endswith("."), f"{contract.source}.{column.name}"


def test_look_ups(contracts: dict[str, Contract]) -> None:
    orders = contracts["orders"]
    assert orders.key.name == "order_id"
    assert orders.column("total_amount").precision == 10
    assert orders.column("order_id").precision is None
    assert [column.name for column in orders.references] == [
        "customer_id",
        "restaurant_id",
        "driver_id",
        "region_id",
    ]
    assert [column.name for column in contracts["drivers"].personal_columns] == [
        "driver_phone",
        "national_id",
    ]
    with pytest.raises(KeyError, match="orders has no column 'nope'"):
        orders.column("nope")
