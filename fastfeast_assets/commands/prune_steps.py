"""The work of `fastfeast prune`, one method a kind of thing; counts in, a line each out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from fastfeast_assets.warehouse import retention_months as of_months
from fastfeast_assets.warehouse import retention_ops as of_ops
from fastfeast_assets.warehouse import retention_snapshots as of_snapshots

if TYPE_CHECKING:
    import psycopg

    from fastfeast_assets.contracts.model import Contract
    from fastfeast_assets.settings import Settings
    from fastfeast_assets.warehouse import Warehouse


@dataclass(frozen=True)
class Line:
    """What was found of one kind.

    Attributes:
        count: What is past its time and may go.
        done: How much of it was taken out.
        is_busy: Whether something was left because it is in use.
    """

    what: str
    unit: str
    count: int
    done: int = 0
    note: str = ""
    is_busy: bool = False

    def as_json(self) -> dict[str, object]:
        """The line for programs."""
        return asdict(self)


class Pruner:
    """Counts what is old, and takes it out unless it is a dry run."""

    def __init__(
        self,
        settings: Settings,
        warehouse: Warehouse,
        contracts: Mapping[str, Contract],
        *,
        is_dry_run: bool,
    ) -> None:
        self._settings = settings
        self._warehouse = warehouse
        self._contracts = contracts
        self._is_dry_run = is_dry_run

    def run(self, what: str, before: datetime) -> list[Line]:
        """Prune one kind of thing.

        Args:
            what: `raw`, `quarantine`, `log`, `dagster` or `landing`.
            before: What is older than this moment, on the business clock, is old.
        """
        steps: dict[str, Callable[[psycopg.Connection, datetime], Iterator[Line]]] = {
            "raw": self._raw,
            "quarantine": self._quarantine,
            "log": self._log,
            "dagster": self._dagster,
            "landing": self._landing,
        }
        with self._warehouse.connect(autocommit=True) as connection:
            return list(steps[what](connection, before))

    def _raw(self, connection: psycopg.Connection, before: datetime) -> Iterator[Line]:
        for contract in self._contracts.values():
            if contract.cadence == "stream":
                for month in of_months.old_months(connection, contract, before.date()):
                    yield self._month(connection, contract, month)
            else:
                yield from self._snapshots(connection, contract, before.date())

    def _month(
        self, connection: psycopg.Connection, contract: Contract, found: of_months.MonthCount
    ) -> Line:
        import psycopg

        name = found.month.name
        if found.is_unseen:
            return Line(name, "rows", 0, note="kept: the marts have not seen all of it")
        note = (
            f"{found.held} rows stay: waiting orphans, keys of later months" if found.held else ""
        )
        if self._is_dry_run or not found.rows:
            return Line(name, "rows", found.rows, note=note)
        try:
            # A transform that is at work has read what raw holds.
            with self._warehouse.transform_lock():
                done = of_months.prune_month(connection, contract, found.month)
        except psycopg.errors.LockNotAvailable:
            return Line(name, "rows", found.rows, note="in use", is_busy=True)
        return Line(name, "rows", found.rows, 0 if done.is_unseen else done.rows, note)

    def _snapshots(
        self, connection: psycopg.Connection, contract: Contract, before: date
    ) -> Iterator[Line]:
        loads = of_snapshots.old_loads(connection, contract, before)
        if not loads:
            return
        act = of_snapshots.count_repeated if self._is_dry_run else of_snapshots.prune_repeated
        rows = sum(act(connection, contract, log_id) for log_id in loads)
        done = 0 if self._is_dry_run else rows
        yield Line(f"raw.{contract.source}", "repeated rows", rows, done)

    def _quarantine(self, connection: psycopg.Connection, before: datetime) -> Iterator[Line]:
        act = of_ops.count_settled if self._is_dry_run else of_ops.prune_settled
        rows = act(connection, self._contracts, before)
        yield Line("quarantine", "settled rows", rows, 0 if self._is_dry_run else rows)

    def _log(self, connection: psycopg.Connection, before: datetime) -> Iterator[Line]:
        act = of_ops.count_superseded if self._is_dry_run else of_ops.prune_superseded
        rows = act(connection, before)
        yield Line("pipeline_file_log", "attempts", rows, 0 if self._is_dry_run else rows)

    def _dagster(self, connection: psycopg.Connection, before: datetime) -> Iterator[Line]:
        from fastfeast_assets.automation.instance import open_instance
        from fastfeast_assets.automation.old_runs import old_runs, prune_runs
        from fastfeast_assets.build import build_definitions

        definitions = build_definitions(blueprint=self._settings, contracts=self._contracts)
        checks = definitions.resolve_asset_graph().asset_check_keys
        with open_instance(self._settings) as instance:
            runs = old_runs(instance, checks, before)
            if not self._is_dry_run:
                prune_runs(instance, connection, runs)
        yield Line("dagster", "runs", len(runs), 0 if self._is_dry_run else len(runs))

    def _landing(self, connection: psycopg.Connection, before: datetime) -> Iterator[Line]:
        from fastfeast_assets.assets.resources import Platform
        from fastfeast_assets.ingest.errors import FileRejectedError
        from fastfeast_assets.warehouse import retention_landing as of_landing

        platform = Platform(self._settings, contracts=self._contracts)
        found = of_landing.old_files(connection, platform.look().files, before)
        going = [old for old in found if not old.reason]
        size = sum(old.file.size for old in going)
        done, problem = 0, ""
        for old in () if self._is_dry_run else going:
            try:
                reason = of_landing.prune(self._warehouse, old)
            except FileRejectedError as error:
                problem = f"{old.file.relative_path} {error}"
                break
            done += not reason
        note = problem or f"{size:,} bytes"
        yield Line("landing", "files", len(going), done, note, is_busy=bool(problem))
        for reason, count in of_landing.reasons(found):
            yield Line("landing, kept", "files", 0, 0, f"{count}: {reason}")
