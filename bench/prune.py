"""Measure taking a month of orders out of raw beside deleting the rows of another one like it.

Some orders of the month come again in a later one, so that their rows are held. Prints seconds,
the ratio, and how long a transaction that reads the table had to wait meanwhile. The embedded
server it starts is its own and is removed at the end.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
import time
from datetime import date
from pathlib import Path

from pydantic import SecretStr

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.months import Month, ensure_month
from fastfeast_assets.warehouse.retention_months import prune_month
from fastfeast_assets.warehouse.server import stop_server

PRUNED, DELETED, LATER = date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)
HELD_SHARE = 100
FILES = """
insert into ops.pipeline_file_log (file_path, file_name, file_type, source, source_table, status,
    total_records, valid_records, partition_at, bytes, fingerprint, landed_at, is_latest, is_loaded)
select 'f' || n, 'f', 'stream', 'orders', 'fact_order', 'success', 0, 0, now(), 0, '', now(), true,
    true
from generate_series(1, 3) as n
"""
SEEN = "insert into ops.consumed_load select 'transform', log_id from ops.pipeline_file_log"
ROWS = """
insert into raw.orders (order_id, customer_id, restaurant_id, driver_id, region_id, order_amount,
    delivery_fee, discount_amount, total_amount, order_status, payment_method, order_created_at,
    _partition_at, _source_file, _file_hash, _row_number, _run_id, _load_id)
select md5(%(seed)s || n)::uuid::text, 1, 1, 1, 1, 10, 1, 0, 11, 'Pending', 'cash', %(month)s,
    %(month)s::timestamp + n %% 28 * interval '1 day', 'f' || %(load)s, '', n, '', %(load)s
from generate_series(1, %(rows)s, %(step)s) as n
"""


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="orders of a month")
    arguments = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="ff-bench-"))
    settings = Settings(home=home, pii_key=SecretStr("b" * 32), settle_seconds=0)
    try:
        measure(Warehouse(settings), arguments.rows)
    finally:
        stop_server(settings)
        shutil.rmtree(home)


def measure(warehouse: Warehouse, rows: int) -> None:
    """Fill three months, take one out, delete another, print the figures."""
    contracts = load_contracts()
    warehouse.prepare(contracts)
    fill(warehouse, rows)
    waits: list[float] = []
    over = threading.Event()
    reader = threading.Thread(target=read_on, args=(warehouse, over, waits))
    reader.start()
    with warehouse.connect(autocommit=True) as connection:
        started = time.perf_counter()
        found = prune_month(connection, contracts["orders"], Month("orders", PRUNED))
        pruned = time.perf_counter() - started
        over.set()
        reader.join()
        started = time.perf_counter()
        connection.execute("delete from raw.orders where _load_id = 2")
        connection.execute("vacuum raw.orders")
        deleted = time.perf_counter() - started
    print(  # noqa: T201
        f"{found.rows} rows out of raw, {found.held} held: {pruned:.1f} s; deleting and vacuuming "
        f"as many: {deleted:.1f} s, ratio {pruned / deleted:.2f}; "
        f"a reader waited {max(waits):.2f} s"
    )


def fill(warehouse: Warehouse, rows: int) -> None:
    """Two months of as many orders, and a later one that holds some of the first again."""
    with warehouse.connect(autocommit=True) as connection:
        connection.execute(FILES)
        connection.execute(SEEN)
        for load, month, seed, step in (
            (1, PRUNED, "a", 1),
            (2, DELETED, "b", 1),
            (3, LATER, "a", HELD_SHARE),
        ):
            ensure_month(connection, "orders", month)
            values = {"seed": seed, "month": month, "load": load, "rows": rows, "step": step}
            connection.execute(ROWS, values)
        connection.execute("vacuum analyze")


def read_on(warehouse: Warehouse, over: threading.Event, waits: list[float]) -> None:
    """Look one order up again and again; seconds of each."""
    with warehouse.connect(autocommit=True) as connection:
        while not over.is_set():
            started = time.perf_counter()
            connection.execute("select from raw.orders where order_id = 'none'")
            waits.append(time.perf_counter() - started)


if __name__ == "__main__":
    main()
