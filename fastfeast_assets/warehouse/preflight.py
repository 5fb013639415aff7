"""What a server must allow before anything is written to it, and what must not be allowed there.

Each thing that is not as it must be comes with the one command that mends it. What a connection
itself shows (encoding, pooler) is refused by `connection`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from fastfeast_assets.warehouse.connection import ServerError, reported
from fastfeast_assets.warehouse.roles.rights import ANALYST, SCHEMAS

# Measured: an ingestion with its transform had up to 11 at once.
CONNECTIONS_OF_INGEST = 12
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")

ALLOWED: LiteralString = """
select 'the server', current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int
union all
select 'role ' || current_user, rolconnlimit from pg_roles where rolname = current_user
union all
select 'database ' || datname, datconnlimit from pg_database where datname = current_database()
"""
FOREIGN: LiteralString = """
select kind, name, owner from (
    select 'schema' as kind, nspname as name, nspowner as oid, 0 as place
    from pg_namespace where nspname = any(%(schemas)s)
    union all
    select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end,
        format('%%s.%%s', n.nspname, c.relname), c.relowner, 1
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any(%(schemas)s) and c.relkind in ('r', 'p', 'v', 'm')
) as found
cross join lateral (select pg_get_userbyid(found.oid) as owner) as named
where not pg_has_role(found.oid, 'usage')
order by place, name
"""
# Schemas in which anybody may make a function, and with it say what a statement means: ours, and
# those in a search path that is set for us or for analysts.
OPEN: LiteralString = """
with recursive reader (oid) as (
    select oid from pg_roles where rolname in (%(analyst)s, current_user)
    union
    select m.member from pg_auth_members m join reader r on m.roleid = r.oid
    where exists (select from pg_roles where oid = r.oid and rolname = %(analyst)s)
),
in_a_path (name) as (
    select trim(both ' "' from part)
    from pg_db_role_setting s
    cross join unnest(s.setconfig) as setting
    cross join regexp_split_to_table(split_part(setting, '=', 2), ',') as part
    where setting like 'search_path=%%'
        and s.setrole in (select oid from reader)
        and (
            s.setdatabase = 0
            or s.setdatabase = (select oid from pg_database where datname = current_database())
        )
)
select n.nspname
from pg_namespace n
where (n.nspname = any(%(schemas)s) or n.nspname in (select name from in_a_path))
    and exists (
        select from aclexplode(n.nspacl) a where a.grantee = 0 and a.privilege_type = 'CREATE'
    )
order by n.nspname
"""


@dataclass(frozen=True)
class Obstacle:
    """Something that keeps the platform from working here, or from being safe.

    Attributes:
        check: What was looked at.
        detail: What was found.
        remedy: The command that mends it, and who may give it.
    """

    check: str
    detail: str
    remedy: str


def ensure_fit(connection: psycopg.Connection) -> None:
    """Look before the first write.

    Raises:
        ServerError: There is an obstacle.
    """
    for obstacle in obstacles(connection):
        raise ServerError(f"{obstacle.detail}: {obstacle.remedy}")


def obstacles(connection: psycopg.Connection) -> Iterator[Obstacle]:
    """All that is not as it must be in a database, the worst first."""
    yield from _unfit_name(connection)
    yield from _reads_only(connection)
    yield from _few_connections(connection)
    yield from _foreign_owners(connection)
    yield from _open_schemas(connection)
    yield from _no_temporary_tables(connection)


def _unfit_name(connection: psycopg.Connection) -> Iterator[Obstacle]:
    name = connection.info.dbname
    if "'" in name:
        yield Obstacle(
            "name of the database",
            f"database {name} has an apostrophe in its name, which dbt does not escape",
            f"alter database {named(name)} rename to something plain (as its owner)",
        )


def _reads_only(connection: psycopg.Connection) -> Iterator[Obstacle]:
    info = connection.info
    if reported(connection, "in_hot_standby") == "on":
        yield Obstacle(
            "standby",
            f"the server of database {info.dbname} is a standby, which only reads",
            "name the primary, or all hosts and target_session_attrs=read-write",
        )
    elif reported(connection, "default_transaction_read_only") == "on":
        yield Obstacle(
            "read only",
            f"sessions of {info.user} in database {info.dbname} may only read",
            "see who set default_transaction_read_only (server, database or role), and why",
        )


def _few_connections(connection: psycopg.Connection) -> Iterator[Obstacle]:
    for place, allowed in connection.execute(ALLOWED):
        if 0 <= allowed < CONNECTIONS_OF_INGEST:
            kind, _, name = str(place).partition(" ")
            remedy = (
                f"alter {kind} {named(name)} connection limit 60"
                if kind in ("role", "database")
                else "raise max_connections"
            )
            yield Obstacle(
                "connections",
                f"{place} allows {allowed} connections, an ingestion needs {CONNECTIONS_OF_INGEST}",
                f"{remedy} (as an administrator)",
            )
            return


def _foreign_owners(connection: psycopg.Connection) -> Iterator[Obstacle]:
    rows = connection.execute(FOREIGN, {"schemas": list(SCHEMAS)}).fetchall()
    if rows:
        kind, name, owner = rows[0]
        more = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
        me = _role(connection)
        yield Obstacle(
            "owners",
            f"{kind} {name} belongs to {owner}{more}, and {me} may not change it",
            f"grant {named(owner)} to {named(me)}, or choose a database of our own, for the schemas"
            f" {', '.join(SCHEMAS)} are ours",
        )


def _open_schemas(connection: psycopg.Connection) -> Iterator[Obstacle]:
    values = {"schemas": list(SCHEMAS), "analyst": ANALYST}
    names = [row[0] for row in connection.execute(OPEN, values)]
    if names:
        listed = ", ".join(names)
        yield Obstacle(
            "rights of everybody",
            f"everybody may create in {listed}, where a function can take over what statements do",
            f"revoke create on schema {', '.join(map(named, names))} from public (as its owner)",
        )


def _no_temporary_tables(connection: psycopg.Connection) -> Iterator[Obstacle]:
    row = connection.execute(
        "select has_database_privilege(current_database(), 'temporary')"
    ).fetchone()
    if row != (True,):
        me, database = _role(connection), connection.info.dbname
        yield Obstacle(
            "temporary tables",
            f"{me} may not make temporary tables in {database}",
            f"grant temporary on database {named(database)} to {named(me)} (as its owner)",
        )


def named(name: str) -> str:
    """A name as it stands in a statement, in quotes only where it needs them."""
    return name if _PLAIN.fullmatch(name) else sql.Identifier(name).as_string()


def _role(connection: psycopg.Connection) -> str:
    """Whose rights count, which need not be who logged in."""
    row = connection.execute("select current_user").fetchone()
    assert row is not None  # noqa: S101
    return str(row[0])
