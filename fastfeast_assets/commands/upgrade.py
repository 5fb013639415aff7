"""`fastfeast upgrade`: a warehouse of an earlier version becomes one of this version."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastfeast_assets.commands.console import print_json, stdout
from fastfeast_assets.commands.context import log_to_file, warehouse_connection
from fastfeast_assets.commands.quarantine_options import JsonOption, TransformOption, YesOption
from fastfeast_assets.commands.upgrade_report import NOTHING, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from fastfeast_assets.contracts.model import Contract
    from fastfeast_assets.settings import Settings
    from fastfeast_assets.warehouse.identity import Identity


def upgrade(
    is_sure: YesOption = False, as_json: JsonOption = False, transform: TransformOption = True
) -> None:
    """Bring a warehouse of an earlier version to this one: ops, raw and marts, losing nothing.

    Shows what would be changed; without --yes nothing is. What only adds to the warehouse is done
    by the next `ingest` as well. A warehouse that does not know yet whose it is takes business
    clock, first partition and landing zone from the settings: call it with those that it was loaded
    with. A new warehouse needs no upgrade.

    [bold]Examples[/bold]

    What would be changed:  fastfeast upgrade

    Change it:  fastfeast upgrade --yes
    """
    from fastfeast_assets.contracts.load import load_contracts
    from fastfeast_assets.settings import load_settings
    from fastfeast_assets.warehouse import Warehouse

    settings = load_settings()
    log_to_file(settings)
    with warehouse_connection(settings):
        pass
    contracts = load_contracts(settings.contracts_dir)
    with closing(Warehouse(settings).connect(autocommit=True)) as connection:
        upgrading = _Upgrade(connection, settings, contracts)
        report = upgrading.look()
        if not as_json:
            report.print(stdout())
        elif report.plan.problems:
            print_json({"is_dry_run": True, **report.as_json()})
        report.ensure_possible()
        if is_sure:
            report = upgrading.run(report)
            if transform and report.is_transform_due:
                report.is_transformed = _follow(settings, is_quiet=as_json)
                upgrading.finish()
    if as_json:
        print_json({"is_dry_run": not is_sure, **report.as_json()})
    elif is_sure and not report.is_nothing:
        stdout().print("Done.")
    elif not report.is_nothing:
        stdout().print("Nothing was changed; --yes writes it.")
    else:
        stdout().print(NOTHING)


@dataclass
class _Upgrade:
    """The upgrade of one warehouse."""

    connection: psycopg.Connection
    settings: Settings
    contracts: Mapping[str, Contract]

    def look(self) -> Report:
        """What there is to be done; nothing is changed."""
        from fastfeast_assets.warehouse import identity, identity_guard, migrate
        from fastfeast_assets.warehouse.identity import UnknownIdentityError

        project, target = self.settings.dbt_project_dir, self.settings.dbt_target_dir
        with migrate.look(self.connection, self.contracts, project=project, target=target) as plan:
            report = Report(plan)
            try:
                identity_guard.ensure(self.connection, self.settings, is_dry_run=True)
            except UnknownIdentityError:
                report.is_unknown = True
            else:
                report.identity = identity.stored(self.connection)
        if report.is_unknown:
            report.identity = self._proposed(report)
        return report

    def run(self, report: Report) -> Report:
        """Do it."""
        from fastfeast_assets.warehouse import identity

        self.finish()
        if report.is_unknown:
            report.identity = identity.upgrade(self.connection, self.settings)
        return report

    def finish(self) -> None:
        """Bring the warehouse to the present, as far as that is possible now."""
        from fastfeast_assets.warehouse.migrate import migrate

        project, target = self.settings.dbt_project_dir, self.settings.dbt_target_dir
        migrate(self.connection, self.contracts, project=project, target=target, is_agreed=True)

    def _proposed(self, report: Report) -> Identity:
        """What a warehouse without identity would take from the settings."""
        from fastfeast_assets.commands.status_facts import look_at_landing
        from fastfeast_assets.warehouse import identity
        from fastfeast_assets.warehouse.identity_evidence import evidence
        from fastfeast_assets.warehouse.pii_key import is_newest_key

        found = look_at_landing(self.settings, dict(self.contracts))
        # Who has another key is not who has loaded it.
        is_newest_key(self.connection, self.settings)
        report.evidence = evidence(self.connection, [*found.files, *found.unsettled])
        report.evidence.ensure_fits(self.settings)
        return identity.proposed(self.settings)


def _follow(settings: Settings, *, is_quiet: bool) -> bool:
    """Bring the marts up to date; whether that succeeded."""
    import typer
    from rich.console import Console

    from fastfeast_assets.commands.ingest import run_ingest

    ingested = run_ingest(settings, is_loading=False)
    ingested.print(Console(quiet=True) if is_quiet else stdout(), settings.landing)
    if not ingested.summary.is_success:
        raise typer.Exit(ingested.exit_code)
    return True
