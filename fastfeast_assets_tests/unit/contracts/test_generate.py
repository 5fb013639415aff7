"""The generated files are those of the contracts, and a new source needs nothing but its files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fastfeast_assets.contracts.dbt_sources import render_dbt_sources
from fastfeast_assets.contracts.dictionary import render_dictionary
from fastfeast_assets.contracts.generate import (
    DBT_SOURCES,
    DICTIONARY,
    PROJECT_ROOT,
    generate,
    main,
)
from fastfeast_assets.contracts.load import SOURCES_DIRECTORY, load_contracts
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.contracts.technical import TECHNICAL_COLUMNS
from fastfeast_assets_tests.unit.contracts.documents import document, prop, write


def test_the_generated_files_are_up_to_date() -> None:
    """Run `python -m fastfeast_assets.contracts.generate` when this fails."""
    assert generate(PROJECT_ROOT, check=True) == []


def test_generate_writes_what_differs_and_nothing_else(tmp_path: Path) -> None:
    both = [tmp_path / DBT_SOURCES, tmp_path / DICTIONARY]
    assert generate(tmp_path, check=True) == both
    assert not any(path.exists() for path in both)
    assert generate(tmp_path) == both
    assert generate(tmp_path) == []
    both[1].write_text("edited", encoding="utf-8")
    assert generate(tmp_path, check=True) == [both[1]]
    assert both[1].read_text(encoding="utf-8") == "edited"


def test_the_command_fails_on_drift_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check", "--root", str(tmp_path)]) == 1
    assert "out of date" in capsys.readouterr().out
    assert main(["--root", str(tmp_path)]) == 0
    assert main(["--check", "--root", str(tmp_path)]) == 0


def test_generated_files_say_so(contracts: dict[str, Contract]) -> None:
    for text in (render_dbt_sources(contracts), render_dictionary(contracts)):
        first = text.splitlines()[0]
        assert "Generated from fastfeast_assets/contracts/sources" in first


def test_the_dbt_source_lists_what_the_tables_hold(contracts: dict[str, Contract]) -> None:
    (source,) = yaml.safe_load(render_dbt_sources(contracts))["sources"]
    assert (source["name"], source["schema"]) == ("raw", "raw")
    tables = {table["name"]: table for table in source["tables"]}
    assert list(tables) == list(contracts)
    for name, contract in contracts.items():
        assert [column["name"] for column in tables[name]["columns"]] == [
            *(column.stored_as for column in contract.columns),
            *(column.name for column in TECHNICAL_COLUMNS),
        ]
        assert all(column["description"] for column in tables[name]["columns"])
        assert tables[name]["config"]["meta"]["owner"] == contract.owner
    phone = next(c for c in tables["customers"]["columns"] if c["name"] == "phone_hash")
    assert phone["data_type"] == "char(64)"
    assert phone["config"] == {"meta": {"is_personal": True}}


def test_the_dictionary_shows_every_column_and_rule(contracts: dict[str, Contract]) -> None:
    lines = render_dictionary(contracts).splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    expected = sum(len(contract.columns) for contract in contracts.values())
    assert len(rows) == expected + len(TECHNICAL_COLUMNS)
    assert all(line.count(" | ") in (2, 6) for line in rows)
    assert (
        "| `region_id` | integer | yes |  |  | `regions.region_id`"
        " | Region the order is delivered in. |" in rows
    )
    assert "- `resolved_at_required`: A resolved or closed ticket says when it was resolved." in (
        lines
    )


def test_a_pipe_in_a_pattern_does_not_break_the_table(tmp_path: Path) -> None:
    doc = document()
    doc["schema"][0]["properties"].append(
        prop("size", "string", "text", logicalTypeOptions={"pattern": "^(S|M)$"})
    )
    write(tmp_path, doc)
    text = render_dictionary(load_contracts(tmp_path))
    assert r"matches `^(S\|M)$`" in text


def test_a_source_is_added_by_adding_its_file(tmp_path: Path) -> None:
    for path in SOURCES_DIRECTORY.glob("*.odcs.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    doc = document()
    doc["schema"][0]["properties"].append(
        prop(
            "order_id",
            "string",
            "varchar(36)",
            relationships=[{"to": "orders.order_id"}],
            customProperties=[{"property": "canonical", "value": "uuid"}],
        )
    )
    write(tmp_path, doc)
    contracts = load_contracts(tmp_path)
    assert set(contracts) == {*load_contracts(), "shops"}
    assert "name: shops" in render_dbt_sources(contracts)
    assert "## shops" in render_dictionary(contracts)


def test_reading_contracts_needs_no_pandas_and_no_dagster() -> None:
    script = (
        "import sys, fastfeast_assets.contracts.load as load; load.load_contracts();"
        "sys.exit(bool({'pandas', 'dagster', 'psycopg'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
