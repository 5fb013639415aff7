"""An earlier first partition, accepted: the marts follow the master files that move."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse, ledger
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets_tests.dbt.conftest import Dbt
from fastfeast_assets_tests.landing import MEMBERS, LandingZone, csv_text
from fastfeast_assets_tests.postgres.conftest import Load, Query, look

MODELS = ("stg_customers", "dim_customer", "dim_customer_history")
VERSIONS = (
    "select full_name, valid_from::date::text as valid_from, valid_to::date::text as valid_to"
    " from marts.dim_customer_history order by 2"
)


def test_history_is_as_if_it_had_been_the_first_partition_from_the_start(
    landing: LandingZone,
    load: Load,
    dbt: Dbt,
    query: Query,
    settings: Settings,
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
) -> None:
    landing.put("master/customers.csv", csv_text([{**MEMBERS["customers"], "full_name": "A"}]))
    landing.batch("customers", day="2026-11-18", full_name="C")
    load()
    dbt.run("--select", *MODELS)
    assert [row["valid_from"] for row in query(VERSIONS)] == ["2020-01-01", "2026-11-18"]

    landing.batch("customers", day="2019-06-01", full_name="B")
    earlier = settings.model_copy(
        update={"start_date": date(2019, 1, 1), "accept_new_start_date": True}
    )
    found = look(earlier, contracts).files
    with warehouse.connect() as connection:
        files = ledger.pending(connection, found)
    for file in files:
        load_file(warehouse, contracts[file.source], file, run_id="test", settings=earlier)
    dbt.run("--select", *MODELS)
    assert query(VERSIONS) == [
        {"full_name": "A", "valid_from": "2019-01-01", "valid_to": "2019-06-01"},
        {"full_name": "B", "valid_from": "2019-06-01", "valid_to": "2026-11-18"},
        {"full_name": "C", "valid_from": "2026-11-18", "valid_to": None},
    ]
    assert query("select full_name from marts.dim_customer") == [{"full_name": "C"}]
