"""The raw tables: which are behind their contracts, and what has to be done to them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import psycopg
from packaging.version import Version

from fastfeast_assets.contracts.ddl import raw_table_ddl
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse.months import convert
from fastfeast_assets.warehouse.upgrade.columns import ColumnSteps
from fastfeast_assets.warehouse.upgrade.errors import MigrationError
from fastfeast_assets.warehouse.upgrade.shape import shapes, wanted_shapes
from fastfeast_assets.warehouse.upgrade.step import UNCHANGED, Step, is_long
from fastfeast_assets.warehouse.upgrade.wanted import SHADOW, Declared, WantedTable

RAW = "raw"


def behind(connection: psycopg.Connection, contracts: Mapping[str, Contract]) -> list[Contract]:
    """The sources whose raw table is missing or was made from another contract.

    Raises:
        MigrationError: It was made from a later version of the contract. An earlier one does not
            know all columns, and would leave them empty in silence.
    """
    known = {
        source: (Version(version or "0"), digest)
        for source, version, digest in connection.execute(
            "select source, contract_version, definition_hash from ops.raw_table"
        ).fetchall()
    }
    found = []
    for contract in contracts.values():
        wanted = Version(contract.version), _digest(connection, contract, contracts)
        there = known.get(contract.source)
        if there is not None and there[0] > wanted[0]:
            raise MigrationError(
                f"raw.{contract.source} is of version {there[0]} of its contract, and this is"
                f" version {wanted[0]}: use the later one, or raise the version of this one above"
                f" {there[0]} if it is meant to take its place; {UNCHANGED}"
            )
        if there != wanted:
            found.append(contract)
    return found


def apply(
    connection: psycopg.Connection, contract: Contract, contracts: Mapping[str, Contract]
) -> None:
    """Make what a raw table lacks beside its columns, or all of it, and note its definition."""
    _forget_checksums(connection, contract)
    statements = raw_table_ddl(contract, contracts)
    if contract.cadence == "stream":
        convert(connection, contract, statements[0])
    for statement in statements:
        connection.execute(statement)
    connection.execute(
        "insert into ops.raw_table (source, contract_version, definition_hash, amounts) "
        "values (%s, %s, %s, %s) on conflict (source) do update set "
        "contract_version = excluded.contract_version, amounts = excluded.amounts, "
        "definition_hash = excluded.definition_hash, applied_at = now()",
        [
            contract.source,
            contract.version,
            _digest(connection, contract, contracts),
            _amounts(contract),
        ],
    )


def _amounts(contract: Contract) -> list[str]:
    """What the checksum of a row is over, in its order."""
    return [
        f"{column.stored_as} {column.physical_type}"
        for column in contract.columns
        if column.scale is not None
    ]


def _forget_checksums(connection: psycopg.Connection, contract: Contract) -> None:
    """Nobody can compare the loads of before when an amount is of another kind, or gone."""
    row = connection.execute(
        "select amounts from ops.raw_table where source = %s", [contract.source]
    ).fetchone()
    if row is None or row[0] is None:
        return
    names = {old: column.stored_as for column in contract.columns for old in column.was}
    amounts = iter(_amounts(contract))
    for amount in row[0]:
        name, _, type_ = amount.partition(" ")
        if {amount, f"{names.get(name)} {type_}"}.isdisjoint(amounts):
            connection.execute(
                "update ops.pipeline_file_log set row_checksum = null where source = %s",
                [contract.source],
            )
            return


def _digest(
    connection: psycopg.Connection, contract: Contract, contracts: Mapping[str, Contract]
) -> str:
    statements = raw_table_ddl(contract, contracts)
    definition = "\n".join(statement.as_string(connection) for statement in statements)
    return hashlib.sha256(definition.encode()).hexdigest()


def plan_raw(
    connection: psycopg.Connection, contract: Contract, contracts: Mapping[str, Contract]
) -> list[Step]:
    """The steps that give a raw table the columns of its contract; none for one that is missing.

    A new column is never required: the rows that are there were not asked for it.
    """
    there = shapes(connection, RAW, [contract.source]).get(contract.source)
    if there is None:
        return []
    create = raw_table_ddl(contract, contracts, schema=SHADOW)[0].as_string(connection)
    table = WantedTable(
        schema=RAW,
        name=contract.source,
        create=(create,),
        declared={
            column.stored_as: Declared(column.was) for column in contract.columns if column.was
        },
        is_required_later=False,
    )
    wanted = wanted_shapes(connection, [table])[contract.source]
    steps = ColumnSteps(
        connection,
        table,
        there,
        wanted,
        lost=lambda: 0,
        has_rows=False,
        is_long=is_long(connection, table.full_name),
    )
    return list(steps.all())
