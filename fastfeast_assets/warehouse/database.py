"""The warehouse as the rest of the platform sees it: connections, set-up, locks."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property

import psycopg
from psycopg.conninfo import conninfo_to_dict

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.locks import TRANSFORM_LOCK, TRANSFORM_WORK_LOCK
from fastfeast_assets.warehouse.migrate import migrate
from fastfeast_assets.warehouse.server import APPLICATION_NAME, warehouse_dsn


class Warehouse:
    """A PostgreSQL database that holds the layers raw to analytics, and `ops`.

    Cheap to construct; the server is started or connected to on first use.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._is_prepared = False

    @cached_property
    def dsn(self) -> str:
        """Connection URL; holds the password of the server, if it has one."""
        return warehouse_dsn(self.settings)

    def connect(self, *, autocommit: bool = False) -> psycopg.Connection:
        """Open a connection.

        Raises:
            psycopg.OperationalError: The server cannot be reached.
        """
        return psycopg.connect(
            self.dsn, autocommit=autocommit, application_name=APPLICATION_NAME, connect_timeout=10
        )

    def prepare(self, contracts: Mapping[str, Contract]) -> None:
        """Apply what the database lacks: migrations, raw tables, columns of marts, roles.

        Once a process; what a person should see first is refused, and nothing is changed.

        Raises:
            ServerError: The server is too old or the role lacks rights.
            MigrationError: Database and code do not fit; `fastfeast upgrade` tells more.
            ManifestMissingError: The dbt project has not been parsed.
        """
        with self._lock:
            if self._is_prepared:
                return
            with self.connect(autocommit=True) as connection:
                migrate(connection, contracts, project=self.settings.dbt_project_dir)
            self._is_prepared = True

    def dbt_environment(self, *, holder: int | None = None) -> dict[str, str]:
        """The variables that the dbt project reads.

        Args:
            holder: What `transform_lock` gave; without, the models look at no lock.
        """
        parts = conninfo_to_dict(self.dsn)
        return {
            "FASTFEAST_PG_HOST": str(parts.get("host") or "127.0.0.1"),
            "FASTFEAST_PG_PORT": str(parts.get("port") or 5432),
            "FASTFEAST_PG_USER": str(parts.get("user") or ""),
            "FASTFEAST_PG_PASSWORD": str(parts.get("password") or ""),
            "FASTFEAST_PG_DBNAME": str(parts.get("dbname") or ""),
            "FASTFEAST_TIMEZONE": self.settings.timezone,
            "FASTFEAST_ORPHAN_HOURS": str(self.settings.orphan_hours),
            "FASTFEAST_TRANSFORM_HOLDER": "" if holder is None else str(holder),
            # Which rows tests look at, where a check says it; a shell does not.
            "FASTFEAST_ROWS": "",
        }

    @contextmanager
    def transform_lock(self) -> Iterator[int]:
        """Hold the right to run dbt: one transform at a time, whatever started it.

        Gives the process id of the session that holds it, which each model of the transform looks
        for. Of a transform whose process was killed, the model that is being built is waited for.
        """
        with self.connect(autocommit=True) as connection:
            connection.execute("select pg_advisory_lock(%s)", [TRANSFORM_LOCK])
            connection.execute("select pg_advisory_lock(%s)", [TRANSFORM_WORK_LOCK])
            connection.execute("select pg_advisory_unlock(%s)", [TRANSFORM_WORK_LOCK])
            yield connection.info.backend_pid
