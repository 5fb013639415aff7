"""Everything that lies between a warehouse and this version, and doing it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.warehouse import audit
from fastfeast_assets.warehouse.upgrade import marts, raw, views
from fastfeast_assets.warehouse.upgrade.errors import MigrationError, UpgradeNeededError
from fastfeast_assets.warehouse.upgrade.manifest import Models
from fastfeast_assets.warehouse.upgrade.marts import MartsPlan
from fastfeast_assets.warehouse.upgrade.step import UNCHANGED, Step, run
from fastfeast_assets.warehouse.version import this_version

logger = logging.getLogger(__name__)

TARGET = "warehouse/version"


@dataclass
class Plan:
    """What a warehouse lacks.

    Attributes:
        was: The version that it is of; None where versions were not kept.
        migrations: Names of those that are pending.
        contracts: The sources whose raw tables are behind.
        raw: What is to be done to these.
        marts: What is to be done to the tables of marts.
        is_due: Whether the last whole transform has built other models.
    """

    was: str | None
    migrations: Sequence[str] = ()
    contracts: Sequence[Contract] = ()
    raw: list[Step] = field(default_factory=list)
    marts: MartsPlan = field(default_factory=MartsPlan)
    is_due: bool = False

    @property
    def steps(self) -> list[Step]:
        """All steps, in the order in which they are done."""
        return sorted([*self.raw, *self.marts.steps], key=lambda step: step.phase)

    @property
    def is_nothing(self) -> bool:
        """Whether the tables are those of this version already."""
        return not (self.migrations or self.contracts or self.steps)

    @property
    def problems(self) -> list[str]:
        """Why it cannot be done."""
        return [f"{step.text}: {step.problem}" for step in self.steps if step.problem]

    def ensure_possible(self) -> None:
        """Refuse what would lose something.

        Raises:
            MigrationError: A step cannot be done.
        """
        if self.problems:
            found = "; ".join(self.problems)
            raise MigrationError(
                f"this warehouse cannot become one of fastfeast {this_version()}: {found};"
                f" {UNCHANGED}"
            )

    def ensure_agreed(self) -> None:
        """Refuse what a person should see first.

        Raises:
            MigrationError: A step cannot be done.
            UpgradeNeededError: A step loses or renames something, or takes long.
        """
        self.ensure_possible()
        unseen = [step.text for step in self.steps if not step.is_by_itself]
        if unseen:
            more = f", and {len(unseen) - 1} more" if len(unseen) > 1 else ""
            raise UpgradeNeededError(
                f"fastfeast {this_version()} changes this warehouse in a way that you should see"
                f" first ({unseen[0]}{more}): run `fastfeast upgrade`; {UNCHANGED}"
            )

    def apply(self, connection: psycopg.Connection, contracts: Mapping[str, Contract]) -> None:
        """Do it in the present transaction.

        Raises:
            MigrationError: What a table holds does not let it be done.
        """
        read = [
            views.views_on(connection, step.table, step.columns)[0]
            for step in self.steps
            if step.columns
        ]
        views.drop(connection, sorted({view for found in read for view in found}))
        for name in self.migrations:
            logger.info("upgrade: migration %s", name)
        for step in self.steps:
            run(connection, step)
            logger.info("upgrade: %s", step.text)
        for contract in self.contracts:
            raw.apply(connection, contract, contracts)
        self.note(connection, contracts)
        if self.steps:
            old = None if self.was is None else {"version": self.was}
            new = {"version": this_version(), "steps": [step.text for step in self.steps]}
            audit.write(connection, [audit.Entry("upgrade", TARGET, old, new)])

    def note(self, connection: psycopg.Connection, contracts: Mapping[str, Contract]) -> None:
        """Keep what is there now, and let a transform follow where it has to."""
        if self.marts.is_news:
            marts.note(connection, self.marts, contracts)
        if self.is_due or any(step.columns or step.fills for step in self.steps):
            marts.make_due(connection)


def plan(
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    models: Models | None,
    *,
    was: str | None,
    migrations: Sequence[str],
) -> Plan:
    """Compare a warehouse that has the present migrations with what this version wants.

    Args:
        connection: In the transaction of the migrations, if there are any.
        contracts: By source.
        models: Of the dbt project; None where there are no marts.
        was: The version of the warehouse.
        migrations: Names of those that were just applied.
    """
    behind = raw.behind(connection, contracts)
    steps = [step for item in behind for step in raw.plan_raw(connection, item, contracts)]
    found = Plan(was, migrations, behind, steps)
    if models is not None:
        found.marts = marts.plan_marts(connection, models, contracts)
        found.is_due = marts.is_due(connection, models)
    return found
