"""What analysts find when they connect: unqualified public names, and a role that only reads."""

from __future__ import annotations

import logging

import psycopg
from psycopg import sql

logger = logging.getLogger(__name__)

SEARCH_PATH = ("marts", "analytics", "ops")
ANALYST_ROLE = "fastfeast_analyst"


def finds_public_names(connection: psycopg.Connection) -> bool:
    """Whether a new connection sees the public names; a copied or restored database does not."""
    row = connection.execute("select current_setting('search_path')").fetchone()
    return row is not None and set(SEARCH_PATH) <= set(str(row[0]).split(", "))


def set_up_analysts(connection: psycopg.Connection) -> None:
    """Unqualified public names for who reads the warehouse; what the role may not do is left."""
    path = sql.SQL(", ").join(map(sql.Identifier, (*SEARCH_PATH, "public")))
    database = sql.Identifier(connection.info.dbname)
    row = connection.execute(
        "select d.datdba = r.oid or r.rolsuper, r.rolcreaterole or r.rolsuper, "
        "exists (select from pg_roles where rolname = %s) "
        "from pg_database d, pg_roles r "
        "where d.datname = current_database() and r.rolname = current_user",
        [ANALYST_ROLE],
    ).fetchone()
    owns_database, may_create_roles, has_role = row or (False, False, False)
    if owns_database:
        statement = sql.SQL("alter database {} set search_path = {}").format(database, path)
    else:
        statement = sql.SQL("alter role current_user in database {} set search_path = {}").format(
            database, path
        )
    connection.execute(statement)
    if not has_role and not may_create_roles:
        logger.warning("role %s is missing and may not be created here", ANALYST_ROLE)
        return
    _grant_to_analysts(connection, database, path, has_role=bool(has_role))


def _grant_to_analysts(
    connection: psycopg.Connection,
    database: sql.Identifier,
    path: sql.Composed,
    *,
    has_role: bool,
) -> None:
    role = sql.Identifier(ANALYST_ROLE)
    schemas = sql.SQL(", ").join(map(sql.Identifier, SEARCH_PATH))
    if not has_role:
        try:
            connection.execute(sql.SQL("create role {} nologin").format(role))
        except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            logger.info("role %s was created by another process", ANALYST_ROLE)
    with connection.transaction():
        connection.execute(sql.SQL("grant usage on schema {} to {}").format(schemas, role))
        connection.execute(
            sql.SQL("grant select on all tables in schema {} to {}").format(schemas, role)
        )
        connection.execute(
            sql.SQL("alter default privileges in schema {} grant select on tables to {}").format(
                schemas, role
            )
        )
    try:
        connection.execute(
            sql.SQL("alter role {} in database {} set search_path = {}").format(
                role, database, path
            )
        )
    except psycopg.errors.InsufficientPrivilege:
        logger.warning("the search path of role %s is left to its owner", ANALYST_ROLE)
