"""Measure a transform of 500 new orders on a large history beside one that has nothing to do.

Prints seconds, the ratio, the open orphans, and the large tables that were read from end to end.
The embedded server it starts is its own and is removed at the end.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import SecretStr

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.ingest.judge.mask import NameMasker
from fastfeast_assets.ingest.landing import open_landing
from fastfeast_assets.ingest.landing.discover import discover
from fastfeast_assets.settings import Settings
from fastfeast_assets.simulate import DirtRates, SimulationPlan, simulate_days
from fastfeast_assets.warehouse import Warehouse, ledger
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets.warehouse.server import stop_server

DAY = date(2026, 11, 1)
NEW_ORDERS = 500
SCANS = """
    select schemaname || '.' || relname, seq_scan from pg_stat_user_tables
    where schemaname in ('raw', 'marts', 'ops') and n_live_tup > 20000
"""


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="orders of the history")
    parser.add_argument("--dirt", type=float, default=1.0, help="factor on the default dirt rates")
    parser.add_argument("--late", type=float, default=0.01, help="orders of unlisted members")
    arguments = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="ff-bench-"))
    settings = Settings(home=home, pii_key=SecretStr("b" * 32), settle_seconds=0)
    try:
        measure(settings, Warehouse(settings), arguments)
    finally:
        stop_server(settings)
        shutil.rmtree(home)


def measure(settings: Settings, warehouse: Warehouse, arguments: argparse.Namespace) -> None:
    """Make the history, transform nothing, transform the new orders, print the figures."""
    drop(settings, warehouse, hour=8, orders=arguments.rows, arguments=arguments)
    first = transform(settings, warehouse)
    with warehouse.connect(autocommit=True) as connection:
        connection.execute("vacuum analyze")
        waiting = connection.execute(
            "select count(*) from ops.quarantine where rejection_stage = 'orphan'"
            " and status = 'open'"
        ).fetchone()
    transform(settings, warehouse)
    idle = transform(settings, warehouse)
    drop(settings, warehouse, hour=9, orders=NEW_ORDERS, arguments=arguments)
    before = scans(warehouse)
    busy = transform(settings, warehouse)
    read = [name for name, count in scans(warehouse).items() if count > before.get(name, count)]
    compared = dbt(settings, warehouse, "test", "--select", "fact_ticket_agrees_with_events")
    print(  # noqa: T201
        f"{arguments.rows} orders in {first:.1f} s, {waiting[0] if waiting else 0} orphans wait; "
        f"{NEW_ORDERS} more: {busy:.1f} s, nothing: {idle:.1f} s, ratio {busy / idle:.2f}; "
        f"read from end to end: {', '.join(read) or 'none'}; "
        f"all tickets compared with their events: {compared:.1f} s"
    )


def drop(
    settings: Settings,
    warehouse: Warehouse,
    *,
    hour: int,
    orders: int,
    arguments: argparse.Namespace,
) -> None:
    """Simulate an hour and load its files."""
    plan = SimulationPlan(
        out=settings.landing_directory,
        start=DAY,
        hours=(hour,),
        orders_per_hour=orders,
        is_flat=True,
        late_rate=arguments.late,
        dirt=DirtRates().scaled(arguments.dirt),
    )
    simulate_days(plan)
    contracts = load_contracts()
    warehouse.prepare(contracts)
    found = discover(
        open_landing(settings.landing),
        contracts,
        now=datetime.now(UTC),
        settle_seconds=0,
        start_date=settings.start_date,
        scrub=NameMasker(settings.pii_key_bytes).scrub,
    )
    with warehouse.connect() as connection:
        files = ledger.pending(connection, found.files, retry_failed=False)
    for file in files:
        load_file(warehouse, contracts[file.source], file, run_id="bench", settings=settings)


def transform(settings: Settings, warehouse: Warehouse) -> float:
    """Run the models, as a transform does; seconds."""
    return dbt(settings, warehouse, "run")


def dbt(settings: Settings, warehouse: Warehouse, *arguments: str) -> float:
    """Run a dbt command; seconds."""
    project = str(settings.dbt_project_dir)
    target = str(settings.home / "dbt")
    command = [str(Path(sys.executable).parent / "dbt"), "--quiet", *arguments]
    options = ["--project-dir", project, "--profiles-dir", project]
    options += ["--target-path", target, "--log-path", target]
    started = time.perf_counter()
    subprocess.run([*command, *options], env=warehouse.dbt_environment(), check=True)  # noqa: S603
    return time.perf_counter() - started


def scans(warehouse: Warehouse) -> dict[str, int]:
    """Sequential scans of each large table up to now."""
    with warehouse.connect() as connection:
        connection.execute("select pg_stat_clear_snapshot()")
        return dict(connection.execute(SCANS).fetchall())


if __name__ == "__main__":
    main()
