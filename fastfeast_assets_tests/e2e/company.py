"""A server as a company runs it: Debian's PostgreSQL 15 over TCP, with TLS and passwords."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import trustme
from psycopg import sql

from fastfeast_assets_tests.waiting import answers_at, free_port, until

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
PGBOUNCER = Path("/usr/sbin/pgbouncer")
PASSWORD = "correct horse battery & staple"
SERVER_USER = "postgres" if os.geteuid() == 0 else None


def as_server_user(*command: str) -> None:
    """Run a program of the server; it refuses to run as root."""
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/tmp",  # noqa: S108
        user=SERVER_USER,
        group=SERVER_USER,
        extra_groups=[] if SERVER_USER else None,
    )


@dataclass(frozen=True)
class Company:
    """A running server.

    Attributes:
        directory: What is its own; roles other than `root` need TLS and a password.
        port: On the loopback interface.
        authority: File of the certificate authority that signed its certificate.
    """

    directory: Path
    port: int
    authority: Path

    def admin(self, database: str = "postgres") -> psycopg.Connection:
        """A connection of a superuser."""
        url = f"postgresql://root@127.0.0.1:{self.port}/{database}?sslmode=disable"
        return psycopg.connect(url, autocommit=True)

    def url(self, role: str, database: str, **parameters: str) -> str:
        """The URL of a role."""
        login = f"{role}:{quote(PASSWORD, safe='')}"
        query = "&".join(f"{name}={quote(value)}" for name, value in parameters.items())
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}" + (query and f"?{query}")

    def new_role(self, role: str) -> None:
        """A role that may log in and nothing else."""
        with self.admin() as connection:
            connection.execute(
                sql.SQL("create role {} login password {}").format(
                    sql.Identifier(role), sql.Literal(PASSWORD)
                )
            )

    def new_database(self, database: str, role: str, more: str = "") -> None:
        """A database of an administrator in which a role may create schemas."""
        names = {"database": sql.Identifier(database), "role": sql.Identifier(role)}
        with self.admin() as connection:
            connection.execute(
                sql.SQL("create database {database} ").format(**names) + sql.SQL(more)
            )
            connection.execute(
                sql.SQL("grant create on database {database} to {role}").format(**names)
            )


@contextmanager
def company() -> Iterator[Company]:
    """A server for as long as it is needed."""
    directory = Path(tempfile.mkdtemp(prefix="ff15-"))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "authority.pem")
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(directory / "server.pem")
    (directory / "server.pem").chmod(0o600)
    if SERVER_USER is not None:
        shutil.chown(directory, SERVER_USER)
        shutil.chown(directory / "server.pem", SERVER_USER)
        directory.chmod(0o755)
    data = directory / "data"
    as_server_user(
        str(PROGRAMS / "initdb"), "--auth=trust", "--username=root", "--encoding=UTF8",
        "--locale=C.UTF-8", "-D", str(data),
    )  # fmt: skip
    (data / "pg_hba.conf").write_text(
        "local all all trust\nhost all root 127.0.0.1/32 trust\n"
        "local replication root trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
    )
    port = free_port()
    (data / "postgresql.conf").write_text(
        f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{directory}'\n"
        f"fsync = off\nssl = on\nssl_cert_file = '{directory}/server.pem'\n"
        f"ssl_key_file = '{directory}/server.pem'\n"
    )
    with started(data):
        yield Company(directory, port, directory / "authority.pem")
    shutil.rmtree(directory)


@contextmanager
def started(data: Path) -> Iterator[None]:
    """The server of a cluster."""
    control = (str(PROGRAMS / "pg_ctl"), "-w", "-D", str(data))
    as_server_user(*control, "-l", str(data.parent / f"{data.name}.log"), "start")
    try:
        yield
    finally:
        as_server_user(*control, "-m", "immediate", "stop")


@contextmanager
def standby_of(company: Company) -> Iterator[int]:
    """The port of a standby that follows a server."""
    data = company.directory / "standby"
    as_server_user(
        str(PROGRAMS / "pg_basebackup"), "-R", "-c", "fast", "-D", str(data),
        "-h", str(company.directory), "-p", str(company.port), "-U", "root",
    )  # fmt: skip
    port = free_port()
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(f"port = {port}\n")
    with started(data):
        yield port
    shutil.rmtree(data)


@contextmanager
def pooler_of(company: Company, *, mode: str, ignored: str) -> Iterator[int]:
    """The port of a pooler before a server, which lets everybody in as its superuser."""
    directory = Path(tempfile.mkdtemp(prefix="ffpool-", dir=company.directory))
    port = free_port()
    (directory / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={company.directory} port={company.port} user=root\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = {mode}\nignore_startup_parameters = {ignored}\n"
        f"logfile = {directory}/log\npidfile = {directory}/pid\n"
    )
    if SERVER_USER is not None:
        shutil.chown(directory, SERVER_USER)
    process = subprocess.Popen(
        [PGBOUNCER, "-q", directory / "pgbouncer.ini"],
        user=SERVER_USER,
        group=SERVER_USER,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: answers_at(port), "a pooler")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)
