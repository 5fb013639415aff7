"""The raw table of a source in SQL.

Belongs here: table, partitions, indexes and comments. Who runs the statements, and when, is the
business of the warehouse.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from psycopg import sql

from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.contracts.technical import TECHNICAL_COLUMNS, TechnicalColumn

HASH_LENGTH = 64
"""Hexadecimal digits of the HMAC-SHA256 that stands for a personal value."""

PARTITION_COLUMN = "_partition_at"
"""By whose month the raw tables of stream sources are partitioned."""

_TYPES: Mapping[str, sql.SQL] = {
    "smallint": sql.SQL("smallint"),
    "integer": sql.SQL("integer"),
    "bigint": sql.SQL("bigint"),
    "numeric": sql.SQL("numeric"),
    "text": sql.SQL("text"),
    "boolean": sql.SQL("boolean"),
    "date": sql.SQL("date"),
    "timestamp": sql.SQL("timestamp without time zone"),
    "timestamptz": sql.SQL("timestamp with time zone"),
    "jsonb": sql.SQL("jsonb"),
}


def raw_table_ddl(
    contract: Contract, contracts: Mapping[str, Contract], *, schema: str = "raw"
) -> list[sql.Composed]:
    """The statements that make the raw table of a source unless it exists already.

    Personal columns hold hashes under their stored names. No column is unique: several files
    may hold versions of a key. Indexed are the key, the load, and the columns that point to a
    stream source, by which waiting rows are found when their parent arrives. The table of a
    stream source is partitioned by the month of the landing partition, see `month_partition_ddl`.

    Args:
        contract: The source.
        contracts: All contracts, to know the sources it refers to.
        schema: Schema of the table; it must exist.

    Returns:
        Statements to be run in this order, each of them safe to run again.
    """
    table = sql.Identifier(schema, contract.source)
    definitions = [
        *(_column(column) for column in contract.columns),
        *(_technical_column(column) for column in TECHNICAL_COLUMNS),
    ]
    create = sql.SQL("create table if not exists {} (\n    {}\n){}").format(
        table, sql.SQL(",\n    ").join(definitions), _partitioning(contract)
    )
    return [create, *_indexes(contract, contracts, table), *_comments(contract, table)]


def _partitioning(contract: Contract) -> sql.Composable:
    if contract.cadence != "stream":
        return sql.SQL("")
    return sql.SQL(" partition by range ({})").format(sql.Identifier(PARTITION_COLUMN))


def month_partition_name(source: str, month: date, *, schema: str = "raw") -> tuple[str, str]:
    """Schema and name of the table that holds a month of a stream source."""
    return schema, f"{source}_p{month:%Y_%m}"


def month_partition(source: str, month: date, *, schema: str = "raw") -> sql.Identifier:
    """The table that holds a month of a stream source."""
    return sql.Identifier(*month_partition_name(source, month, schema=schema))


def month_of(moment: datetime) -> date:
    """The first day of the month in which a landing partition starts."""
    return moment.date().replace(day=1)


def month_after(month: date) -> date:
    """The first day of the next month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def month_partition_ddl(source: str, month: date, *, schema: str = "raw") -> list[sql.Composed]:
    """The statements that add a month to the raw table of a stream source.

    The partition is made beside the table and then attached, which neither waits for running
    loads and queries nor makes them wait; `create table ... partition of` would do both.
    """
    table, partition = sql.Identifier(schema, source), month_partition(source, month, schema=schema)
    return [
        sql.SQL("create table {} (like {} including defaults)").format(partition, table),
        sql.SQL("alter table {} attach partition {} for values from ({}) to ({})").format(
            table, partition, sql.Literal(str(month)), sql.Literal(str(month_after(month)))
        ),
    ]


def _column(column: Column) -> sql.Composed:
    return _definition(column.stored_as, column_type(column), column.required, None)


def _technical_column(column: TechnicalColumn) -> sql.Composed:
    default = sql.SQL(column.default) if column.default is not None else None
    return _definition(column.name, _TYPES[column.physical_type], column.required, default)


def _definition(
    name: str, physical_type: sql.Composable, required: bool, default: sql.SQL | None
) -> sql.Composed:
    parts: list[sql.Composable] = [sql.Identifier(name), physical_type]
    if required:
        parts.append(sql.SQL("not null"))
    if default is not None:
        parts += [sql.SQL("default"), default]
    return sql.SQL(" ").join(parts)


def column_type(column: Column) -> sql.Composable:
    """The type of a column in the raw table; a personal one holds a hash."""
    if column.is_personal:
        return sql.SQL("char({})").format(sql.Literal(HASH_LENGTH))
    if column.scale is not None:
        return sql.SQL("numeric({}, {})").format(
            sql.Literal(column.precision), sql.Literal(column.scale)
        )
    if column.physical_type.startswith("varchar("):
        size = int(column.physical_type.removeprefix("varchar(").removesuffix(")"))
        return sql.SQL("varchar({})").format(sql.Literal(size))
    return _TYPES[column.physical_type]


def _indexes(
    contract: Contract, contracts: Mapping[str, Contract], table: sql.Identifier
) -> list[sql.Composed]:
    waiting = [
        column.stored_as
        for column in contract.references
        if column.reference is not None and contracts[column.reference.source].cadence == "stream"
    ]
    key = sql.Identifier(contract.key.stored_as)
    by_name: dict[str, sql.Composable] = {
        # A stream's newest version of a key is found in the newest month that holds the key:
        # in this order the months are searched one by one, and the search ends with the first.
        contract.key.stored_as: sql.SQL("{}, {} desc, {}").format(
            key, sql.Identifier(PARTITION_COLUMN), sql.Identifier("_source_file")
        )
        if contract.cadence == "stream"
        else key,
        **{name: sql.Identifier(name) for name in ("_load_id", *waiting)},
    }
    return [
        sql.SQL("create index if not exists {} on {} ({})").format(
            sql.Identifier(f"{contract.source}_{name.lstrip('_')}_idx"), table, columns
        )
        for name, columns in by_name.items()
    ]


def _comments(contract: Contract, table: sql.Identifier) -> list[sql.Composed]:
    described = [
        *((column.stored_as, stored_description(column)) for column in contract.columns),
        *((column.name, column.description) for column in TECHNICAL_COLUMNS),
    ]
    of_table = sql.SQL("comment on table {} is {}").format(table, contract.description)
    of_columns = (
        sql.SQL("comment on column {}.{} is {}").format(table, sql.Identifier(name), text)
        for name, text in described
    )
    return [of_table, *of_columns]


def stored_description(column: Column) -> str:
    """What the column of the raw table holds: for a personal one, its hash."""
    if not column.is_personal:
        return column.description
    return f"HMAC-SHA256 of {column.name} in canonical form. {column.description}"
