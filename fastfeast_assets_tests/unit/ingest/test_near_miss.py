"""Names that are nearly right are named as such, with what they should be called."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing.near_miss import stranger_of

HOUR = "stream/2026-11-20/08"
RENAME = "rename or remove it"


@pytest.mark.parametrize(
    "name",
    [
        "Orders.json",
        "orders.JSON",
        "ORDERS.Json",
        "orders (1).json",
        "orders - Copy (3).json",
        "copy of orders.json",
        "orders-2.json",
        "orders2.json",
        "orders_v2_final.json",
        "orders_20261120.json",
        "2026-11-20-08_orders.json",
        "orders.jsonl",
        "orders.ndjson",
        "orders.json.txt",
        "orders.json.bak",
        "orders.json.1",
        "orders.jsn",
        "orders.jsno",
        "orders.json.",
        "orders.json ",
        " orders.json",
        "orders.json\n",
        "orders",
        "orders_json",
        "order.json",
        "ordres.json",
        "oders.json",
        "0rders.json",
        "ord\u200bers.json",
        "orders.\u202ejson",
        "\ufefforders.json",
        "\u043erders.json",
        "\u03bfrders.json",
        "\uff4frders.json",
        "\u00f3rders.json",
    ],
)
def test_a_name_that_reads_like_a_contracted_one(
    contracts: Mapping[str, Contract], name: str
) -> None:
    expected = (f"reads like orders.json; {RENAME}", "orders")
    assert stranger_of(f"{HOUR}/{name}", contracts) == expected


@pytest.mark.parametrize(
    ("path", "source", "reason"),
    [
        (f"{HOUR}/orders.json.gz", "orders", "reads like orders.json, packed; unpack it"),
        (f"{HOUR}/tickets.zip", "tickets", "reads like tickets.csv, packed; unpack it"),
        (f"{HOUR}/orders.csv", "orders", "orders comes as json; deliver orders.json"),
        (f"{HOUR}/Orders.CSV", "orders", "orders comes as json; deliver orders.json"),
        (f"{HOUR}/tickets.xlsx", "tickets", "tickets comes as csv; deliver tickets.csv"),
        (f"{HOUR}/tickets.cvs", "tickets", f"reads like tickets.csv; {RENAME}"),
        (f"{HOUR}/ticket-events.json", "ticket_events", f"reads like ticket_events.json; {RENAME}"),
        (f"{HOUR}/TicketEvents.json", "ticket_events", f"reads like ticket_events.json; {RENAME}"),
        ("batch/2026-11-20/Cities.csv", "cities", f"reads like cities.csv; {RENAME}"),
        ("batch/2026-11-20/Cities", "cities", f"reads like cities.json; {RENAME}"),
        ("batch/2026-11-20/Teams", "teams", f"reads like teams.csv; {RENAME}"),
        ("master/Cities", "cities", f"reads like cities.csv; {RENAME}"),
        ("master/teams.json", "teams", "teams comes as csv in master/; deliver teams.csv"),
        (
            f"{HOUR}/teams.csv",
            "teams",
            "teams is a batch source and does not belong under stream/; it belongs in"
            " batch/YYYY-MM-DD/",
        ),
        (
            f"{HOUR}/orders.json/part-0000.json",
            "orders",
            "orders.json is a folder here; put one file of that name in its place",
        ),
    ],
)
def test_what_a_nearly_right_name_should_be(
    contracts: Mapping[str, Contract], path: str, source: str, reason: str
) -> None:
    assert stranger_of(path, contracts) == (reason, source)


@pytest.mark.parametrize(
    ("folder", "right"),
    [
        ("stream/2026-11-20/8", "stream/2026-11-20/08"),
        ("stream/2026-11-20/ 5", "stream/2026-11-20/05"),
        ("stream/2026-11-20/+9", "stream/2026-11-20/09"),
        ("stream/2026-11-20/08:00", "stream/2026-11-20/08"),
        ("stream/2026-11-20/hour=08", "stream/2026-11-20/08"),
        ("stream/2026-11- 2/08", "stream/2026-11-02/08"),
        ("stream/20261120/08", "stream/2026-11-20/08"),
        ("stream/2026_11_20/08", "stream/2026-11-20/08"),
        ("stream/date=2026-11-20/08", "stream/2026-11-20/08"),
        (
            "stream/\u0662\u0660\u0662\u0666-\u0661\u0661-\u0662\u0660/\u0660\u0668",
            "stream/2026-11-20/08",
        ),
        ("Stream/2026-11-20/08", "stream/2026-11-20/08"),
        ("streams/2026-11-20/08", "stream/2026-11-20/08"),
    ],
)
def test_a_folder_that_reads_like_one_of_the_layout(
    contracts: Mapping[str, Contract], folder: str, right: str
) -> None:
    for name in ("orders.json", "Orders.json"):
        expected = (f"reads like {right}/orders.json; {RENAME}", "orders")
        assert stranger_of(f"{folder}/{name}", contracts) == expected


@pytest.mark.parametrize(
    "folder",
    [
        "",
        "stream/",
        "2026-11-20/08/",
        "stream/2026-11-20/",
        "stream/2026-11-20/08/08/",
        "stream/2026-11-20/24/",
        "stream/2026-02-30/08/",
        "stream/0000-11-20/08/",
        "stream//2026-11-20/08/",
        "export/stream/2026-11-20/08/",
    ],
)
def test_a_right_name_in_a_folder_that_is_none(
    contracts: Mapping[str, Contract], folder: str
) -> None:
    found = stranger_of(f"{folder}orders.json", contracts)
    assert found.source == "orders"
    assert found.reason.endswith("move it to stream/YYYY-MM-DD/HH/")


@pytest.mark.parametrize(
    "path",
    [
        f"{HOUR}/refunds.json",
        f"{HOUR}/order_items.json",
        f"{HOUR}/notes.txt",
        f"{HOUR}/orders.json.md5",
        f"{HOUR}/orders.schema.json",
        f"{HOUR}/items.csv",
        f"{HOUR}/متاجر.json",
        "_archive/stream/2026-11-20/08/orders.json",
        ".snapshot/master/teams.csv",
        "README.md",
        "",
        "/",
    ],
)
def test_other_strangers_read_like_nothing(contracts: Mapping[str, Contract], path: str) -> None:
    assert stranger_of(path, contracts).source is None
