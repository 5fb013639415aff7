"""The operators' console in a real browser: what a person sees, and what a click does.

The tests share one console; see `conftest`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from fastfeast_assets_tests.browser.conftest import (
    LATE_HOURS,
    LOADED_HOURS,
    SPOILED_HOUR,
    Console,
)

pytestmark = pytest.mark.browser

Picture = Callable[[str], None]
NOT_LANDED_HOUR = 3
WAY_OF_TICKETS = (
    '(key:"landing/tickets"+ and +key:"marts/fact_ticket")'
    ' and not (group:"ops" or key:"marts/dim_*" or key:"*order*")'
)
GROUPS = ("landing", "raw", "staging", "intermediate", "marts")


def metadata_row(page: Page, name: str) -> Locator:
    """The row of a metadata table."""
    return page.locator("tr", has=page.get_by_text(name, exact=True))


def check_row(page: Page, name: str) -> Locator:
    """The entry of a check in the list of an asset's checks."""
    return page.locator('[class*="checkRow"]', has=page.get_by_text(name, exact=True))


def materialize(page: Page, source: str, partitions: str) -> None:
    """Launch partitions of a raw table by its button."""
    page.goto(f"/assets/raw/{source}?view=overview")
    page.get_by_role("button", name="Materialize…").click()
    dialog = page.get_by_role("dialog")
    box = dialog.get_by_placeholder("No matching partitions")
    box.fill(partitions)
    box.press("Enter")
    dialog.get_by_role("button", name=re.compile("^Launch ")).click()


def open_launched_run(page: Page) -> None:
    """Follow the notice of the launched run to its page."""
    page.get_by_role("link", name="View", exact=True).or_(
        page.get_by_role("button", name="View", exact=True)
    ).click()
    page.wait_for_url(re.compile("/runs/"))


def backfill_of(page: Page) -> str:
    """Of which backfill the page is."""
    found = re.search("/runs/b/([a-z]+)", page.url)
    assert found
    return found[1]


@contextmanager
def sensor_off(page: Page, sensor: str) -> Iterator[None]:
    """Switch a sensor off by its switch, and on again."""
    address = f"/locations/fastfeast_assets/sensors/{sensor}"
    switch = page.get_by_role("checkbox")
    page.goto(address)
    expect(switch).to_be_checked()
    switch.locator("xpath=..").click()
    expect(switch).not_to_be_checked()
    yield
    page.goto(address)
    expect(switch).not_to_be_checked()
    switch.locator("xpath=..").click()
    expect(switch).to_be_checked()


def test_the_lineage_of_fact_ticket_is_drawn(page: Page, picture: Picture) -> None:
    page.goto("/assets/marts/fact_ticket?view=lineage&lineageScope=upstream&lineageDepth=5")
    graph = page.locator("svg")
    for node in ("fact_ticket", "int_ticket_changes", "stg_tickets", "fact_order", "dim_agent"):
        expect(graph.get_by_text(node, exact=True)).to_be_visible()
    # One in the group of landing, one in that of raw.
    expect(graph.get_by_text("tickets", exact=True)).to_have_count(2)
    groups = quote(",".join(f"global@global:{group}" for group in GROUPS), safe="")
    page.goto(f"/asset-groups~{quote(WAY_OF_TICKETS, safe='')}?expanded={groups}")
    for node in ("tickets", "stg_tickets", "int_ticket_changes", "fact_ticket"):
        expect(graph.get_by_text(node, exact=True).first).to_be_visible()
    picture("lineage")


def test_checks_show_by_the_name_of_their_rule(page: Page, picture: Picture) -> None:
    page.goto("/assets/raw/orders?view=checks")
    for name, verdict in {
        "reconciliation": "Succeeded",
        "files_loaded": "Succeeded",
        "delivered_at_required": "Succeeded",
        "allowed_order_status": "Failed",
        "range_order_amount": "Failed",
    }.items():
        expect(check_row(page, name)).to_contain_text(verdict)
    check_row(page, "reconciliation").click()
    expect(page.get_by_text("Passed", exact=True)).to_be_visible()
    picture("checks")


