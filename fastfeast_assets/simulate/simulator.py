"""Writing whole days: master, snapshots and streams, in the order they would land."""

from __future__ import annotations

from collections.abc import Callable

from fastfeast_assets.simulate.demand import orders_in_hour
from fastfeast_assets.simulate.hour import write_hour
from fastfeast_assets.simulate.members import company_on
from fastfeast_assets.simulate.plan import SimulationPlan
from fastfeast_assets.simulate.report import FileReport, Progress, SimulationReport
from fastfeast_assets.simulate.snapshot import write_batch, write_master


def simulate_days(
    plan: SimulationPlan, on_progress: Callable[[Progress], None] | None = None
) -> SimulationReport:
    """Writes the days of a plan into its landing zone.

    The same plan writes the same bytes, and a file does not depend on which other hours or days
    are written with it. Files in place are replaced, each by one rename.

    Args:
        plan: What to write, and where.
        on_progress: Called after each step, and within an hour after each chunk of orders.

    Returns:
        What was written, file by file.

    Raises:
        OSError: If a file cannot be written; nothing half written is left behind.
    """
    total = sum(orders_in_hour(plan, day, hour) for day in plan.dates for hour in plan.hours)
    done = 0

    def tell(description: str, orders: int = 0) -> None:
        nonlocal done
        done += orders
        if on_progress:
            on_progress(Progress(description, done, total))

    files: list[FileReport] = write_master(plan)
    tell("master")
    for day in plan.dates:
        company = company_on(plan, day)
        files += write_batch(plan, company)
        tell(f"{day} snapshot")
        for hour in plan.hours:

            def told(orders: int, label: str = f"{day} {hour:02d}:00") -> None:
                tell(label, orders)

            files += write_hour(plan, company, hour, told)
    return SimulationReport(plan.out, tuple(files))
