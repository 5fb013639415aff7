"""How this package came here: as a checkout, or as a wheel that brings the project's files along.

Belongs here: where these files are and how they are put right. `deploy/package/bundle.py` puts them
into the wheel.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE_ROOT = Path(__file__).resolve().parent
BUNDLE = PACKAGE_ROOT / "project"
"""In a wheel: `dagster.yaml`, `workspace.yaml`, `dbt_project` and the lock. No checkout has it."""

IS_WHEEL = BUNDLE.is_dir()
PROJECT_ROOT = BUNDLE if IS_WHEEL else PACKAGE_ROOT.parent

# Of a wheel, what it needs to run; in a checkout also what develops it.
LOCK = PROJECT_ROOT / "requirements" / ("runtime.txt" if IS_WHEEL else "lock.txt")

SET_UP = f"run `pip install --no-deps -r {LOCK}`" if IS_WHEEL else "run `make setup`"
"""What installs the packages as pinned."""
