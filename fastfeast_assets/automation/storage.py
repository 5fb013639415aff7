"""Dagster's own storage, named by `dagster.yaml`: PostgreSQL beside the warehouse.

Belongs here: the classes that `dagster.yaml` refers to and everything that needs modules of
Dagster which are not public. They take their places from the settings, so that one
`dagster.yaml` without variables serves `dagster dev`, `fastfeast` and production.
"""

from contextvars import ContextVar
from typing import Any

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from sqlalchemy import event

from fastfeast_assets.settings import Settings, load_settings
from fastfeast_assets.warehouse.server import dagster_storage_url, url_of

STATEMENT_TIMEOUT_MS = 60_000
CONNECTION_LIFE_SECONDS = 600
MAXIMUM_MORE_CONNECTIONS = 20

settings_in_force: ContextVar[Settings | None] = ContextVar("settings_in_force", default=None)
"""Explicit settings that take the place of the environment's while an instance is open."""


def _settings() -> Settings:
    return settings_in_force.get() or load_settings()


def _commit_without_waiting(connection: Any, _record: Any) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute("set synchronous_commit = off")


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
        storage = cls(postgres_url=url_of(dagster_storage_url(_settings())), inst_data=inst_data)
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
            event.listen(part._engine, "connect", _commit_without_waiting)
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
