"""The generator of FastFeast days: landing files as the operational system would export them.

Here: everything needed to write a landing zone from nothing, by seed. It knows the layout and the
known damage of the exports, but nothing of contracts, databases or Dagster; what becomes of the
files is the business of `ingest` and `warehouse`.

    plan = SimulationPlan(out=Path("landing"), start=date(2026, 11, 20))
    report = simulate_days(plan)
"""

from fastfeast_assets.simulate.dirt import DirtKind, DirtRates
from fastfeast_assets.simulate.plan import PlanError, SimulationPlan, parse_hours
from fastfeast_assets.simulate.report import FileReport, Progress, SimulationReport
from fastfeast_assets.simulate.simulator import simulate_days

__all__ = [
    "DirtKind",
    "DirtRates",
    "FileReport",
    "PlanError",
    "Progress",
    "SimulationPlan",
    "SimulationReport",
    "parse_hours",
    "simulate_days",
]
