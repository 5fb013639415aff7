"""One login for loading, one for transforms, one for the console: what an administrator does once.

The statements may be given again at any time, and to a warehouse of one role for all, whose tables
then change hands. They are complete in themselves, so that they can be read before, and given by
psql: names of the database come from the session.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg
from psycopg import sql

from fastfeast_assets.warehouse.roles.grants import give_statement
from fastfeast_assets.warehouse.roles.ownership import hand_over_statement
from fastfeast_assets.warehouse.roles.rights import (
    CONSOLE,
    LOADER,
    OF_LOADER,
    OF_TRANSFORMER,
    OWNER,
    ROLES,
    SEARCH_PATH,
    TRANSFORMER,
    Role,
)
from fastfeast_assets.warehouse.server import DAGSTER_SCHEMA

MAKE_ROLE = """
do $role$
begin
    if not exists (select from pg_roles where rolname = {text}) then
        create role {name} {login};
    end if;
end
$role$"""
# Only who may become a role may give it something; what is lent here is given back at the end.
BORROW = """
do $borrow$
declare
    kind text := case when current_setting('server_version_num')::int < 160000 then 'usage'
        else 'set' end;
    wanted text;
begin
    perform set_config('fastfeast.borrowed', '', true);
    foreach wanted in array {roles}::text[] loop
        if not pg_has_role(wanted, kind) then
            execute format('grant %I to %I', wanted, current_user);
            perform set_config(
                'fastfeast.borrowed', current_setting('fastfeast.borrowed') || wanted || ' ', true
            );
        end if;
    end loop;
end
$borrow$"""
GIVE_BACK = """
do $give_back$
declare
    borrowed text;
begin
    foreach borrowed in array
        string_to_array(rtrim(current_setting('fastfeast.borrowed')), ' ')
    loop
        execute format('revoke %I from %I', borrowed, current_user);
    end loop;
end
$give_back$"""
OWN_SCHEMA = """
do $schema$
declare
    present oid := (select nspowner from pg_namespace where nspname = {text});
begin
    if present is null then
        create schema {name} authorization {owner};
    elsif pg_get_userbyid(present) <> {owner_text} then
        alter schema {name} owner to {owner};
    end if;
end
$schema$"""
ON_DATABASE = """
do $database$
begin
    execute format('grant connect, temporary on database %I to {roles}', current_database());
end
$database$"""
SETTING = """
do $setting$
begin
    execute format('alter role {role} in database %I set {setting}', current_database());
end
$setting$"""


def in_warehouse(*, has_dagster: bool) -> Iterator[sql.Composed]:
    """The statements for the warehouse's database, in one transaction.

    Args:
        has_dagster: Whether Dagster's storage is in the same database.
    """
    for role in ROLES:
        yield _make(role)
        for of in role.member_of:
            yield sql.SQL("grant {} to {}").format(sql.Identifier(of), sql.Identifier(role.name))
    yield _borrow((OWNER, TRANSFORMER, CONSOLE))
    for schema in OF_LOADER:
        yield _own(schema, OWNER)
    for schema in OF_TRANSFORMER:
        yield _own(schema, TRANSFORMER)
    yield hand_over_statement()
    if has_dagster:
        yield from _dagster_schema()
    yield sql.SQL(ON_DATABASE).format(
        roles=sql.SQL(", ").join(sql.Identifier(role.name) for role in ROLES)
    )
    path = sql.SQL("search_path = ") + sql.SQL(", ").join(map(sql.Identifier, SEARCH_PATH))
    for role in ROLES:
        yield _set(role.name, path)
    # What it makes belongs to the owner, whoever loads.
    yield _set(LOADER, sql.SQL("role = {}").format(sql.Identifier(OWNER)))
    yield give_statement()
    yield sql.Composed([sql.SQL(GIVE_BACK)])


def in_dagster() -> Iterator[sql.Composed]:
    """The statements for the database of Dagster's storage, where that is another one."""
    yield _borrow((CONSOLE,))
    yield from _dagster_schema()
    yield sql.SQL(ON_DATABASE).format(roles=sql.Identifier(CONSOLE))
    yield sql.Composed([sql.SQL(GIVE_BACK)])


def known(connection: psycopg.Connection) -> Iterator[tuple[Role, bool]]:
    """The roles, each with whether the server has it."""
    present = {row[0] for row in connection.execute("select rolname from pg_roles")}
    yield from ((role, role.name in present) for role in ROLES)


def apply(connection: psycopg.Connection, statements: Iterator[sql.Composed]) -> None:
    """Give statements in one transaction.

    Raises:
        psycopg.errors.InsufficientPrivilege: The role may not; nothing is changed.
    """
    with connection.transaction():
        for statement in statements:
            connection.execute(statement)


def _dagster_schema() -> Iterator[sql.Composed]:
    yield _own(DAGSTER_SCHEMA, CONSOLE)
    yield hand_over_statement((DAGSTER_SCHEMA,))


def _make(role: Role) -> sql.Composed:
    return sql.SQL(MAKE_ROLE).format(
        text=sql.Literal(role.name),
        name=sql.Identifier(role.name),
        login=sql.SQL("login" if role.may_log_in else "nologin"),
    )


def _borrow(roles: Sequence[str]) -> sql.Composed:
    return sql.SQL(BORROW).format(roles=sql.Literal(list(roles)))


def _own(schema: str, owner: str) -> sql.Composed:
    return sql.SQL(OWN_SCHEMA).format(
        text=sql.Literal(schema),
        name=sql.Identifier(schema),
        owner=sql.Identifier(owner),
        owner_text=sql.Literal(owner),
    )


def _set(role: str, setting: sql.Composable) -> sql.Composed:
    return sql.SQL(SETTING).format(role=sql.Identifier(role), setting=setting)
