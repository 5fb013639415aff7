"""What the roles may do, brought to what `rights` says; looked at at every start.

What is as it must be is left alone, and what the role that we are may not do is logged, so that a
start never fails for it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from fastfeast_assets.warehouse.roles.readers import make_reader_views
from fastfeast_assets.warehouse.roles.rights import (
    ANALYST,
    CONSOLE,
    LOADER,
    ROLES,
    SEARCH_PATH,
    STEWARD,
    TRANSFORMER,
    left_out,
    single,
)

logger = logging.getLogger(__name__)

SETTING = f"search_path={', '.join(SEARCH_PATH)}"
# Versions before 0.2 set it for everybody in the database, and anybody may create in `public`.
FORMER_SETTING = f"{SETTING}, public"

# Whose sessions find the public names: the role that we are, those that read and their members. The
# settings of a role do not reach its members. Who made a role is its administrator, and no reader.
READERS: LiteralString = """
with recursive reader (oid) as (
    select oid from pg_roles where rolname = any(%(readers)s)
    union
    select m.member from pg_auth_members m join reader a on m.roleid = a.oid
    where not m.admin_option
)
select r.rolname
from pg_roles r
where (r.rolname = current_user or r.oid in (select oid from reader))
    and not exists (
        select from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
        where d.datname = current_database() and s.setrole = r.oid
            and %(setting)s = any(s.setconfig)
    )
order by r.rolname
"""
BEFORE: LiteralString = """
select
    exists (select from pg_roles where rolname = %(analyst)s),
    (select rolcreaterole or rolsuper from pg_roles where rolname = current_user),
    exists (
        select from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
        where d.datname = current_database() and s.setrole = 0 and %(former)s = any(s.setconfig)
    ) and (
        select pg_has_role(datdba, 'usage') from pg_database where datname = current_database()
    )
"""
# One statement a difference between what is and what is wanted. A partition is read through its
# table, and who owns a schema needs nothing in it. Of `ops`, readers have no more than is wanted.
DIFFERENCES = """
with wanted as (
    select r.rolname as role, r.oid as role_id, n.nspname as schema, n.oid as schema_id,
        n.nspowner as owner, w.name, w.privilege
    from unnest({roles}::text[], {schemas}::text[], {tables}::text[], {privileges}::text[])
        as w (role, schema, name, privilege)
    join pg_roles r on r.rolname = w.role
    join pg_namespace n on n.nspname = w.schema
    where n.nspowner <> r.oid
),
relation as (
    select n.nspname as schema, c.relnamespace as schema_id, c.relname as name, c.oid, c.relacl
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
),
wanted_of as (
    select w.*, c.oid, c.name as table_name
    from wanted w join relation c on c.schema_id = w.schema_id
    where (w.name = '' or w.name = c.name)
        and not (w.name = '' and w.role || ' ' || w.schema || '.' || c.name = any({but}))
)
select * from (
    select distinct 0 as place, role,
        format('grant usage on schema %I to %I', schema, role) as statement
    from wanted
    where not has_schema_privilege(role_id, schema_id, 'usage')
    union all
    select 1, role, format('grant %s on %I.%I to %I', privilege, schema, table_name, role)
    from wanted_of
    where not has_table_privilege(role_id, oid, privilege)
    union all
    select 2, role, format(
        'alter default privileges for role %I in schema %I grant %s on tables to %I',
        pg_get_userbyid(owner), schema, privilege, role
    )
    from wanted
    where name = '' and not exists (
        select from pg_default_acl d cross join aclexplode(d.defaclacl) a
        where d.defaclrole = owner and d.defaclnamespace = schema_id and d.defaclobjtype = 'r'
            and a.grantee = role_id and lower(a.privilege_type) = privilege
    )
    union all
    select distinct 3, r.rolname, format('revoke all on %I.%I from %I', c.schema, c.name, r.rolname)
    from relation c
    cross join aclexplode(c.relacl) a
    join pg_roles r on r.oid = a.grantee
    where c.schema = 'ops' and r.rolname in ({analyst}, {steward}) and not exists (
        select from wanted_of w
        where w.role = r.rolname and w.oid = c.oid and w.privilege = lower(a.privilege_type)
    )
    union all
    select distinct 3, w.role, format('revoke all on %I.%I from %I', c.schema, c.name, w.role)
    from wanted w join relation c on c.schema_id = w.schema_id
    cross join aclexplode(c.relacl) a
    where a.grantee = w.role_id and w.role || ' ' || c.schema || '.' || c.name = any({but})
    union all
    select distinct 3, r.rolname, format(
        'alter default privileges for role %I in schema %I revoke all on tables from %I',
        pg_get_userbyid(d.defaclrole), n.nspname, r.rolname
    )
    from pg_default_acl d
    cross join aclexplode(d.defaclacl) a
    join pg_namespace n on n.oid = d.defaclnamespace
    join pg_roles r on r.oid = a.grantee
    where n.nspname = 'ops' and r.rolname in ({analyst}, {steward}) and d.defaclobjtype = 'r'
    union all
    select distinct 3, r.rolname, format('revoke all on schema %I from %I', n.nspname, r.rolname)
    from pg_namespace n
    cross join aclexplode(n.nspacl) a
    join pg_roles r on r.oid = a.grantee
    where n.nspname = 'ops' and r.rolname = {analyst}
    union all
    -- What everybody may, readers may, too.
    select distinct 3, {analyst}, format('revoke all on schema %I from public', n.nspname)
    from pg_namespace n cross join aclexplode(n.nspacl) a
    where n.nspname = 'ops' and a.grantee = 0
    union all
    select distinct 3, {analyst}, format('revoke all on %I.%I from public', c.schema, c.name)
    from relation c cross join aclexplode(c.relacl) a
    where c.schema = 'ops' and a.grantee = 0
    union all
    select distinct 3, {analyst}, format(
        'revoke all (%I) on %I.%I from %s', t.attname, c.schema, c.name,
        case when a.grantee = 0 then 'public' else quote_ident(r.rolname) end
    )
    from relation c
    join pg_attribute t on t.attrelid = c.oid and t.attnum > 0 and not t.attisdropped
    cross join aclexplode(t.attacl) a
    left join pg_roles r on r.oid = a.grantee
    where c.schema = 'ops' and (a.grantee = 0 or r.rolname in ({analyst}, {steward}))
    union all
    -- A reader that may do what somebody else may is more than a reader.
    select distinct 4, m.rolname, format('revoke %I from %I', o.rolname, m.rolname)
    from pg_auth_members a
    join pg_roles m on m.oid = a.member
    join pg_roles o on o.oid = a.roleid
    where m.rolname in ({analyst}, {steward}, {transformer}, {console})
        and not (m.rolname = {steward} and o.rolname = {analyst})
    union all
    select 4, r.rolname, format(
        'alter role %I nosuperuser nocreaterole nocreatedb noreplication nobypassrls', r.rolname
    )
    from pg_roles r
    where r.rolname in ({analyst}, {steward}, {transformer}, {console})
        and (r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls)
    union all
    select 4, r.rolname, format('alter role %I inherit', r.rolname)
    from pg_roles r
    where r.rolname = any({separate}) and not r.rolinherit
    union all
    select 4, m.member, format('grant %I to %I', m.membership, m.member)
    from unnest({members}::text[], {memberships}::text[]) as m (member, membership)
    join pg_roles r on r.rolname = m.member
    join pg_roles o on o.rolname = m.membership
    where not exists (
        select from pg_auth_members a where a.member = r.oid and a.roleid = o.oid
    )
) as difference
order by place, statement"""
GIVE = """
do $grants$
declare
    given text;
