"""Reading `ops.quarantine`: filters in, rows out. All values travel as parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from fastfeast_assets.commands.errors import USAGE, CommandError
from fastfeast_assets.commands.quarantine_options import RULES, Filters, Status

if TYPE_CHECKING:
    import psycopg

    from fastfeast_assets.settings import Settings

Row = dict[str, Any]

COLUMNS = (
    "quarantine_id",
    "quarantined_at",
    "status",
    "source",
    "source_table",
    "source_file",
    "row_number",
    "primary_key",
    "rejection_stage",
    "rejection_reason",
    "reasons",
    "raw_data",
    "run_id",
    "first_seen_at",
    "retry_count",
    "last_retry_at",
    "resolved_at",
)
FETCHED_AT_A_TIME = 5_000


def _where(filters: Filters) -> tuple[sql.Composable, list[object]]:
    """The condition and its parameters."""
    conditions: list[sql.Composable] = [sql.SQL("true")]
    values: list[object] = []

    def add(condition: sql.SQL, value: object) -> None:
        conditions.append(condition)
        values.append(value)

    if filters.source is not None:
        add(sql.SQL("source = %s"), filters.source)
    if filters.stage is not None:
        add(sql.SQL("rejection_stage = %s"), str(filters.stage))
    if filters.status is not Status.ALL:
        add(sql.SQL("status = %s"), str(filters.status))
    if filters.rule is not None:
        rule, _, column = filters.rule.partition(":")
        reason = {"rule": rule} | ({"column": column} if column else {})
        add(sql.SQL("reasons @> %s"), Jsonb([reason]))
    if filters.file is not None:
        add(sql.SQL("source_file like %s"), _pattern(filters.file))
    if filters.ids is not None:
        add(sql.SQL("quarantine_id = any(%s)"), list(filters.ids))
    return sql.SQL(" and ").join(conditions), values


def _pattern(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return text.replace("*", "%")


def ensure_known(connection: psycopg.Connection, settings: Settings, filters: Filters) -> None:
    """Refuse a source or a rule that neither a contract nor a quarantined row has.

    Raises:
        CommandError: It is misspelt; the error lists those that there are.
    """
    from fastfeast_assets.contracts.load import load_contracts

    contracts = load_contracts(settings.contracts_dir)
    by_source = Filters(filters.source, status=Status.ALL)
    _ensure_one(connection, "source", filters.source, sorted(contracts), by_source)
    rules = [rule.name for contract in contracts.values() for rule in contract.row_rules]
    by_rule = Filters(rule=filters.rule, status=Status.ALL)
    _ensure_one(connection, "rule", filters.rule, [*RULES, *sorted(set(rules))], by_rule)


def _ensure_one(
    connection: psycopg.Connection,
    what: str,
    name: str | None,
    known: Sequence[str],
    rows: Filters,
) -> None:
    if name is None or name.partition(":")[0] in known:
        return
    if not count(connection, rows):
        raise CommandError(
            f"no contract has the {what} {name}",
            next_step=f"choose one of: {', '.join(known)}",
            exit_code=USAGE,
        )


def count(connection: psycopg.Connection, filters: Filters) -> int:
    """How many rows there are."""
    condition, values = _where(filters)
    statement = sql.SQL("select count(*) from ops.quarantine where {}").format(condition)
    row = connection.execute(statement, values).fetchone()
    return int(row[0]) if row else 0


def ids(connection: psycopg.Connection, filters: Filters) -> list[int]:
    """The ids of all rows, lowest first."""
    condition, values = _where(filters)
    statement = sql.SQL(
        "select quarantine_id from ops.quarantine where {} order by quarantine_id"
    ).format(condition)
    return [row[0] for row in connection.execute(statement, values).fetchall()]


def newest(connection: psycopg.Connection, filters: Filters, limit: int) -> list[Row]:
    """The latest rows, latest first."""
    condition, values = _where(filters)
    statement = sql.SQL(
        "select {} from ops.quarantine where {} order by quarantine_id desc limit %s"
    ).format(_columns(), condition)
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, [*values, limit]).fetchall()


def one(connection: psycopg.Connection, quarantine_id: int) -> Row | None:
    """The row of this id."""
    statement = sql.SQL("select {} from ops.quarantine where quarantine_id = %s").format(_columns())
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, [quarantine_id]).fetchone()


def stream(connection: psycopg.Connection, filters: Filters, limit: int | None) -> Iterator[Row]:
    """All rows, oldest first, a few thousand in memory at a time."""
    condition, values = _where(filters)
    statement = sql.SQL(
        "select {} from ops.quarantine where {} order by quarantine_id limit %s"
    ).format(_columns(), condition)
    with connection.cursor("quarantine_export", row_factory=dict_row) as cursor:
        cursor.itersize = FETCHED_AT_A_TIME
        cursor.execute(statement, [*values, limit])
        yield from cursor


def _columns() -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, COLUMNS))


def reason_texts(row: Row) -> list[str]:
    """The reasons of a row, one text each: `order_amount: range (-5)`."""
    return [
        f"{reason.get('column')}: {reason.get('rule')}"
        + (f" ({reason['value']})" if reason.get("value") is not None else "")
        for reason in row["reasons"]
    ]