def test_a_quarantined_day_shows_its_failing_check_with_reasons(
    page: Page, console: Console, picture: Picture
) -> None:
    page.goto("/assets/raw/orders?view=checks&checkDetail=quarantine_rate")
    expect(check_row(page, "quarantine_rate")).to_contain_text("Failed")
    expect(metadata_row(page, "reasons")).to_contain_text(re.compile(r"allowed:order_status \d+"))
    expect(metadata_row(page, "reasons")).to_contain_text(re.compile(r"range:order_amount \d+"))
    picture("failing-check")
    metadata_row(page, "files").get_by_text("[Show JSON]").click()
    expect(page.get_by_role("dialog")).to_contain_text(
        f"stream/{console.day}/{SPOILED_HOUR}/orders.json"
    )


def test_freshness_and_a_picture_of_the_last_partitions_show(page: Page, picture: Picture) -> None:
    page.goto("/assets/raw/orders?view=overview")
    expect(page.get_by_text("Passing", exact=True).first).to_be_visible()
    expect(page.get_by_text("Fails if more than 3 hours since last")).to_be_visible()
    picture("freshness")
    metadata_row(page, "recent_partitions").get_by_text("[Show Markdown]").click()
    chart = page.get_by_role("dialog").get_by_role("img", name="rows of the last partitions")
    expect(chart).to_be_visible()
    assert chart.evaluate("image => image.decode().then(() => image.naturalWidth)") == 600
    picture("recent-partitions")


def test_a_dropped_file_is_loaded_with_nobody_clicking(
    page: Page, console: Console, picture: Picture
) -> None:
    file = console.land("tickets.csv", LATE_HOURS[0])
    page.goto("/locations/fastfeast_assets/sensors/landing_stream")
    tick = page.locator("tr", has=page.get_by_role("button", name="View logs"))
    expect(tick.get_by_text("1 run requested").first).to_be_visible()
    picture("sensor")
    partition = f"{console.day}-{LATE_HOURS[0]}:00"
    page.goto(f"/runs?q[]={quote(f'tag:dagster/partition={partition}')}")
    expect(page.get_by_text("Success", exact=True)).to_have_count(1)
    expect(page.get_by_text("landing_stream", exact=True).first).to_be_visible()
    assert console.loaded_rows(file)


def test_a_partition_materializes_by_its_button(
    page: Page, console: Console, picture: Picture
) -> None:
    hour = LATE_HOURS[1]
    with sensor_off(page, "landing_stream"):
        file = console.land("ticket_events.json", hour)
        materialize(page, "ticket_events", f"{console.day}-{hour}:00")
        open_launched_run(page)
        expect(page.get_by_text("RUN_SUCCESS", exact=True)).to_be_visible()
        picture("materialized")
        assert console.loaded_rows(file)
        page.goto(f"/assets/raw/ticket_events?view=partitions&partition={console.day}-{hour}:00")
        expect(page.get_by_text(file.as_posix()).first).to_be_visible()


def test_a_partition_whose_file_has_not_landed_says_so(page: Page, console: Console) -> None:
    partition = f"{console.day}-{NOT_LANDED_HOUR:02d}:00"
    materialize(page, "ticket_events", partition)
    open_launched_run(page)
    expect(page.get_by_text("RUN_FAILURE", exact=True)).to_be_visible()
    expect(
        page.get_by_text(f"no file of ticket_events has landed for {partition}").first
    ).to_be_visible()


def test_a_range_of_partitions_is_one_run(page: Page, console: Console) -> None:
    first, last = LATE_HOURS[2], LATE_HOURS[3]
    with sensor_off(page, "landing_stream"):
        files = [console.land("tickets.csv", hour) for hour in (first, last)]
        span = f"[{console.day}-{LOADED_HOURS[-1]}:00...{console.day}-{last}:00]"
        materialize(page, "tickets", span)
        open_launched_run(page)
        page.get_by_role("tab", name="Runs").click()
        expect(page.get_by_text("Success", exact=True)).to_have_count(1)
        assert all(console.loaded_rows(file) for file in files)
        assert console.runs_of_backfill(backfill_of(page)) == 1