begin
    for given in select it.statement from ({differences}) as it loop
        begin
            execute given;
        exception when insufficient_privilege or duplicate_object or undefined_object then
            raise warning '%: %', given, sqlerrm;
        end;
    end loop;
end
$grants$"""


@dataclass(frozen=True)
class Difference:
    """Something that a role may and should not, or the other way round.

    Attributes:
        role: Whose right it is.
        statement: What mends it.
    """

    role: str
    statement: str


def differences(connection: psycopg.Connection) -> list[Difference]:
    """Where the rights of the roles that exist are not those of `rights`."""
    rows = connection.execute(_differences()).fetchall()
    return [Difference(role, statement) for _, role, statement in rows]


def give_statement() -> sql.Composed:
    """The statement that mends all differences, as far as the role that gives it may."""
    return sql.SQL(GIVE).format(differences=_differences())


def set_up_roles(connection: psycopg.Connection) -> None:
    """Roles that read find the public names and have their rights, also those that came later.

    Args:
        connection: Not in a transaction.
    """
    values = {
        "analyst": ANALYST,
        "readers": [ANALYST, STEWARD],
        "setting": SETTING,
        "former": FORMER_SETTING,
    }
    row = connection.execute(BEFORE, values).fetchone()
    assert row is not None  # noqa: S101
    has_role, may_create_roles, has_former_path = row
    database = sql.Identifier(connection.info.dbname)
    if has_former_path:
        connection.execute(sql.SQL("alter database {} reset search_path").format(database))
    if not has_role and may_create_roles:
        _create_role(connection)
    elif not has_role:
        logger.warning("role %s is missing and may not be created here", ANALYST)
    make_reader_views(connection)
    _give(connection)
    path = sql.SQL(", ").join(map(sql.Identifier, SEARCH_PATH))
    for (name,) in connection.execute(READERS, values).fetchall():
        statement = sql.SQL("alter role {} in database {} set search_path = {}")
        try:
            connection.execute(statement.format(sql.Identifier(name), database, path))
        except psycopg.errors.InsufficientPrivilege:
            logger.warning("the search path of role %s is left to its owner", name)


def _give(connection: psycopg.Connection) -> None:
    if not differences(connection):
        return
    connection.execute(give_statement())
    for left in differences(connection):
        logger.warning("role %s: not allowed here: %s", left.role, left.statement)


def _create_role(connection: psycopg.Connection) -> None:
    try:
        connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(ANALYST)))
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        logger.info("role %s was created by another process", ANALYST)


def _differences() -> sql.Composed:
    members = [(role.name, of) for role in ROLES for of in role.member_of]
    return sql.SQL(DIFFERENCES).format(
        **{name: sql.Literal(values) for name, values in single().items()},
        but=sql.Literal(left_out()),
        analyst=sql.Literal(ANALYST),
        steward=sql.Literal(STEWARD),
        transformer=sql.Literal(TRANSFORMER),
        console=sql.Literal(CONSOLE),
        separate=sql.Literal([role.name for role in ROLES if role.name != LOADER]),
        members=sql.Literal([member for member, _ in members]),
        memberships=sql.Literal([of for _, of in members]),
    )
