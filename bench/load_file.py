"""Measure loading one file of orders beside a bare COPY of the same rows, in one run.

Prints seconds, the ratio and the peak memory of this process. The embedded server it starts is
its own and is removed at the end.
"""

from __future__ import annotations

import argparse
import io
import resource
import shutil
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
from pydantic import SecretStr

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.ingest.judge.mask import NameMasker
from fastfeast_assets.ingest.landing import open_landing
from fastfeast_assets.ingest.landing.discover import discover
from fastfeast_assets.settings import Settings
from fastfeast_assets.simulate import DirtRates, SimulationPlan, simulate_days
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets.warehouse.server import stop_server

DAY = date(2026, 11, 1)


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="orders in the file")
    parser.add_argument("--dirt", type=float, default=1.0, help="factor on the default dirt rates")
    arguments = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="ff-bench-"))
    settings = Settings(home=home, pii_key=SecretStr("b" * 32), settle_seconds=0)
    try:
        measure(settings, arguments.rows, arguments.dirt)
    finally:
        stop_server(settings)
        shutil.rmtree(home)


def measure(settings: Settings, rows: int, dirt: float) -> None:
    """Simulate the file, load it, copy its rows once more, print the figures."""
    simulate_days(
        SimulationPlan(
            out=settings.landing_directory,
            start=DAY,
            hours=(8,),
            orders_per_hour=rows,
            is_flat=True,
            dirt=DirtRates().scaled(dirt),
        )
    )
    contracts = load_contracts()
    warehouse = Warehouse(settings)
    warehouse.prepare(contracts)
    found = discover(
        open_landing(settings.landing),
        contracts,
        now=datetime.now(UTC),
        settle_seconds=0,
        start_date=settings.start_date,
        scrub=NameMasker(settings.pii_key_bytes).scrub,
        sources={"orders"},
    )
    [file] = found.files
    report = load_file(warehouse, contracts["orders"], file, run_id="bench", settings=settings)
    bare = seconds_of_bare_copy(warehouse)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    megabytes = report.bytes / 1e6
    print(  # noqa: T201
        f"{report.total} rows, {megabytes:.0f} MB: load {report.seconds:.1f} s, "
        f"bare COPY {bare:.1f} s, ratio {report.seconds / bare:.1f}, peak memory {peak:.0f} MB"
    )


def seconds_of_bare_copy(warehouse: Warehouse) -> float:
    """Seconds to COPY what raw holds into a table without indexes."""
    with warehouse.connect() as connection:
        buffer = io.BytesIO()
        with connection.cursor().copy("copy (select * from raw.orders) to stdout") as copy:
            for block in copy:
                buffer.write(block)
        connection.execute("create table raw.bare as select * from raw.orders limit 0")
        started = time.perf_counter()
        copy_in(connection, buffer)
        connection.commit()
        return time.perf_counter() - started


def copy_in(connection: psycopg.Connection, rows: io.BytesIO) -> None:
    """COPY the buffered rows into the bare table."""
    with connection.cursor().copy("copy raw.bare from stdin") as copy:
        copy.write(rows.getbuffer())


if __name__ == "__main__":
    main()
