"""The SQL of raw tables. That PostgreSQL accepts it is tested with the warehouse."""

from __future__ import annotations

from datetime import date

import yaml

from fastfeast_assets.contracts.ddl import month_partition_ddl, raw_table_ddl
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.contracts.odcs import parse_contract
from fastfeast_assets_tests.unit.contracts.documents import document, prop


def rendered(contract: Contract, contracts: dict[str, Contract], schema: str = "raw") -> list[str]:
    return [part.as_string() for part in raw_table_ddl(contract, contracts, schema=schema)]


def test_the_table_of_a_source_with_every_kind_of_column() -> None:
    shops = parse_contract(yaml.safe_dump(document()), "shops.odcs.yaml")
    create, *_ = rendered(shops, {"shops": shops})
    assert create.splitlines() == [
        'create table if not exists "raw"."shops" (',
        '    "shop_id" varchar(36) not null,',
        '    "staff" smallint,',
        '    "rent" numeric(5, 2),',
        '    "rating" numeric,',
        '    "state" text,',
        '    "is_own" boolean,',
        '    "phone_hash" char(64),',
        '    "opened_at" timestamp without time zone,',
        '    "closed_at" timestamp without time zone,',
        '    "inspected_on" date,',
        '    "_partition_at" timestamp without time zone not null,',
        '    "_source_file" text not null,',
        '    "_file_hash" text not null,',
        '    "_row_number" bigint not null,',
        '    "_extra" jsonb,',
        '    "_run_id" text not null,',
        '    "_load_id" bigint not null,',
        '    "_loaded_at" timestamp with time zone not null default now()',
        ') partition by range ("_partition_at")',
    ]


def test_only_streams_are_partitioned_and_a_month_ends_where_the_next_begins(
    contracts: dict[str, Contract],
) -> None:
    for contract in contracts.values():
        create, *_ = rendered(contract, contracts)
        assert ("partition by" in create) == (contract.cadence == "stream")
    make, attach = (part.as_string() for part in month_partition_ddl("orders", date(2026, 12, 1)))
    assert make == ('create table "raw"."orders_p2026_12" (like "raw"."orders" including defaults)')
    assert attach.endswith("for values from ('2026-12-01') to ('2027-01-01')")


def test_indexes_are_on_key_load_and_what_waits_for_a_stream(
    contracts: dict[str, Contract],
) -> None:
    def indexes(source: str) -> list[str]:
        statements = rendered(contracts[source], contracts)
        return [text for text in statements if text.startswith("create index")]

    assert indexes("tickets") == [
        'create index if not exists "tickets_ticket_id_idx" on "raw"."tickets"'
        ' ("ticket_id", "_partition_at" desc, "_source_file")',
        'create index if not exists "tickets_load_id_idx" on "raw"."tickets" ("_load_id")',
        'create index if not exists "tickets_order_id_idx" on "raw"."tickets" ("order_id")',
    ]
    assert len(indexes("ticket_events")) == 3
    assert len(indexes("orders")) == 2
    assert len(indexes("customers")) == 2


def test_no_table_holds_a_personal_value_in_clear(contracts: dict[str, Contract]) -> None:
    for contract in contracts.values():
        create, *_ = rendered(contract, contracts)
        for column in contract.personal_columns:
            assert f'"{column.stored_as}" char(64)' in create
            assert f'"{column.name}"' not in create


def test_nothing_is_unique_and_every_column_has_a_comment(
    contracts: dict[str, Contract],
) -> None:
    for contract in contracts.values():
        create, *others = rendered(contract, contracts)
        assert "unique" not in create
        assert "primary key" not in create
        assert all("if not exists" in text or text.startswith("comment") for text in others)
        comments = [text for text in others if text.startswith("comment on column")]
        assert len(comments) == len(contract.columns) + 8


def test_the_schema_is_a_parameter_and_texts_are_quoted() -> None:
    doc = document()
    doc["schema"][0]["properties"].append(
        prop("motto", "string", "text") | {"description": "The shop's motto; drop table x."}
    )
    shops = parse_contract(yaml.safe_dump(doc), "shops.odcs.yaml")
    statements = rendered(shops, {"shops": shops}, schema='od"d')
    assert all('"od""d"."shops"' in text for text in statements)
    assert (
        """comment on column "od""d"."shops"."motto" is 'The shop''s motto; drop table x.'"""
        in [text.strip() for text in statements]
    )
