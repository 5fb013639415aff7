"""The tables that are there, as the catalog of PostgreSQL tells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from fastfeast_assets.warehouse.upgrade.wanted import SHADOW, WantedTable

OWN_SPACE = sql.SQL("pg_my_temp_schema()")
COLUMNS = sql.SQL("""
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.atthasdef or a.attidentity <> ''
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = {schema} and c.relkind in ('r', 'p')
  and c.relname = any(%(tables)s)
order by c.relname, a.attnum
""")
CONSTRAINTS = sql.SQL("""
select c.relname, k.conname, k.contype::text, pg_get_constraintdef(k.oid)
from pg_constraint k join pg_class c on c.oid = k.conrelid
where c.relnamespace = {schema} and c.relname = any(%(tables)s)
  and k.contype in ('p', 'u', 'f', 'c')
""")
INDEXES = sql.SQL("""
select c.relname, i.indisunique, pg_get_indexdef(i.indexrelid)
from pg_index i join pg_class c on c.oid = i.indrelid
where c.relnamespace = {schema} and c.relname = any(%(tables)s)
  and not exists (select from pg_constraint k where k.conindid = i.indexrelid
                  and k.contype in ('p', 'u'))
""")


@dataclass(frozen=True)
class ColumnShape:
    """A column.

    Attributes:
        type: As PostgreSQL spells it.
        is_required: Whether it is not null.
        has_default: Whether a row gets a value without naming it.
    """

    type: str
    is_required: bool
    has_default: bool


@dataclass
class Shape:
    """A table.

    Attributes:
        columns: By name.
        constraints: Kind (`p`, `u`, `f`, `c`) and definition, with the name of each.
        indexes: What each index is over, such as `btree (date_key)`; unique ones say so.
    """

    columns: dict[str, ColumnShape] = field(default_factory=dict)
    constraints: dict[tuple[str, str], str] = field(default_factory=dict)
    indexes: set[str] = field(default_factory=set)

    def renamed(self, names: Mapping[str, str]) -> Shape:
        """As it is once some of its columns have other names."""
        if not names:
            return self
        return Shape(
            {names.get(name, name): column for name, column in self.columns.items()},
            {(kind, _reword(text, names)): name for (kind, text), name in self.constraints.items()},
            {_reword(text, names) for text in self.indexes},
        )


def shapes(connection: psycopg.Connection, schema: str, tables: Iterable[str]) -> dict[str, Shape]:
    """The tables of these names that a schema has, by name."""
    space = OWN_SPACE if schema == SHADOW else sql.SQL("to_regnamespace(%(schema)s)")
    wanted = {"schema": schema, "tables": list(tables)}
    found: dict[str, Shape] = {}

    def read(query: sql.SQL) -> list[tuple[Any, ...]]:
        return connection.execute(query.format(schema=space), wanted).fetchall()

    with _plain_path(connection):
        for table, column, *rest in connection.execute(
            COLUMNS.format(schema=space), wanted
        ).fetchall():
            found.setdefault(table, Shape()).columns[column] = ColumnShape(*rest)
        for table, name, kind, text in connection.execute(
            CONSTRAINTS.format(schema=space), wanted
        ).fetchall():
            found[table].constraints[kind, _anywhere(text, schema)] = name
        for table, is_unique, text in connection.execute(
            INDEXES.format(schema=space), wanted
        ).fetchall():
            over = text.partition(" USING ")[2]
            found[table].indexes.add(f"unique {over}" if is_unique else over)
    return found


def wanted_shapes(
    connection: psycopg.Connection, tables: Sequence[WantedTable]
) -> dict[str, Shape]:
    """What these tables would be like if they were made now; nothing is left of it."""
    with connection.transaction(force_rollback=True):
        for table in tables:
            for statement in table.create:
                connection.execute(statement.encode())
        for table in tables:
            for statement in table.finish:
                connection.execute(statement.encode())
        return shapes(connection, SHADOW, [table.name for table in tables])


@contextmanager
def _plain_path(connection: psycopg.Connection) -> Iterator[None]:
    """Definitions name the schema of each table only when it is not on the search path."""
    with connection.transaction(force_rollback=True):
        connection.execute("set local search_path = pg_catalog")
        yield


def _anywhere(text: str, schema: str) -> str:
    """A definition that is the same in any schema."""
    return text.replace(f"{schema}.", "")


def _reword(text: str, names: Mapping[str, str]) -> str:
    """A definition with other names of columns; what it says of another table stays."""
    own, references, other = text.partition(" REFERENCES ")
    for old, new in names.items():
        own = re.sub(rf"\b{re.escape(old)}\b", new, own)
    return own + references + other
