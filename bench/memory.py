"""Measure the memory that loading files of wide rows takes: the highest PSS of the process tree.

Each form is loaded in a process of its own, which is what a run is. The embedded server is not
below it; it is the bench's own and is removed at the end. Nothing is judged.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import psutil
from pydantic import SecretStr

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.ingest.judge.mask import NameMasker
from fastfeast_assets.ingest.landing import open_landing
from fastfeast_assets.ingest.landing.discover import discover
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets.warehouse.server import stop_server

DAY = date(2026, 11, 1)
PAUSE_SECONDS = 0.02
WIDE = "A long remark of a customer about the last delivery. " * 200
ARABIC = "ملاحظة طويلة عن آخر توصيلة. " * 200
ORDER = {
    "order_id": "", "customer_id": 1, "restaurant_id": 1, "driver_id": 1, "region_id": 1,
    "order_amount": 10.5, "delivery_fee": 1, "discount_amount": 0, "total_amount": 11.5,
    "order_status": "Pending", "payment_method": "card",
    "order_created_at": "2026-11-01 08:00:00", "delivered_at": None,
}  # fmt: skip
EVENT = {
    "event_id": "", "ticket_id": "00000000-0000-0000-0000-000000000001", "agent_id": 1,
    "event_ts": "2026-11-01 08:00:00", "old_status": None, "new_status": "Open", "notes": None,
}  # fmt: skip
TICKETS = (
    "ticket_id,order_id,customer_id,driver_id,restaurant_id,agent_id,reason_id,priority_id,"
    "channel_id,status,refund_amount,created_at,first_response_at,resolved_at,sla_first_due_at,"
    "sla_resolve_due_at"
)
TICKET = (
    ",00000000-0000-0000-0000-000000000001,1,1,1,1,1,1,1,Open,,2026-11-01 08:00:00,,,"
    "2026-11-01 09:00:00,2026-11-01 10:00:00"
)


def uuid_of(number: int) -> str:
    """An id."""
    return f"00000000-0000-0000-0000-{number:012x}"


def written(row: dict[str, object]) -> str:
    """A row as JSON, in UTF-8."""
    return json.dumps(row, ensure_ascii=False)


def orders(rows: int, **more: object) -> Iterator[str]:
    """A JSON array of orders."""
    yield "["
    for number in range(rows):
        yield ("," if number else "") + written(ORDER | {"order_id": uuid_of(number)} | more)
    yield "]"


def events(rows: int, **more: object) -> Iterator[str]:
    """A JSON array of ticket events."""
    yield "["
    for number in range(rows):
        yield ("," if number else "") + written(EVENT | {"event_id": uuid_of(number)} | more)
    yield "]"


def tickets(rows: int, text: str) -> Iterator[str]:
    """A CSV of tickets with a column that nobody contracted."""
    yield f"{TICKETS},remark\n"
    for number in range(rows):
        yield f'{uuid_of(number)}{TICKET},"{text}"\n'


# Source, rows at full size, and how the file is written.
FORMS: dict[str, tuple[str, int, Callable[[int], Iterator[str]]]] = {
    "narrow orders": ("orders", 1_000_000, orders),
    "orders with a wide extra column": ("orders", 42_000, lambda n: orders(n, remark=WIDE)),
    "refused orders with a wide extra column": (
        "orders", 42_000, lambda n: orders(n, remark=WIDE, order_status="Lost"),
    ),
    "orders whose status is wide": ("orders", 42_000, lambda n: orders(n, order_status=WIDE)),
    "events with wide notes": ("ticket_events", 42_000, lambda n: events(n, notes=WIDE)),
    "tickets (CSV) with a wide extra column": ("tickets", 42_000, lambda n: tickets(n, WIDE)),
    "Arabic events with wide notes": ("ticket_events", 42_000, lambda n: events(n, notes=ARABIC)),
    "events with remarks of 4 M signs": (
        "ticket_events", 3, lambda n: events(n, notes="x" * 4_000_000),
    ),
    "events with remarks of 4 M emoji": (
        "ticket_events", 3, lambda n: events(n, notes="\N{BICYCLE}" * 4_000_000),
    ),
    "refused orders of 4 M emoji": (
        "orders", 3, lambda n: orders(n, order_status="\N{BICYCLE}" * 4_000_000),
    ),
    "tickets (CSV) with remarks of 4 M emoji": (
        "tickets", 3, lambda n: tickets(n, "\N{BICYCLE}" * 4_000_000),
    ),
}  # fmt: skip
SUFFIXES = {"orders": "json", "ticket_events": "json", "tickets": "csv"}


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the number of rows")
    parser.add_argument("--only", default="", help="forms whose name holds this")
    arguments = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="ff-bench-"))
    settings = Settings(home=home, pii_key=SecretStr("b" * 32), settle_seconds=0)
    try:
        Warehouse(settings).prepare(load_contracts())
        for name, (source, rows, write) in FORMS.items():
            if arguments.only in name:
                measure(settings, name, source, write(max(3, int(rows * arguments.scale))))
    finally:
        stop_server(settings)
        shutil.rmtree(home)


def measure(settings: Settings, name: str, source: str, parts: Iterator[str]) -> None:
    """Write a file, load it in a process of its own, print the highest PSS."""
    folder = settings.landing_directory / "stream" / str(DAY) / "08"
    shutil.rmtree(settings.landing_directory / "stream", ignore_errors=True)
    folder.mkdir(parents=True)
    file = folder / f"{source}.{SUFFIXES[source]}"
    with file.open("w") as text:
        text.writelines(parts)
    started = time.perf_counter()
    process = multiprocessing.get_context("spawn").Process(target=load, args=(settings, source))
    process.start()
    peak = 0
    while process.is_alive():
        peak = max(peak, pss_of_tree(process.pid or 0))
        time.sleep(PAUSE_SECONDS)
    seconds = time.perf_counter() - started
    print(  # noqa: T201
        f"{name}: {file.stat().st_size / 1e6:.0f} MB, {seconds:.1f} s, highest PSS"
        f" {peak / 1e6:.0f} MB",
        flush=True,
    )


def pss_of_tree(pid: int) -> int:
    """Bytes of a process and all below it, shared ones divided among those who share them."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
        return sum(process.memory_full_info().pss for process in family)
    except psutil.Error:
        return 0


def load(settings: Settings, source: str) -> None:
    """Load the one file, again if it was loaded before, in this process."""
    contracts = load_contracts()
    found = discover(
        open_landing(settings.landing),
        contracts,
        now=datetime.now(UTC),
        settle_seconds=0,
        start_date=settings.start_date,
        scrub=NameMasker(settings.pii_key_bytes).scrub,
        sources={source},
    )
    [file] = found.files
    warehouse = Warehouse(settings)
    report = load_file(warehouse, contracts[source], file, run_id="bench", settings=settings)
    print(f"  {report.status}: {report.valid} of {report.total} rows", end=" ")  # noqa: T201


if __name__ == "__main__":
    main()
