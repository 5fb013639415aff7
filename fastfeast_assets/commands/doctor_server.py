"""What `fastfeast doctor` looks at on the server: version, rights, tables, clock, storage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, LiteralString

import psycopg

from fastfeast_assets.commands.context import has_table
from fastfeast_assets.commands.doctor_dagster import check_dagster
from fastfeast_assets.commands.doctor_identity import check_identity
from fastfeast_assets.commands.doctor_machine import check_landing
from fastfeast_assets.commands.doctor_roles import check_roles
from fastfeast_assets.commands.findings import Finding, error_text, failed, passed, warned
from fastfeast_assets.commands.status_problems import open_problems
from fastfeast_assets.contracts.ddl import column_type
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.contracts.technical import TECHNICAL_COLUMNS
from fastfeast_assets.ingest.landing import open_landing
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.connection import ServerError, parameter
from fastfeast_assets.warehouse.landing_identity import lost
from fastfeast_assets.warehouse.pii_key import (
    fingerprint,
    last_fingerprint,
    open_rotation,
    previous_fingerprint,
)
from fastfeast_assets.warehouse.preflight import obstacles
from fastfeast_assets.warehouse.roles.rights import SCHEMAS
from fastfeast_assets.warehouse.server import MINIMUM_VERSION
from fastfeast_assets.warehouse.upgrade.errors import MigrationError
from fastfeast_assets.warehouse.upgrade.migrations import pending_migrations

if TYPE_CHECKING:
    from fastfeast_assets.settings import Settings

CLOCK_SECONDS = 5.0
STRICTEST = "verify-full"
# Measured with the console and one run: 24. Each further one of the 4 runs at a time adds up to 9.
CONNECTIONS_NEEDED = 55
EXTENSIONS = ("plpgsql",)

RIGHTS: LiteralString = """
select has_database_privilege(current_database(), 'create'), rolcreatedb or rolsuper,
       (select count(*) from pg_namespace where nspname = any(%s))
from pg_roles where rolname = current_user
"""
CONNECTIONS: LiteralString = """
select current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int,
    (select rolconnlimit from pg_roles where rolname = current_user),
    (select datconnlimit from pg_database where datname = current_database()),
    (select count(*) from pg_stat_activity where backend_type = 'client backend')
"""
DIFFERENT: LiteralString = """
select wanted.source, wanted.name, wanted.type, format_type(a.atttypid, null), c.oid is not null
from unnest(%s::text[], %s::text[], %s::text[]) as wanted (source, name, type)
left join pg_class c
    on c.relname = wanted.source and c.relnamespace = to_regnamespace('raw')
    and c.relkind in ('r', 'p')
left join pg_attribute a
    on a.attrelid = c.oid and a.attname = wanted.name and a.attnum > 0 and not a.attisdropped
where a.atttypid is distinct from wanted.type::regtype
"""


def check_server(settings: Settings, contracts: Mapping[str, Contract]) -> Iterator[Finding]:
    """Everything about the warehouse's server; starts the embedded one."""
    try:
        connection = Warehouse(settings).connect(autocommit=True)
    except (ServerError, OSError, psycopg.Error) as error:
        yield failed("server", error_text(error), _server_advice(settings))
        yield check_landing(settings)
        return
    with connection:
        yield _version(connection, settings)
        yield _encryption(connection)
        obstructed = False
        for finding in _obstacles(connection):
            obstructed |= finding.outcome == "fail"
            yield finding
        yield _rights(connection, settings)
        yield from check_roles(connection, settings)
        yield _extensions(connection)
        yield _connections(connection)
        yield _migrations(connection)
        yield _raw_tables(connection, contracts)
        yield _key(connection, settings)
        yield check_identity(connection, settings)
        is_known = lost(connection, open_landing(settings.landing)) is not None
        yield check_landing(settings, is_known=is_known)
        yield _clock(connection)
    if not obstructed:
        # It makes what is missing.
        yield from check_dagster(settings)
    yield from _open_problems(settings)


