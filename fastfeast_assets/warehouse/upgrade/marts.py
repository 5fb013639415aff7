"""What has to be done to the tables of marts, and what is noted once it is done.

The tables that a version wants come from the contracts of the dbt models; dbt itself makes those
that are not there yet. A new column is filled by the next transform, which looks at all of raw
once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse.upgrade.columns import ColumnSteps, renames
from fastfeast_assets.warehouse.upgrade.constraints import constraint_steps
from fastfeast_assets.warehouse.upgrade.lost import lost_rows
from fastfeast_assets.warehouse.upgrade.manifest import Models
from fastfeast_assets.warehouse.upgrade.shape import Shape, shapes, wanted_shapes
from fastfeast_assets.warehouse.upgrade.step import Step, is_long
from fastfeast_assets.warehouse.upgrade.wanted import MARTS, WantedTable

HISTORY = "_history"
TRANSFORM = "transform"


@dataclass
class MartsPlan:
    """What the tables of marts lack.

    Attributes:
        tables: Those whose definition is to be noted.
        steps: What is to be done to them.
        waiting: Columns that go on waiting to become not null, by table.
        is_news: Whether there is anything to be noted.
    """

    tables: list[WantedTable] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    waiting: dict[str, list[str]] = field(default_factory=dict)
    is_news: bool = False


def has_marts(connection: psycopg.Connection) -> bool:
    """Whether a transform has made any table of marts."""
    row = connection.execute(
        "select exists (select from pg_class where relkind in ('r', 'p')"
        " and relnamespace = to_regnamespace(%s))",
        [MARTS],
    ).fetchone()
    return row == (True,)


def plan_marts(
    connection: psycopg.Connection, models: Models, contracts: Mapping[str, Contract]
) -> MartsPlan:
    """Compare the tables of marts with those that are wanted, unless it is noted that they agree.

    Args:
        connection: To a warehouse with the present migrations.
        models: What is wanted.
        contracts: By source; they say which raw table a mart is filled from.
    """
    known = {
        mart: (digest, waiting)
        for mart, digest, waiting in connection.execute(
            "select mart, definition_hash, waiting_columns from ops.mart_table"
        ).fetchall()
    }
    unknown = [item for item in models.tables if known.get(item.name) != (item.digest, [])]
    if not unknown:
        return MartsPlan()
    there = shapes(connection, MARTS, [table.name for table in unknown])
    changed = [table for table in unknown if table.name in there]
    plan = MartsPlan(changed)
    if not changed:
        return plan
    wanted = wanted_shapes(connection, models.tables)
    for table in changed:
        shape = there[table.name], wanted[table.name]
        waiting = known.get(table.name, ("", []))[1]
        for step in _steps(connection, table, shape, source_of(table.name, contracts), waiting):
            if step.waits is not None:
                plan.waiting.setdefault(table.name, []).append(step.waits)
            plan.steps += [step] if step.statements else []
        note = table.digest, plan.waiting.get(table.name, [])
        plan.is_news = plan.is_news or known.get(table.name) != note
    return plan


def source_of(mart: str, contracts: Mapping[str, Contract]) -> Contract | None:
    """The source whose rows a mart holds, or their history; None for one made of other things."""
    target = mart.removesuffix(HISTORY)
    return next((contract for contract in contracts.values() if contract.target == target), None)


def note(
    connection: psycopg.Connection, plan: MartsPlan, contracts: Mapping[str, Contract]
) -> None:
    """Keep what was done, in its transaction; new columns are filled by the next transform."""
    for table in plan.tables:
        connection.execute(
            "insert into ops.mart_table (mart, definition_hash, waiting_columns)"
            " values (%s, %s, %s) on conflict (mart) do update set"
            " definition_hash = excluded.definition_hash,"
            " waiting_columns = excluded.waiting_columns, applied_at = clock_timestamp()",
            [table.name, table.digest, plan.waiting.get(table.name, [])],
        )
    for mart in sorted({step.table.partition(".")[2] for step in plan.steps if step.fills}):
        contract = source_of(mart, contracts)
        if contract is not None:
            connection.execute(
                "delete from ops.consumed_load c using ops.pipeline_file_log l"
                " where c.consumer = %s and c.load_id = l.log_id and l.source = %s"
                " and l.is_loaded and l.valid_records > l.pruned_records",
                [mart, contract.source],
            )


def make_due(connection: psycopg.Connection) -> None:
    """Let the next command or console run a whole transform: each source has a load to be seen."""
    connection.execute(
        "delete from ops.consumed_load where consumer = %s and load_id in"
        " (select max(log_id) from ops.pipeline_file_log where status = 'success' group by source)",
        [TRANSFORM],
    )


def is_due(connection: psycopg.Connection, models: Models) -> bool:
    """Whether the last whole transform has built other models, and none of these is pending yet."""
    row = connection.execute(
        "select exists (select from ops.consumed_load where consumer = %(transform)s)"
        " and not exists (select from ops.built_models where models_hash = %(digest)s)"
        " and exists (select from ops.consumed_load where consumer = %(transform)s and load_id in"
        " (select max(log_id) from ops.pipeline_file_log where status = 'success'"
        " group by source))",
        {"transform": TRANSFORM, "digest": models.digest},
    ).fetchone()
    return row == (True,)


def record_built(connection: psycopg.Connection, models: Models) -> None:
    """Keep that a transform has built all these models."""
    connection.execute(
        "insert into ops.built_models (models_hash) values (%s) on conflict (is_the_one)"
        " do update set models_hash = excluded.models_hash, built_at = excluded.built_at"
        " where built_models.models_hash <> excluded.models_hash",
        [models.digest],
    )


def _steps(
    connection: psycopg.Connection,
    table: WantedTable,
    shape: tuple[Shape, Shape],
    contract: Contract | None,
    waiting: Sequence[str],
) -> list[Step]:
    has, wants = shape
    row = connection.execute(
        sql.SQL("select exists (select from {})").format(table.identifier)
    ).fetchone()
    long = is_long(connection, table.full_name)
    columns = ColumnSteps(
        connection,
        table,
        has,
        wants,
        lost=lambda: lost_rows(connection, table, has, contract),
        has_rows=row == (True,),
        is_long=long,
        waiting=waiting,
    )
    renamed = has.renamed(renames(table, has, wants))
    return [*columns.all(), *constraint_steps(table, renamed, wants, is_long=long)]
