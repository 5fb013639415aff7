"""The tables that this version wants, as statements that make them as temporary tables.

PostgreSQL then spells types, keys and conditions of both in the same way, those that are wanted and
those that are there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

MARTS = "marts"
SHADOW = "pg_temp"
"""The schema in which wanted tables are made for a moment; any role may."""

_REFERENCE = re.compile(r"ref\('(\w+)'\)")


@dataclass(frozen=True)
class Declared:
    """What a version says about a column that the column's definition does not.

    Attributes:
        was: Its former names, newest first.
        default: Expression over the row, for rows that nothing else fills.
    """

    was: tuple[str, ...] = ()
    default: str | None = None


@dataclass(frozen=True)
class WantedTable:
    """A table that this version wants.

    Attributes:
        create: Make it in the schema `SHADOW`, without what refers to other tables.
        finish: Add these references and the indexes, once all tables are there.
        declared: By column.
        dropped: Columns that it had and that may go with all they hold.
        is_required_later: Whether a new column may become not null; else it stays nullable.
    """

    schema: str
    name: str
    create: tuple[str, ...]
    finish: tuple[str, ...] = ()
    declared: Mapping[str, Declared] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    is_required_later: bool = True

    @property
    def full_name(self) -> str:
        """With its schema."""
        return f"{self.schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        """With its schema."""
        return sql.Identifier(self.schema, self.name)

    @property
    def digest(self) -> str:
        """Changes with the definition and with what is declared."""
        said = (self.create, self.finish, sorted(self.declared.items()), self.dropped)
        return hashlib.sha256(repr(said).encode()).hexdigest()

    def former(self, column: str) -> tuple[str, ...]:
        """The names that a column had, newest first."""
        return self.declared.get(column, Declared()).was

    def default(self, column: str) -> str | None:
        """The expression for rows of a new column that nothing else fills."""
        return self.declared.get(column, Declared()).default


def code(text: str) -> sql.SQL:
    """SQL out of the project's own files."""
    return sql.SQL(text)


def mart_table(node: Mapping[str, Any]) -> WantedTable:
    """The table of a model, from its entry in dbt's manifest."""
    name = node["alias"]
    table = f'{SHADOW}."{name}"'
    columns = list(node["columns"].values())
    definitions = [_column(column) for column in columns]
    references: list[str] = []
    for column in columns:
        for constraint in column["constraints"]:
            if constraint["type"] == "foreign_key":
                references.append(_constraint(constraint, [column["name"]]))
            elif constraint["type"] != "not_null":
                definitions.append(_constraint(constraint, [column["name"]]))
    for constraint in node["constraints"]:
        is_reference = constraint["type"] == "foreign_key"
        place = references if is_reference else definitions
        place.append(_constraint(constraint, constraint["columns"]))
    meta = node["config"].get("meta", {})
    return WantedTable(
        schema=MARTS,
        name=name,
        create=(f"create table {table} ({', '.join(definitions)})",),
        finish=(
            *(f"alter table {table} add {reference}" for reference in references),
            *(_index(table, index) for index in node["config"].get("indexes") or ()),
        ),
        declared={column["name"]: said for column in columns if (said := _declared(column))},
        dropped=tuple(_texts(meta.get("dropped"))),
    )


def _column(column: Mapping[str, Any]) -> str:
    kinds = {constraint["type"] for constraint in column["constraints"]}
    required = " not null" if kinds & {"not_null", "primary_key"} else ""
    return f'"{column["name"]}" {column["data_type"]}{required}'


def _constraint(constraint: Mapping[str, Any], columns: Iterable[str]) -> str:
    name = f'constraint "{constraint["name"]}" ' if constraint["name"] else ""
    listed = ", ".join(f'"{column}"' for column in columns)
    expression = constraint["expression"] or ""
    if constraint["type"] == "check":
        return f"{name}check ({expression})"
    kind = constraint["type"].replace("_", " ")
    if constraint["type"] != "foreign_key":
        return f"{name}{kind} ({listed}) {expression}".rstrip()
    if not constraint["to"]:
        return f"{name}{kind} ({listed}) references {_in_shadow(expression)}"
    found = _REFERENCE.search(constraint["to"])
    parent = found[1] if found else constraint["to"]
    to_columns = ", ".join(f'"{column}"' for column in constraint["to_columns"])
    return f'{name}{kind} ({listed}) references {SHADOW}."{parent}" ({to_columns}) {expression}'


def _in_shadow(expression: str) -> str:
    return re.sub(rf'^"?{MARTS}"?\.', f"{SHADOW}.", expression.strip())


def _index(table: str, index: Mapping[str, Any]) -> str:
    unique = "unique " if index.get("unique") else ""
    using = f" using {index['type']}" if index.get("type") else ""
    columns = ", ".join(f'"{column}"' for column in index["columns"])
    return f"create {unique}index on {table}{using} ({columns})"


def _declared(column: Mapping[str, Any]) -> Declared | None:
    meta = {**column["meta"], **(column.get("config") or {}).get("meta", {})}
    default = meta.get("default")
    found = Declared(tuple(_texts(meta.get("was"))), None if default is None else str(default))
    return found if found != Declared() else None


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
