"""The tests of the dbt project over many rows, apart from any load: a slice of them, or all.

Loads and transforms go on meanwhile. A test that fails is run again while no transform is at work,
because one in the middle of its work makes marts disagree that will agree in a moment.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import psycopg

from fastfeast_assets.assets.dbt_cli import dbt_command, environment
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.warehouse.failed_rows import (
    SLICES,
    FailedTest,
    failed_tests,
    forget_tests,
    mark_checked,
    oldest_slice,
)
from fastfeast_assets.warehouse.locks import CHECK_LOCK

ALL = "all"
TEST = [
    *("test", "--exclude-resource-type", "unit_test"),
    *("--no-write-json", "--no-version-check", "--log-level-file", "info"),
]
ProgressListener = Callable[[str, int, int], None]


class RowChecksError(Exception):
    """The tests could not be run at all."""


@dataclass
class RowChecks:
    """What a check of rows found.

    Attributes:
        slice: Whose rows were looked at, 1 to 30; None for all.
        ran: The names of the tests.
        failed: Tests that did not pass, and others that have not passed since they failed.
        not_run: The names of tests that broke off: what they would have said is not known.
    """

    slice: int | None
    ran: set[str] = field(default_factory=set)
    failed: list[FailedTest] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether nothing is known to be wrong, warnings apart."""
        return not self.not_run and not any(test.is_error for test in self.failed)


def check_rows(
    platform: Platform,
    *,
    slice_: int | None = None,
    is_all: bool = False,
    on_progress: ProgressListener = lambda text, done, total: None,
) -> RowChecks:
    """Run the tests over a slice of all rows, and over what failed before.

    Args:
        platform: Its warehouse must hold marts.
        slice_: Which, 1 to 30; by default the one that was looked at longest ago.
        is_all: All rows instead, the views of `analytics` included.
        on_progress: Called with what goes on, and how many tests of how many are done.

    Raises:
        IdentityError: The settings do not belong to the warehouse.
        RowChecksError: The tests could not be run.
    """
    platform.ensure_identity()
    with closing(platform.warehouse.connect(autocommit=True)) as connection:
        if connection.execute("select to_regclass('marts.fact_order')").fetchone() == (None,):
            raise RowChecksError("the marts are not built yet")
        _alone(connection, on_progress)
        chosen = None if is_all else slice_ or oldest_slice(connection)
        found = RowChecks(chosen)
        work = _Work(platform, on_progress)
        rows = ALL if chosen is None else str(chosen)
        title = "all rows" if chosen is None else f"slice {chosen} of {SLICES}"
        states = work.run(rows, title)
        whole: dict[str, str] = {}
        if chosen is not None:
            names = [test.test for test in failed_tests(connection) if test.needs_all]
            whole = work.run(ALL, "what only all rows can tell", names) if names else {}
        forget_tests(connection, states | whole)
        states = work.again(rows, states) | work.again(ALL, whole)
        found.ran = set(states)
        found.not_run = sorted(name for name, state in states.items() if state == "error")
        if not found.not_run:
            mark_checked(connection, [chosen] if chosen is not None else range(1, SLICES + 1))
        found.failed = failed_tests(connection)
    return found


def _alone(connection: psycopg.Connection, on_progress: ProgressListener) -> None:
    """One check at a time, until the connection is closed."""
    row = connection.execute("select pg_try_advisory_lock(%s)", [CHECK_LOCK]).fetchone()
    if row != (True,):
        on_progress("once another check has ended", 0, 0)
        connection.execute("select pg_advisory_lock(%s)", [CHECK_LOCK])


class _Work:
    """The dbt runs of one check."""

    def __init__(self, platform: Platform, on_progress: ProgressListener) -> None:
        self._platform = platform
        self._tell = on_progress

    def run(
        self, rows: str, title: str, names: Sequence[str] = (), *, holder: int | None = None
    ) -> dict[str, str]:
        """Run tests; gives the state of each: pass, warn, fail or error."""
        self._tell(title, 0, 0)
        settings = self._platform.settings
        variables = self._platform.warehouse.dbt_environment(holder=holder)
        arguments = [*TEST, *(["--select", *names] if names else [])]
        # All rows bring more tests along, for which the project is parsed once more.
        target = settings.home / ("dbt-check-all" if rows == ALL else "dbt-check")
        if rows == ALL:
            arguments += ["--vars", "rows: all"]
        else:
            variables["FASTFEAST_ROWS"] = rows
        with environment(variables):
            invocation = dbt_command(settings.dbt_project_dir).cli(
                arguments, target_path=target, raise_on_error=False
            )
        states: dict[str, str] = {}
        total = 0
        for event in invocation.stream_raw_events():
            if event.raw_event["info"]["name"] == "LogTestResult":
                data = event.raw_event["data"]
                states[data["name"]] = data["status"]
                total = data["num_models"]
                self._tell(title, len(states), total)
        # Of tests that are remembered there may be none any more.
        if len(states) < total or not (states or names):
            raise RowChecksError("dbt could not run the tests, or broke off")
        return states

    def again(self, rows: str, states: dict[str, str]) -> dict[str, str]:
        """The states, those of tests that failed from while no transform is at work."""
        names = [name for name, state in states.items() if state in ("fail", "error")]
        if not names:
            return states
        title = f"{len(names)} that failed, once more between transforms"
        self._tell(title, 0, 0)
        with self._platform.warehouse.transform_lock() as holder:
            return states | self.run(rows, title, names, holder=holder)
