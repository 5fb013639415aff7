"""What `fastfeast upgrade` shows: every change of the warehouse, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fastfeast_assets.commands.console import number, table

if TYPE_CHECKING:
    from fastfeast_assets.warehouse.identity import Identity
    from fastfeast_assets.warehouse.identity_evidence import Evidence
    from fastfeast_assets.warehouse.upgrade.plan import Plan

NOTHING = "Nothing to upgrade."
FRESH = "a fresh id, written into it if it may be"


@dataclass
class Report:
    """The changes, planned or done.

    Attributes:
        identity: Whose the warehouse is, or would be.
        is_unknown: Whether it has still to take that.
        evidence: What its ledger tells of it then.
        is_transformed: Whether the marts have been brought up to date.
    """

    plan: Plan
    identity: Identity | None = None
    is_unknown: bool = False
    evidence: Evidence | None = None
    is_transformed: bool = False

    @property
    def is_transform_due(self) -> bool:
        """Whether marts or views have to be built anew."""
        return self.plan.is_due or any(step.fills or step.columns for step in self.plan.steps)

    @property
    def is_nothing(self) -> bool:
        """Whether the warehouse is one of this version already."""
        return self.plan.is_nothing and not self.is_unknown and not self.is_transform_due

    def ensure_possible(self) -> None:
        """Refuse what would lose something.

        Raises:
            MigrationError: A step cannot be done.
        """
        self.plan.ensure_possible()

    def as_json(self) -> dict[str, Any]:
        """The changes for programs."""
        from fastfeast_assets.warehouse.version import this_version

        return {
            "warehouse_version": self.plan.was,
            "version": this_version(),
            "migrations": list(self.plan.migrations),
            "steps": [
                {
                    "table": step.table,
                    "what": step.what,
                    "is_by_itself": step.is_by_itself,
                    "problem": step.problem,
                }
                for step in self.plan.steps
            ],
            "is_transform_due": self.is_transform_due and not self.is_transformed,
            "identity": {} if self.identity is None else self.identity.texts(),
        }

    def print(self, console: Console) -> None:
        """The changes for people."""
        from fastfeast_assets.warehouse.version import this_version

        if not self.plan.is_nothing or self.is_transform_due:
            title = f"fastfeast {self.plan.was or '(before 0.1.0)'} -> {this_version()}"
            heads = ("table", "change", "")
            console.print(table(title, heads, self._lines()))
        if self.is_unknown:
            console.print(
                table("Identity of the warehouse", ("", "of the settings", ""), self._who())
            )

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        for name in self.plan.migrations:
            yield "ops", f"migration {name}", ""
        changed = {step.table for step in self.plan.steps}
        for contract in self.plan.contracts:
            if f"raw.{contract.source}" not in changed:
                yield f"raw.{contract.source}", "as its contract says", ""
        for step in self.plan.steps:
            if step.problem:
                note = f"not possible: {step.problem}"
            elif step.fills:
                note = "the transform fills it from raw; older rows stay"
            else:
                note = "" if step.is_by_itself else "to be seen first"
            yield step.table, step.what, note
        if self.is_transform_due:
            yield "marts, views", "built by a transform", ""

    def _who(self) -> list[tuple[str, str, str]]:
        assert self.identity is not None  # noqa: S101
        assert self.evidence is not None  # noqa: S101
        values, seen = self.identity.texts(), self.evidence
        masters = (
            "no master file is loaded" if seen.master_date is None else "as the master files say"
        )
        return [
            ("business clock", values["timezone"], "nothing in the warehouse tells: compare it"),
            ("first partition", values["start_date"], masters),
            (
                "landing zone",
                values["landing_address"],
                f"{number(seen.standing)} of {number(seen.loaded)} loaded files stand there",
            ),
            ("known by", values["landing"] or FRESH, ""),
        ]
