"""A run proves that it lives: a session of its process holds a lock of the server.

The server itself takes the lock back the moment the process is gone, however it ended. Belongs
here: holding such a lock, and asking whose are held. What follows for a run is for `dead_runs`.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Collection

import psycopg
import sqlalchemy

from fastfeast_assets.warehouse.connection import ServerError, connect
from fastfeast_assets.warehouse.locks import RUN_LOCK
from fastfeast_assets.warehouse.server import DAGSTER_SCHEMA

APPLICATION_NAME = "fastfeast run"
HOLD_SECONDS = 60.0
RETRY_SECONDS = 0.2
# A machine that lost its power sends no farewell: either side asks after it.
SESSION = (
    "set tcp_keepalives_idle = 10",
    "set tcp_keepalives_interval = 5",
    "set tcp_keepalives_count = 3",
)
LIVING = """
select run_id from unnest(cast(:run_ids as text[])) as run_id
where exists (
    select from pg_locks
    where locktype = 'advisory' and objsubid = 2 and granted
        and database = (select oid from pg_database where datname = current_database())
        and classid = :lock and objid::bigint = hashtext(run_id)::bigint & 4294967295
)
"""


class Proof:
    """The proof of one run, kept by a thread of its process until it is released.

    The thread takes the lock again when the connection is lost: a restart of the server ends what
    a run was doing there, but not by itself the run.

    Args:
        url: Of Dagster's storage.
        run_id: Of the run.
    """

    def __init__(self, url: str, run_id: str) -> None:
        self._url = url
        self._run_id = run_id
        self._end, self._over = socket.socketpair()
        self._is_held = threading.Event()
        self._trouble: Exception | None = None
        self._thread = threading.Thread(target=self._keep, name=f"proof {run_id}", daemon=True)

    def hold(self) -> None:
        """Begin; returns when the lock is held.

        Raises:
            psycopg.OperationalError: The server cannot be reached for a minute.
        """
        self._thread.start()
        if not self._is_held.wait(HOLD_SECONDS):
            self.release()
            raise psycopg.OperationalError(
                f"run {self._run_id} cannot prove that it lives"
            ) from self._trouble

    def release(self) -> None:
        """End; returns when the server has the lock back or does not answer."""
        self._end.close()
        self._thread.join(HOLD_SECONDS)

    def _keep(self) -> None:
        with self._over, selectors.DefaultSelector() as over:
            over.register(self._over, selectors.EVENT_READ)
            wait = 0.0
            while not over.select(wait):
                try:
                    self._hold_once()
                except (psycopg.Error, ServerError) as error:
                    self._trouble = error
                wait = RETRY_SECONDS

    def _hold_once(self) -> None:
        """Hold the lock until the end or until the connection is lost."""
        with connect(
            self._url,
            path=DAGSTER_SCHEMA,
            autocommit=True,
            application_name=APPLICATION_NAME,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=25_000,
        ) as connection:
            for statement in SESSION:
                connection.execute(statement)
            # Shared, so that a session that the server still takes for alive is not waited for.
            connection.execute(
                "select pg_advisory_lock_shared(%s, hashtext(%s))", [RUN_LOCK, self._run_id]
            )
            self._is_held.set()
            with selectors.DefaultSelector() as either:
                either.register(self._over, selectors.EVENT_READ)
                either.register(connection.fileno(), selectors.EVENT_READ)
                while not any(key.fileobj is self._over for key, _ in either.select()):
                    connection.pgconn.consume_input()
            # The server ends a session some time after it was closed; this it has done at once.
            connection.execute(
                "select pg_advisory_unlock_shared(%s, hashtext(%s))", [RUN_LOCK, self._run_id]
            )


def living(connection: sqlalchemy.Connection, run_ids: Collection[str]) -> set[str]:
    """Those of some runs that prove at this moment that they live.

    Args:
        connection: To Dagster's storage.
        run_ids: Of the runs.
    """
    values = {"run_ids": list(run_ids), "lock": RUN_LOCK}
    return set(connection.scalars(sqlalchemy.text(LIVING), values))
