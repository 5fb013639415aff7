"""What has to be done to the keys, conditions and indexes of a table."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from fastfeast_assets.warehouse.upgrade.shape import Shape
from fastfeast_assets.warehouse.upgrade.step import Phase, Step
from fastfeast_assets.warehouse.upgrade.wanted import WantedTable, code

KINDS = {"p": "primary key", "u": "unique", "f": "foreign key", "c": "check"}


def constraint_steps(
    table: WantedTable, has: Shape, wants: Shape, *, is_long: bool
) -> Iterator[Step]:
    """The steps that give a table the wanted keys, conditions and indexes.

    Indexes that nobody wants stay: they cost time and stand in nobody's way.
    """
    for kind, text in sorted(has.constraints.keys() - wants.constraints.keys()):
        statement = sql.SQL("alter table {} drop constraint {}").format(
            table.identifier, sql.Identifier(has.constraints[kind, text])
        )
        what = f"without {KINDS[kind]}: {text}"
        problem = "another primary key: write a migration" if kind == "p" else None
        phase = Phase.UNLINK if kind == "f" else Phase.LOOSEN
        yield Step(table.full_name, what, [statement], phase, problem=problem)
    for kind, text in sorted(wants.constraints.keys() - has.constraints.keys()):
        definition = code(_of_schema(text, table.schema))
        statement = sql.SQL("alter table {} add {}").format(table.identifier, definition)
        what = f"with {KINDS[kind]}: {text}"
        phase = Phase.LINK if kind == "f" else Phase.TIGHTEN
        yield Step(table.full_name, what, [statement], phase, is_by_itself=not is_long)
    for text in sorted(wants.indexes - has.indexes):
        unique, over = ("unique ", text[7:]) if text.startswith("unique ") else ("", text)
        statement = sql.SQL("create {}index on {} using {}").format(
            code(unique), table.identifier, code(over)
        )
        yield Step(
            table.full_name, f"index {text}", [statement], Phase.TIGHTEN, is_by_itself=not is_long
        )


def _of_schema(text: str, schema: str) -> str:
    """A definition that refers to tables of a schema."""
    own, references, other = text.partition(" REFERENCES ")
    return f"{own}{references}{schema}.{other}" if references else text
