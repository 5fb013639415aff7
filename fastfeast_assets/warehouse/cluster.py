"""The embedded PostgreSQL of a home: making its cluster, starting and stopping its server.

Whatever was killed before, whenever, the next start works: no step leaves half a cluster, and what
a killed server left is put away first. Which server is used at all is for `server`.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psutil

from fastfeast_assets.home import unsuitable
from fastfeast_assets.warehouse.server_user import ServerUser, place_data, programs, server_user

PROGRAM = "postgres"
# A start or a stop may take long on a machine that is busy, and after a crash.
PATIENCE_SECONDS = 300
END_SECONDS = 10.0
POLL_SECONDS = 0.1
# What a server says that finds processes of the one before it.
IN_USE = "is still in use"
FATAL = "FATAL"
PORT = 5432
# The same locale wherever it is made; who is let in is said by `_identify`.
INITDB = (
    *("--username=postgres", "--encoding=UTF8", "--locale=C"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    *("--auth-local=peer", "--auth-host=reject"),
)
# How often a server is started that ends without a reason.
LAUNCHES = 3


class UnsuitableHomeError(Exception):
    """No server can be kept in this home; the text says why and what to do."""


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
            UnsuitableHomeError: The home is none that a server can have; nothing was changed.
            Exception: The server does not start; its log says why.
        """
        self._ensure_suitable()
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._alone():
            user = server_user(self.directory)
            place_data(self._home, self.directory, user)
            self._make(user)
            self._identify(user)
            launches = 0
            while (address := self._address()) is None:
                if time.monotonic() > deadline:
                    raise TimeoutError
                if self.running_pid() is None:
                    launches += 1
                    self._launch(user, deadline, is_last=launches >= LAUNCHES)
                else:
                    time.sleep(POLL_SECONDS)
        host, port = address
        return f"postgresql://postgres:@/postgres?host={quote(host)}&port={port}"

    def stop(self) -> bool:
        """Stop the server; gives whether it ran. It may still run when it does not obey."""
        if self.running_pid() is None:
            return False
        with self._alone():
            try:
                self._pg_ctl(server_user(self.directory), "-m", "fast", "stop")
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

    def _address(self) -> tuple[str, str] | None:
        """The directory of the server's socket and its port, once it accepts connections."""
        if self.running_pid() is None:
            return None
        try:
            lines = self._pid_file()
            is_ready = lines[7].strip() == "ready"
        except (OSError, IndexError):
            return None
        return (lines[4].strip(), lines[3].strip()) if is_ready else None

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

    def _ensure_suitable(self) -> None:
        """Look at the home before anything is made.

        Raises:
            UnsuitableHomeError: Its path is too long for a socket or holds signs that cannot be
                there, or it is everybody's.
        """
        if (trouble := unsuitable(self._home)) is not None:
            raise UnsuitableHomeError(trouble)

    def _make(self, user: ServerUser) -> None:
        """Make the cluster unless there is one: aside, so that it is there whole or not at all.

        Raises:
            UnsuitableHomeError: Something that is no cluster lies in its place.
        """
        place = self.directory.resolve()
        if (place / "PG_VERSION").exists():
            return
        # What cannot be moved there as a whole is made in its place, with a note as long.
        is_fixed = place.is_mount() or self.directory.is_symlink()
        note = self._home / "pg.making"
        for leftover in place.parent.glob(f"{place.name}.new-*"):
            if leftover.name.removeprefix(f"{place.name}.new-").isdecimal():
                shutil.rmtree(leftover, ignore_errors=True)
        if place.exists() and any(place.iterdir()):
            if not (is_fixed and note.exists()):
                raise UnsuitableHomeError(
                    f"{place} is not empty and holds no PostgreSQL cluster: move it away, or see"
                    " docs/runbooks/embedded-server-does-not-start.md if it was one; nothing was"
                    " changed"
                )
            for leftover in place.iterdir():
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        aside = place if is_fixed else place.with_name(f"{place.name}.new-{os.getpid()}")
        if is_fixed:
            note.touch()
        aside.mkdir(mode=0o700, exist_ok=True)
        user.own(aside)
        initdb = os.fspath(programs(user) / "initdb")
        user.run([initdb, *INITDB, "-D", os.fspath(aside)], directory=aside)
        if not is_fixed:
            aside.rename(place)
        note.unlink(missing_ok=True)

    def _identify(self, user: ServerUser) -> None:
        """Let in the server's user and root, by what the system says, and nobody else.

        Root may read the data anyway. Whoever asks, the files stay the same.
        """
        names = sorted({user.name, "root"})
        wanted = {
            "pg_hba.conf": "local all,replication all peer map=fastfeast\n",
            "pg_ident.conf": "".join(f'fastfeast "{name}" all\n' for name in names),
        }
        place = self.directory.resolve()
        changed = [name for name, text in wanted.items() if (place / name).read_text() != text]
        for name in changed:
            aside = place / f"{name}.new"
            aside.write_text(wanted[name])
            aside.chmod(0o600)
            user.own(aside)
            aside.rename(place / name)
        if changed and self.running_pid() is not None:
            self._pg_ctl(user, "reload")

    def _launch(self, user: ServerUser, deadline: float, *, is_last: bool) -> None:
        """Start the server and wait for it; returns early when it takes long or was ended."""
        # By the way that its user can go.
        sockets = self.directory.resolve() if self.directory.is_symlink() else self.directory
        self._end_orphans()
        for left in (self.directory / "postmaster.pid", *sockets.glob(".s.PGSQL.*.lock")):
            if _misleads(left):
                left.unlink(missing_ok=True)
        log = self.directory / "log"
        known = log.stat().st_size if log.exists() else 0
        options = f'-h "" -p {PORT} -k {shlex.quote(str(sockets))} -c unix_socket_permissions=0700'
        try:
            self._pg_ctl(user, "-o", options, "-l", str(log.resolve()), "start")
        except subprocess.CalledProcessError:
            if self.running_pid() is not None:
                return
            said = log.read_bytes()[known:].decode(errors="replace") if log.exists() else ""
            # One that was ended from outside while it started gives no reason.
            may_start = IN_USE in said or (FATAL not in said and not is_last)
            if not may_start or time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)

    def _pg_ctl(self, user: ServerUser, *arguments: str) -> None:
        place = self.directory.resolve()
        command = [os.fspath(programs(user) / "pg_ctl"), "-w", "-t", str(PATIENCE_SECONDS)]
        user.run([*command, "-D", os.fspath(place), *arguments], directory=place)

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
