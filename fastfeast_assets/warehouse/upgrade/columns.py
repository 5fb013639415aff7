"""What has to be done to the columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from fastfeast_assets.warehouse.upgrade.shape import ColumnShape, Shape
from fastfeast_assets.warehouse.upgrade.step import Step
from fastfeast_assets.warehouse.upgrade.views import views_on
from fastfeast_assets.warehouse.upgrade.wanted import WantedTable, code

ZONELESS, ZONED = "timestamp without time zone", "timestamp with time zone"


def renames(table: WantedTable, has: Shape, wants: Shape) -> dict[str, str]:
    """Columns that are there under a former name: old name -> new name."""
    found = {}
    for name in wants.columns:
        if name in has.columns:
            continue
        former = (old for old in table.former(name) if old in has.columns)
        old = next((old for old in former if old not in wants.columns), None)
        if old is not None and old not in found:
            found[old] = name
    return found


@dataclass(frozen=True)
class ColumnSteps:
    """The steps that give a table the columns that are wanted.

    Attributes:
        lost: Counts the rows of the table that can be filled from raw no more.
        has_rows: Whether the table has any.
        is_long: Whether touching each of its rows takes long.
        waiting: Columns that become not null once a transform has filled them.
    """

    connection: psycopg.Connection
    table: WantedTable
    has: Shape
    wants: Shape
    lost: Callable[[], int]
    has_rows: bool
    is_long: bool
    waiting: Sequence[str] = ()

    def all(self) -> Iterator[Step]:
        """In the order in which they are done."""
        names = renames(self.table, self.has, self.wants)
        former = {new: old for old, new in names.items()}
        for old, new in names.items():
            statement = self._alter("rename column {} to {}", old, new)
            yield self._step(f"column {old} becomes {new}", [statement], is_by_itself=False)
        for name, wanted in self.wants.columns.items():
            old = former.get(name, name)
            if old not in self.has.columns:
                yield self._added(name, wanted)
                continue
            has = self.has.columns[old]
            if has.type != wanted.type:
                yield self._retyped(name, old, has.type, wanted.type)
            if has.is_required and not wanted.is_required:
                yield self._loosened(name)
            elif wanted.is_required and not has.is_required and self.table.is_required_later:
                yield self._tightened(name, old)
        surplus = self.has.columns.keys() - self.wants.columns.keys() - names.keys()
        for name in sorted(surplus):
            if name in self.table.dropped:
                statement = self._alter("drop column {}", name)
                yield self._step(
                    f"column {name} goes, with all that it holds",
                    [statement],
                    is_by_itself=False,
                    columns=(name,),
                )
            elif self.has.columns[name].is_required and not self.has.columns[name].has_default:
                yield self._loosened(name)

    def _added(self, name: str, wanted: ColumnShape) -> Step:
        default = self.table.default(name)
        statements = [self._alter(f"add column {{}} {wanted.type}", name)]
        what = f"new column {name} {wanted.type}"
        is_required = wanted.is_required and self.table.is_required_later
        problem = None
        if default is not None and self.has_rows:
            statements.append(self._fill(name, default))
            what += f", {default} where raw tells nothing"
        if is_required and (default is not None or not self.has_rows):
            statements.append(self._alter("alter column {} set not null", name))
        elif is_required and (lost := self.lost()):
            problem = (
                f"{lost} rows that raw no longer holds would have nothing in it, and it may not"
                " be empty: the model must declare a default (meta: default)"
            )
        return Step(
            self.table.full_name,
            what,
            statements,
            is_by_itself=not (self.is_long and self.has_rows),
            problem=problem,
            fills=name if self.has_rows else None,
            waits=name if is_required and default is None and self.has_rows else None,
        )

    def _retyped(self, name: str, old: str, has: str, wants: str) -> Step:
        own, others = views_on(self.connection, self.table.full_name, [old])
        problem = self._loss(old, has, wants)
        if others:
            problem = (
                f"{', '.join(others)} reads it, which dbt does not make: drop it first, and make it"
                " again afterwards"
            )
        statement = self._alter(f"alter column {{}} type {wants} using {{}}::{wants}", name, name)
        again = f"; {len(own)} views are made anew" if own else ""
        return self._step(
            f"column {name} {has} becomes {wants}{again}",
            [statement],
            is_by_itself=False,
            problem=problem,
            columns=(old,),
        )

    def _loss(self, name: str, has: str, wants: str) -> str | None:
        """Why a column cannot become another type without losing something."""
        if {has, wants} == {ZONELESS, ZONED} or (ZONED in wants and has == "date"):
            return "which instants are meant depends on a time zone: write a migration"
        column = sql.Identifier(name)
        query = sql.SQL(
            "select count(*) from {table} where ({column}::{wants})::{has}"
            " is distinct from {column}"
        ).format(table=self.table.identifier, column=column, wants=code(wants), has=code(has))
        try:
            with self.connection.transaction():
                row = self.connection.execute(query).fetchone()
        except (psycopg.DataError, psycopg.ProgrammingError) as error:
            return f"not every value can be {wants} (SQLSTATE {error.sqlstate}): write a migration"
        lossy = row[0] if row else 0
        return (
            f"{lossy} values would not be the same any more: write a migration" if lossy else None
        )

    def _loosened(self, name: str) -> Step:
        statement = self._alter("alter column {} drop not null", name)
        return self._step(f"column {name} may be empty", [statement])

    def _tightened(self, name: str, old: str) -> Step:
        default = self.table.default(name)
        statements = [] if default is None else [self._fill(name, default)]
        statements.append(self._alter("alter column {} set not null", name))
        empty = 0 if default is not None else self._empty(old)
        if empty and name in self.waiting:
            return Step(self.table.full_name, f"column {name} waits for {empty} rows", waits=name)
        return self._step(
            f"column {name} may not be empty",
            statements,
            is_by_itself=not self.is_long,
            problem=f"{empty} rows have nothing in it" if empty else None,
        )

    def _empty(self, name: str) -> int:
        query = sql.SQL("select count(*) from {} where {} is null").format(
            self.table.identifier, sql.Identifier(name)
        )
        row = self.connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def _fill(self, name: str, default: str) -> sql.Composed:
        return sql.SQL("update {} set {column} = {} where {column} is null").format(
            self.table.identifier, code(default), column=sql.Identifier(name)
        )

    def _alter(self, what: str, *names: str) -> sql.Composed:
        done = code(what).format(*map(sql.Identifier, names))
        return sql.SQL("alter table {} {}").format(self.table.identifier, done)

    def _step(
        self,
        what: str,
        statements: list[sql.Composed],
        *,
        is_by_itself: bool = True,
        problem: str | None = None,
        columns: tuple[str, ...] = (),
    ) -> Step:
        return Step(
            self.table.full_name,
            what,
            statements,
            is_by_itself=is_by_itself,
            problem=problem,
            columns=columns,
        )
