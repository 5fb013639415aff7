"""A 17th source is two new files: a contract and a staging model. Nothing else is edited."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fastfeast_assets_tests.e2e.conftest import PROJECT, Home

MODEL = """\
with

promotions as (
    select * from {{ source('raw', 'promotions') }}
)

select distinct on (promotion_id)
    promotion_id,
    code
from promotions
order by promotion_id, _partition_at desc, _source_file
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the project ships, with the two new files."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("fastfeast_assets", "dbt_project", "docs"):
        ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
        shutil.copytree(PROJECT / name, copy / name, ignore=ignored)
    shutil.copy(PROJECT / "dagster.yaml", copy)
    sources = copy / "fastfeast_assets" / "contracts" / "sources"
    contract = (sources / "teams.odcs.yaml").read_text()
    new = contract.replace("teams", "promotions").replace("dim_team", "dim_promotion")
    new = new.replace("team_id", "promotion_id").replace("team_name", "code")
    (sources / "promotions.odcs.yaml").write_text(new)
    staging = copy / "dbt_project" / "models" / "staging" / "stg_promotions.sql"
    staging.write_text(MODEL)
    return copy


@pytest.mark.long
def test_two_files_bring_a_source_to_staging(project: Path, new_home: Callable[..., Home]) -> None:
    home = new_home(project)
    generate = [sys.executable, "-m", "fastfeast_assets.contracts.generate"]
    dbt = str(Path(sys.executable).parent / "dbt")
    parse = [
        dbt,
        "--quiet",
        "parse",
        "--project-dir",
        "dbt_project",
        "--profiles-dir",
        "dbt_project",
    ]
    for command in (generate, parse):
        subprocess.run(command, cwd=project, env=home.environment, check=True, capture_output=True)
    day = home.landing / "batch" / "2026-11-18"
    day.mkdir(parents=True)
    rows = [{"promotion_id": 1, "code": "KOSHARY10"}, {"promotion_id": "x", "code": "BAD"}]
    (day / "promotions.json").write_text(json.dumps(rows))
    assert "promotions" in home.run("ingest")
    assert home.query("select promotion_id, code from staging.stg_promotions") == [
        {"promotion_id": 1, "code": "KOSHARY10"}
    ]
    assert home.query("select source_table, reasons from quarantine") == [
        {
            "source_table": "dim_promotion",
            "reasons": [{"column": "promotion_id", "rule": "type", "value": "x"}],
        }
    ]
    dictionary = (project / "docs" / "reference" / "data-dictionary.md").read_text()
    assert "promotions" in dictionary
