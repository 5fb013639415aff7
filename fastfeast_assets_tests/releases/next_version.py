"""A version that comes after this one, made up: this project with changes of every kind."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fastfeast_assets.contracts.load import SOURCES_DIRECTORY
from fastfeast_assets.settings import PROJECT_ROOT
from fastfeast_assets.warehouse.upgrade.migrations import Migration

VERSION = "9.9.0"
MIGRATION = Migration(9901, "next", "alter table ops.pipeline_file_log add column remark text")

NEW_COLUMNS = """\
      - name: net_amount
        data_type: numeric(10,2)
        description: What is paid beside the delivery.
        config:
          meta:
            default: total_amount - delivery_fee
        constraints:
          - type: not_null
        data_tests:
          - not_null
      - name: method_in_raw
        data_type: text
        description: The method of payment, of rows that raw holds.
      - name: _partition_at
"""
NEW_CHECK = """\
    data_tests:
      - row_rule:
          name: fact_order_net_amount
          arguments:
            condition: net_amount = total_amount - delivery_fee
"""
TIP = """\
      - name: tip_amount
        logicalType: number
        physicalType: numeric(10,2)
        description: What the driver is given beside.
      - name: order_status
"""


@dataclass(frozen=True)
class NextVersion:
    """A copy of the dbt project and the contracts."""

    folder: Path

    @property
    def dbt_project(self) -> Path:
        """The dbt project."""
        return self.folder / "dbt_project"

    @property
    def contracts(self) -> Path:
        """The contracts."""
        return self.folder / "sources"

    def parse(self) -> None:
        """Make the manifest, as `make setup` does."""
        dbt = Path(sys.executable).parent / "dbt"
        folder = str(self.dbt_project)
        command = [str(dbt), "--quiet", "parse", "--project-dir", folder, "--profiles-dir", folder]
        subprocess.run(command, check=True, capture_output=True)

    def edit(self, path: str, *changes: tuple[str, str]) -> None:
        """Replace texts in a file of the dbt project or of the contracts."""
        file = self.folder / path
        text = file.read_text()
        for old, new in changes:
            assert old in text, (path, old)
            text = text.replace(old, new, 1)
        file.write_text(text)

    def reword(self, path: str, old: str, new: str) -> None:
        """Replace a word wherever it stands in a file."""
        file = self.folder / path
        text, count = re.subn(rf"\b{old}\b", new, file.read_text())
        assert count, (path, old)
        file.write_text(text)


def next_version(folder: Path) -> NextVersion:
    """Write it into a folder."""
    made = NextVersion(folder)
    ignored = shutil.ignore_patterns("target", "logs")
    shutil.copytree(PROJECT_ROOT / "dbt_project", made.dbt_project, ignore=ignored)
    shutil.copytree(SOURCES_DIRECTORY, made.contracts)
    _new_columns(made)
    _renamed_column(made)
    _retyped_column(made)
    _changed_view(made)
    _new_source(made)
    return made


def _new_columns(made: NextVersion) -> None:
    models = "dbt_project/models"
    computed = (
        "    total_amount,\n    total_amount - delivery_fee as net_amount,\n"
        "    case when is_in_raw then payment_method end as method_in_raw,\n    _partition_at,\n"
    )
    made.edit(
        f"{models}/intermediate/int_orders_resolved.sql",
        ("    total_amount,\n    _partition_at,\n", computed),
    )
    fact = f"{models}/marts/facts/fact_order"
    listed = "    total_amount,\n    net_amount,\n    method_in_raw,\n"
    made.edit(f"{fact}.sql", ("    total_amount,\n", listed))
    made.edit(
        f"{fact}.yml",
        ("      - name: _partition_at\n", NEW_COLUMNS),
        ("    data_tests:\n", NEW_CHECK),
    )
    made.edit("sources/orders.odcs.yaml", ("      - name: order_status\n", TIP))


def _renamed_column(made: NextVersion) -> None:
    models, old, new = "dbt_project/models", "notes", "remarks"
    made.edit("dbt_project/macros/provenance.sql", (f"'{old}'", f"'{new}'"))
    made.edit(f"{models}/staging/stg_ticket_events.sql", (f"    {old},", f"    {old} as {new},"))
    made.reword(f"{models}/intermediate/int_ticket_events_resolved.sql", old, new)
    fact = f"{models}/marts/facts/fact_ticket_event"
    made.reword(f"{fact}.sql", old, new)
    made.reword(f"{fact}.yml", old, new)
    declared = f"      - name: {new}\n        config:\n          meta:\n            was: {old}\n"
    made.edit(f"{fact}.yml", (f"      - name: {new}\n", declared))


def _retyped_column(made: NextVersion) -> None:
    fact = "dbt_project/models/marts/facts/fact_ticket.yml"
    old = "      - name: refund_amount\n        data_type: numeric(10,2)"
    made.edit(fact, (old, old.replace("10,2", "12,2")))


def _changed_view(made: NextVersion) -> None:
    view = "dbt_project/models/analytics/orders_by_hour.sql"
    made.edit(view, ("    times.shift,\n", "    upper(times.shift) as shift,\n"))


def _new_source(made: NextVersion) -> None:
    def renamed(text: str) -> str:
        for old, new in (("team_name", "code"), ("teams", "promotions"), ("team_", "promotion_")):
            text = text.replace(old, new)
        return text.replace("dim_team", "dim_promotion")

    models = made.dbt_project / "models"
    for folder, files in (
        (made.contracts, ("teams.odcs.yaml",)),
        (models / "staging", ("stg_teams.sql",)),
        (models / "marts" / "dimensions", ("dim_team.yml",)),
    ):
        for name in files:
            (folder / renamed(name)).write_text(renamed((folder / name).read_text()))
    dimension = models / "marts" / "dimensions" / "dim_team.sql"
    text = renamed(dimension.read_text()).replace("[('agents', 'promotion_id')]", "[]")
    text = text.replace("['promotions', 'agents']", "['promotions']")
    dimension.with_name("dim_promotion.sql").write_text(text)
    sources = models / "staging" / "_sources.yml"
    text = sources.read_text()
    entry = re.search(r"  - name: teams\n.*?(?=^  - name: |\Z)", text, re.MULTILINE | re.DOTALL)
    assert entry is not None
    sources.write_text(text.rstrip("\n") + "\n" + renamed(entry[0]))
