"""What `dagster.yaml` names: Dagster's storage, PostgreSQL beside the warehouse, and its launcher.

Belongs here: the classes that `dagster.yaml` refers to and everything that needs modules of
Dagster which are not public. They take their places from the settings, so that one
`dagster.yaml` without variables serves `dagster dev`, `fastfeast` and production.
"""

import os
from collections.abc import Collection
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from dagster import DagsterEvent, DagsterEventType, DagsterRun, DefaultRunLauncher
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresRunStorage
from dotenv import dotenv_values
from sqlalchemy import event

from fastfeast_assets.automation.dead_runs import PATIENCE_SECONDS, REASON, Watch
from fastfeast_assets.automation.proof import Proof, living
from fastfeast_assets.automation.storage_move import leave_public
from fastfeast_assets.settings import KEY_VARIABLES, Settings, SettingsError, load_settings
from fastfeast_assets.warehouse.connection import SESSION, late_settings
from fastfeast_assets.warehouse.server import dagster_storage_url

STATEMENT_TIMEOUT_MS = 60_000
CONNECTION_LIFE_SECONDS = 600
MAXIMUM_MORE_CONNECTIONS = 20

ENDS = {
    DagsterEventType.RUN_SUCCESS,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_CANCELED,
}

settings_in_force: ContextVar[Settings | None] = ContextVar("settings_in_force", default=None)
"""Explicit settings that take the place of the environment's while an instance is open."""


def _settings() -> Settings:
    if (in_force := settings_in_force.get()) is not None:
        return in_force
    undo_env_file()
    return load_settings()


def undo_env_file() -> None:
    """Put the environment above a `.env` in the working directory again.

    Dagster's programs do the opposite before they ask for their storage. The file that the settings
    read is below the environment, whether it is the same or not.

    Raises:
        SettingsError: That `.env` has another key than the environment.
    """
    given = psutil.Process().environ()
    for name, value in dotenv_values(Path.cwd() / ".env").items():
        mine = given.get(name)
        if not mine or mine == value or os.environ.get(name) != value:
            continue
        if name in KEY_VARIABLES:
            raise SettingsError(
                f"{name} in {Path.cwd() / '.env'} is another key than that of the"
                " environment: remove the wrong one, or start in another directory"
            )
        os.environ[name] = mine


def _begin_session(connection: Any, _record: Any) -> None:
    late = late_settings(connection.server_version)
    settings = {**SESSION, **late, "synchronous_commit": "off"}
    with connection, connection.cursor() as cursor:
        # Above all the zone, which the environment may have set (PGTZ): Dagster reads columns
        # without one as UTC, and goes by them how old a run is.
        cursor.execute(
            "select set_config(name, value, false) from unnest(%s, %s) as wanted (name, value)",
            [list(settings), list(settings.values())],
        )


class ProvedRunStorage(PostgresRunStorage):
    """Runs, each of which proves that it lives as long as it counts as being at work.

    The process of a run reports its start and its end itself, so that it is here that the proof
    is begun before the one and ended after the other.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._proofs: dict[str, Proof] = {}

    def handle_run_event(
        self, run_id: str, event: DagsterEvent, update_timestamp: datetime | None = None
    ) -> None:
        """Move the status of a run."""
        if event.event_type is DagsterEventType.RUN_START and run_id not in self._proofs:
            proof = Proof(self.postgres_url, run_id)
            proof.hold()
            self._proofs[run_id] = proof
        super().handle_run_event(run_id, event, update_timestamp)
        if event.event_type in ENDS:
            self._release(run_id)

    def living(self, run_ids: Collection[str]) -> set[str]:
        """Those of some runs that prove at this moment that they live."""
        with self.connect() as connection:
            return living(connection, run_ids)

    def dispose(self) -> None:
        """Let go of what is held."""
        for run_id in list(self._proofs):
            self._release(run_id)
        super().dispose()

    def _release(self, run_id: str) -> None:
        proof = self._proofs.pop(run_id, None)
        if proof is not None:
            proof.release()


class WarehouseStorage(DagsterPostgresStorage):
    """Runs, events and schedules in the database that the settings name.

    The embedded server is started and the database is made if need be.
    """

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No configuration: the settings say it all."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "WarehouseStorage":
        """Connect to the storage of the settings, and stay connected.

        Dagster by itself opens a connection and waits for the disk for each event it stores,
        which takes longer than storing it. A crash of the server may cost the last events of a
        run; what is in the warehouse does not rest on them.
        """
        # What Dagster's processes write below the home is nobody else's business.
        os.umask(0o077)
        url = dagster_storage_url(_settings())
        leave_public(url)
        storage = cls(postgres_url=url, inst_data=inst_data)
        storage._run_storage = ProvedRunStorage(url)
        parts: list[Any] = [
            storage.run_storage,
            storage.event_log_storage,
            storage.schedule_storage,
        ]
        for part in parts:
            part.optimize_for_webserver(
                statement_timeout=STATEMENT_TIMEOUT_MS,
                pool_recycle=CONNECTION_LIFE_SECONDS,
                max_overflow=MAXIMUM_MORE_CONNECTIONS,
            )
            event.listen(part._engine, "connect", _begin_session)
        return storage


class HomeArtifactStorage(LocalArtifactStorage):
    """Artifacts below `FASTFEAST_HOME/dagster`."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No configuration: the settings say it all."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "HomeArtifactStorage":
        """The storage of the settings' home."""
        return cls(base_dir=str(_settings().home / "dagster"), inst_data=inst_data)


class HomeComputeLogManager(LocalComputeLogManager):
    """What steps print, below `FASTFEAST_HOME/dagster/storage`."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No configuration: the settings say it all."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "HomeComputeLogManager":
        """The log manager of the settings' home."""
        return cls(base_dir=str(_settings().home / "dagster" / "storage"), inst_data=inst_data)


class ProvingRunLauncher(DefaultRunLauncher):
    """Dagster's launcher; its monitoring fails a run that does not prove that it lives."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._watch: Watch | None = None

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether Dagster's monitoring asks this launcher after runs."""
        if self._watch is None:
            self._watch = Watch.of(self._instance, PATIENCE_SECONDS)
        return self._watch is not None

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a started run lives."""
        if not self.supports_check_run_worker_health or self._watch is None:
            return CheckRunHealthResult(WorkerStatus.UNKNOWN)
        dead, _ = self._watch.look([run.run_id])
        if dead:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, REASON)
        return CheckRunHealthResult(WorkerStatus.RUNNING)