def _open_problems(settings: Settings) -> Iterator[Finding]:
    """What is not well with the data; the set-up may be."""
    from fastfeast_assets.commands.status import collect

    facts = collect(settings)
    # These have checks of their own.
    facts.problem, facts.identity_problems, facts.landing_trouble = "", [], ""
    facts.free_bytes = None
    found = [warned("data", problem.text, problem.advice) for problem in open_problems(facts)]
    yield from found or [passed("data", "no problem is known")]


def _server_advice(settings: Settings) -> str:
    if settings.warehouse_url is None:
        return f"see {settings.home / 'pg' / 'log'}, or set FASTFEAST_WAREHOUSE_URL"
    return "check FASTFEAST_WAREHOUSE_URL, and that the server runs and lets you in"


def _version(connection: psycopg.Connection, settings: Settings) -> Finding:
    version = connection.info.server_version // 10_000
    kind = "embedded" if settings.warehouse_url is None else f"at {connection.info.host}"
    detail = f"PostgreSQL {version}, {kind}"
    if version < MINIMUM_VERSION:
        return failed("server", detail, f"use PostgreSQL {MINIMUM_VERSION} or newer")
    return passed("server", detail)


def _encryption(connection: psycopg.Connection) -> Finding:
    info = connection.info
    return judge_encryption(
        info.host,
        info.hostaddr,
        sslmode=parameter(connection, "sslmode"),
        is_encrypted=connection.pgconn.ssl_in_use,
    )


def judge_encryption(host: str, address: str, *, sslmode: str, is_encrypted: bool) -> Finding:
    """Whether others on the way to a server could read, or pretend to be it.

    Args:
        host: As the URL names it; a directory for a Unix socket.
        address: Of the host.
        sslmode: What was asked of libpq.
        is_encrypted: Whether TLS is in use.
    """
    title = "encryption"
    if not host or host.startswith(("/", "@")):
        return passed(title, "Unix socket of this machine")
    detail = f"{'TLS' if is_encrypted else 'no TLS'} to {host}, sslmode={sslmode}"
    if sslmode == STRICTEST or _is_loopback(address):
        return passed(title, detail)
    return warned(
        title,
        f"{detail}: whoever is on the way can pretend to be the server",
        f"add sslmode={STRICTEST} to FASTFEAST_WAREHOUSE_URL, and sslrootcert=system or the file of"
        " your certificate authority",
    )


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _obstacles(connection: psycopg.Connection) -> Iterator[Finding]:
    found = list(obstacles(connection))
    if not found:
        yield passed("safe to write", "owners, rights of everybody, connections")
    for obstacle in found:
        yield failed(obstacle.check, obstacle.detail, obstacle.remedy)


def _rights(connection: psycopg.Connection, settings: Settings) -> Finding:
    row = connection.execute(RIGHTS, [list(SCHEMAS)]).fetchone()
    may_create_schema, may_create_database, schemas = row or (False, False, 0)
    user, database = connection.info.user, connection.info.dbname
    if not may_create_schema and schemas < len(SCHEMAS):
        return failed(
            "rights",
            f"role {user} may not create schemas in {database}",
            f"as its owner: grant create on database {database} to {user}",
        )
    if not may_create_database and settings.dagster_url is None:
        return passed("rights", "create schema; Dagster's storage goes to the schema dagster")
    return passed("rights", "create schema, create database")


def _extensions(connection: psycopg.Connection) -> Finding:
    rows = connection.execute("select extname from pg_extension order by 1").fetchall()
    present = {row[0] for row in rows}
    lacking = [name for name in EXTENSIONS if name not in present]
    if lacking:
        advice = f"create extension {lacking[0]}; it comes with every PostgreSQL"
        return failed("extensions", f"{', '.join(lacking)} is missing", advice)
    return passed("extensions", f"{', '.join(EXTENSIONS)}, and no other is needed")


