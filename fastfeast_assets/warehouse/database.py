"""The warehouse as the rest of the platform sees it: connections, set-up, locks."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import mkstemp

import psycopg

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.connection import (
    APPLICATION_NAME,
    SENT_FROM_ENVIRONMENT,
    ServerError,
    connect,
    driver_settings,
    is_same_database,
    session_options,
)
from fastfeast_assets.warehouse.locks import TRANSFORM_LOCK, TRANSFORM_WORK_LOCK
from fastfeast_assets.warehouse.migrate import migrate
from fastfeast_assets.warehouse.preflight import ensure_fit
from fastfeast_assets.warehouse.server import warehouse_dsn


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
        """Open a connection, as `connection.connect` does."""
        return connect(self.dsn, autocommit=autocommit)

    def prepare(self, contracts: Mapping[str, Contract]) -> None:
        """Apply what the database lacks: migrations, raw tables, columns of marts, roles.

        Once a process; what a person should see first is refused, and nothing is changed.

        Raises:
            ServerError: The server is too old, or something there is in our way.
            MigrationError: Database and code do not fit; `fastfeast upgrade` tells more.
            ManifestMissingError: The dbt project has not been parsed.
        """
        with self._lock:
            if self._is_prepared:
                return
            with self.connect(autocommit=True) as connection:
                ensure_fit(connection)
                migrate(
                    connection,
                    contracts,
                    project=self.settings.dbt_project_dir,
                    target=self.settings.dbt_target_dir,
                )
            self._is_prepared = True

    def dbt_environment(self, *, holder: int | None = None) -> dict[str, str]:
        """The variables that the dbt project and its driver read.

        dbt gets to the very server that we are connected to, with the same session, as the login
        that is meant for it. What it does not tell the driver itself goes into a service file of
        libpq, in the home.

        Args:
            holder: What `transform_lock` gave; without, the models look at no lock.

        Raises:
            ServerError: A parameter of the URL cannot be handed on, or that of dbt leads elsewhere.
        """
        with self.connect_for_dbt() as connection:
            login, rest = driver_settings(connection)
            options = session_options(connection)
        return {
            **{f"FASTFEAST_PG_{name.upper()}": value for name, value in login.items()},
            "PGSERVICE": APPLICATION_NAME,
            "PGSERVICEFILE": str(self._write_service(rest)),
            "PGOPTIONS": options,
            **SENT_FROM_ENVIRONMENT,
            "FASTFEAST_TIMEZONE": self.settings.timezone,
            "FASTFEAST_ORPHAN_HOURS": str(self.settings.orphan_hours),
            "FASTFEAST_TRANSFORM_HOLDER": "" if holder is None else str(holder),
            # Which rows tests look at, where a check says it; a shell does not.
            "FASTFEAST_ROWS": "",
        }

    def connect_for_dbt(self) -> psycopg.Connection:
        """Open a connection as dbt's login, not in a transaction.

        Raises:
            ServerError: It is one of another database than the warehouse.
        """
        url = self.settings.transform_url
        if url is None:
            return self.connect(autocommit=True)
        connection = connect(url.get_secret_value(), autocommit=True)
        with self.connect(autocommit=True) as own:
            if not is_same_database(own, connection):
                connection.close()
                raise ServerError(
                    "FASTFEAST_TRANSFORM_URL is that of another database than the warehouse: raw"
                    " would be loaded into one and marts built in the other"
                )
        return connection

    def _write_service(self, parameters: Mapping[str, str]) -> Path:
        """A service file that says this, for the user of this process only."""
        path = self.settings.home / "dbt" / "pg_service.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"[{APPLICATION_NAME}]", *(f"{name}={it}" for name, it in parameters.items())]
        descriptor, aside = mkstemp(dir=path.parent, prefix=path.name)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join([*lines, ""]))
        Path(aside).replace(path)
        return path

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
