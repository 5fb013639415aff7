"""Each table belongs to the owner of its schema, whoever made it."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from fastfeast_assets.warehouse.roles.rights import SCHEMAS

# Sequences of columns and partitions' indexes follow their tables.
HAND_OVER = """
do $hand_over$
declare
    found record;
begin
    for found in
        select
            case c.relkind when 'v' then 'view' when 'm' then 'materialized view'
                when 'S' then 'sequence' else 'table' end as kind,
            format('%I.%I', n.nspname, c.relname) as name,
            pg_get_userbyid(n.nspowner) as owner
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ({schemas}) and c.relkind in ('r', 'p', 'v', 'm', 'S')
            and c.relowner <> n.nspowner and pg_has_role(c.relowner, 'usage')
            and not exists (
                select from pg_depend d
                where d.classid = 'pg_class'::regclass and d.objid = c.oid
                    and d.deptype in ('a', 'i') and c.relkind = 'S'
            )
        union all
        select
            'routine', p.oid::regprocedure::text, pg_get_userbyid(n.nspowner)
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname in ({schemas}) and p.proowner <> n.nspowner
            and pg_has_role(p.proowner, 'usage')
    loop
        execute format('alter %s %s owner to %I', found.kind, found.name, found.owner);
    end loop;
end
$hand_over$"""


def hand_over_statement(schemas: Sequence[str] = SCHEMAS) -> sql.Composed:
    """The statement that gives what is in schemas to their owners; it changes nothing twice.

    What belongs to a role that we are no member of is left.
    """
    names = sql.SQL(", ").join(map(sql.Literal, schemas))
    return sql.SQL(HAND_OVER).format(schemas=names)


def hand_over(connection: psycopg.Connection) -> None:
    """Give what is in our schemas to their owners."""
    connection.execute(hand_over_statement())