def _connections(connection: psycopg.Connection) -> Finding:
    row = connection.execute(CONNECTIONS).fetchone()
    if row is None:
        return failed("connections", "the server does not tell", "see its version")
    allowed = min(limit for limit in row[:3] if limit >= 0)
    detail = f"{row[3]} of {allowed} in use; console and runs need up to {CONNECTIONS_NEEDED}"
    if allowed < CONNECTIONS_NEEDED:
        return warned(
            "connections",
            detail,
            "raise max_connections or the limit of role or database, or lower"
            " max_concurrent_runs in dagster.yaml",
        )
    if row[3] > 0.9 * allowed:
        return warned("connections", detail, "see in pg_stat_activity who holds them")
    return passed("connections", detail)


def _migrations(connection: psycopg.Connection) -> Finding:
    try:
        pending = pending_migrations(connection)
    except MigrationError as error:
        return failed("migrations", str(error), "bring code and database together")
    if pending:
        return warned(
            "migrations",
            f"{len(pending)} pending: {', '.join(item.name for item in pending)}",
            "the next `fastfeast ingest` applies them",
        )
    return passed("migrations", "all applied")


def _raw_tables(connection: psycopg.Connection, contracts: Mapping[str, Contract]) -> Finding:
    if not has_table(connection, "ops.raw_table"):
        return warned("raw tables", "none yet", "the next `fastfeast ingest` makes them")
    wanted = [
        (contract.source, name, type_)
        for contract in contracts.values()
        for name, type_ in _columns(connection, contract)
    ]
    columns = [list(values) for values in zip(*wanted, strict=True)]
    rows = connection.execute(DIFFERENT, columns).fetchall()
    conflicts = [
        f"raw.{source}.{name} is {seen}, the contract says {type_}"
        for source, name, type_, seen, _ in rows
        if seen is not None
    ]
    if conflicts:
        return failed("raw tables", "; ".join(conflicts), "see what `fastfeast upgrade` says")
    if rows:
        missing = sorted({f"raw.{source}" for source, *_ in rows})
        return warned(
            "raw tables",
            f"behind the contracts: {', '.join(missing)}",
            "the next `fastfeast ingest` adds what is missing",
        )
    return passed("raw tables", f"{len(contracts)} as the contracts say")


def _columns(connection: psycopg.Connection, contract: Contract) -> Iterator[tuple[str, str]]:
    for column in contract.columns:
        yield column.stored_as, column_type(column).as_string(connection)
    for technical in TECHNICAL_COLUMNS:
        yield technical.name, technical.physical_type


def _key(connection: psycopg.Connection, settings: Settings) -> Finding:
    """Whether the hashes in the warehouse were made with the key of the settings."""
    title = "PII key of the hashes"
    if connection.execute("select to_regclass('ops.pii_key')").fetchone() == (None,):
        return passed(title, "none were made yet")
    known = last_fingerprint(connection)
    has_two = settings.pii_key_previous is not None
    if (rotation := open_rotation(connection)) is not None:
        keys = (previous_fingerprint(settings), fingerprint(settings))
        if keys == (rotation.former, rotation.present):
            return passed(title, "two keys: a rotation is open")
        return failed(
            title,
            "a rotation is open, and these are not its keys",
            "set FASTFEAST_PII_KEY to the new key and FASTFEAST_PII_KEY_PREVIOUS to the former one",
        )
    if known is None or known == fingerprint(settings):
        detail = "none were made yet" if known is None else "this key"
        if has_two:
            return warned(
                title,
                f"{detail}; FASTFEAST_PII_KEY_PREVIOUS is set, and no rotation is open",
                "remove FASTFEAST_PII_KEY_PREVIOUS",
            )
        return passed(title, detail)
    return failed(
        title,
        "another key than FASTFEAST_PII_KEY",
        "restore that key from your backup, or see docs/runbooks/lost-pii-key.md",
    )


def _clock(connection: psycopg.Connection) -> Finding:
    before = datetime.now(UTC)
    row = connection.execute("select clock_timestamp()").fetchone()
    middle = before + (datetime.now(UTC) - before) / 2
    ahead = (row[0] - middle).total_seconds() if row else 0.0
    detail = f"{abs(ahead):.1f} s apart"
    if abs(ahead) > CLOCK_SECONDS:
        return warned("clocks", detail, "set both clocks by NTP: ages and deadlines are wrong")
    return passed("clocks", detail)
