"""What analysts find when they connect: unqualified public names, and a role that only reads."""

from __future__ import annotations

import logging
from typing import LiteralString

import psycopg
from psycopg import sql

logger = logging.getLogger(__name__)

SEARCH_PATH = ("marts", "analytics", "ops")
ANALYST_ROLE = "fastfeast_analyst"
# Who did what and why, what tells one key from another, and who was erased, are for operators.
HIDDEN = (
    "ops.audit_log",
    "ops.pii_key",
    "ops.key_rotation",
    "ops.suppressed_hash",
    "ops.suppressed_row",
)
SETTING = f"search_path={', '.join(SEARCH_PATH)}"
# Versions before 0.2 set it for everybody in the database, and anybody may create in `public`.
FORMER_SETTING = f"{SETTING}, public"

# Whose sessions find the public names: the role that we are, the analysts' and its members. The
# settings of a role do not reach its members.
READERS: LiteralString = """
with recursive analyst (oid) as (
    select oid from pg_roles where rolname = %(analyst)s
    union
    select m.member from pg_auth_members m join analyst a on m.roleid = a.oid
)
select r.rolname
from pg_roles r
where (r.rolname = current_user or r.oid in (select oid from analyst))
    and not exists (
        select from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
        where d.datname = current_database() and s.setrole = r.oid
            and %(setting)s = any(s.setconfig)
    )
order by r.rolname
"""
LACKS: LiteralString = """
select
    exists (select from pg_roles where rolname = %(analyst)s),
    (select rolcreaterole or rolsuper from pg_roles where rolname = current_user),
    exists (
        select from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
        where d.datname = current_database() and s.setrole = 0 and %(former)s = any(s.setconfig)
    ) and (
        select pg_has_role(datdba, 'usage') from pg_database where datname = current_database()
    ),
    (
        select count(*) from pg_roles a, pg_namespace n
        where a.rolname = %(analyst)s and n.nspname = any(%(schemas)s) and (
            not has_schema_privilege(a.oid, n.oid, 'usage')
            or exists (
                select from pg_class c
                where c.relnamespace = n.oid and c.relkind in ('r', 'p', 'v', 'm', 'f')
                    and has_table_privilege(a.oid, c.oid, 'select')
                    = (n.nspname || '.' || c.relname = any(%(hidden)s))
            )
        )
    )
"""


def set_up_analysts(connection: psycopg.Connection) -> None:
    """Unqualified public names for who reads the warehouse, and a role that may.

    What is as it must be is left alone, so that this may be called at every start; what the role
    that we are may not do is logged.
    """
    values = {
        "analyst": ANALYST_ROLE,
        "setting": SETTING,
        "former": FORMER_SETTING,
        "schemas": list(SEARCH_PATH),
        "hidden": list(HIDDEN),
    }
    row = connection.execute(LACKS, values).fetchone()
    assert row is not None  # noqa: S101
    has_role, may_create_roles, has_former_path, lacking_grants = row
    database = sql.Identifier(connection.info.dbname)
    if has_former_path:
        connection.execute(sql.SQL("alter database {} reset search_path").format(database))
    if not has_role and may_create_roles:
        _create_role(connection)
        has_role, lacking_grants = True, len(SEARCH_PATH)
    if not has_role:
        logger.warning("role %s is missing and may not be created here", ANALYST_ROLE)
    elif lacking_grants:
        _grant(connection)
    path = sql.SQL(", ").join(map(sql.Identifier, SEARCH_PATH))
    for (name,) in connection.execute(READERS, values).fetchall():
        statement = sql.SQL("alter role {} in database {} set search_path = {}")
        try:
            connection.execute(statement.format(sql.Identifier(name), database, path))
        except psycopg.errors.InsufficientPrivilege:
            logger.warning("the search path of role %s is left to its owner", name)


def _create_role(connection: psycopg.Connection) -> None:
    try:
        connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(ANALYST_ROLE)))
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        logger.info("role %s was created by another process", ANALYST_ROLE)


def _grant(connection: psycopg.Connection) -> None:
    """Let analysts read what there is, and what this role will make."""
    role = sql.Identifier(ANALYST_ROLE)
    schemas = sql.SQL(", ").join(map(sql.Identifier, SEARCH_PATH))
    hidden = sql.SQL(", ").join(sql.Identifier(*name.split(".")) for name in HIDDEN)
    with connection.transaction():
        for statement in (
            "grant usage on schema {schemas} to {role}",
            "grant select on all tables in schema {schemas} to {role}",
            "alter default privileges in schema {schemas} grant select on tables to {role}",
            "revoke select on {hidden} from {role}",
        ):
            composed = sql.SQL(statement).format(schemas=schemas, role=role, hidden=hidden)
            connection.execute(composed)
