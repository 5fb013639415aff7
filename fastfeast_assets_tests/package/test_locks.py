"""The locks, the licences and the bill of materials say the same."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

from fastfeast_assets_tests.e2e.conftest import PROJECT

TOOLS = PROJECT / "deploy" / "package"
LOCKS = PROJECT / "requirements"
Locked = Mapping[tuple[str, str], list[str]]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def locked(name: str) -> Locked:
    found: Locked = tool("lock").locked(LOCKS / name)
    return found


@pytest.mark.parametrize("name", ["runtime.txt", "build.txt"])
def test_a_part_of_the_lock_has_its_versions_and_hashes(name: str) -> None:
    everything, part = locked("lock.txt"), locked(name)
    assert part
    for package, hashes in part.items():
        assert hashes, package
        assert everything.get(package) == hashes, package


def test_the_runtime_lock_meets_what_the_package_needs_and_has_nothing_to_develop_with() -> None:
    pinned = {name for name, _ in locked("runtime.txt")}
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    needed = {tool("lock").normal(Requirement(text).name) for text in project["dependencies"]}
    assert needed <= pinned
    extras = project["optional-dependencies"]
    assert "s3fs" in pinned
    tools = {tool("lock").normal(Requirement(text).name) for text in extras["dev"]}
    # One that another package needs to run.
    assert (tools - needed) & pinned == {"markdown-it-py"}


@pytest.mark.parametrize("name", ["lock.txt", "runtime.txt", "build.txt"])
def test_a_lock_names_no_index(name: str) -> None:
    assert re.findall(r"https?://|--index|--find-links", (LOCKS / name).read_text()) == []


def test_every_licence_is_listed() -> None:
    checked = subprocess.run(
        [sys.executable, TOOLS / "licences.py", "--check"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    text = (PROJECT / "docs" / "reference" / "third-party-licences.md").read_text()
    assert "No licence is chosen for FastFeast itself yet" in text
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][2:]
    named = {(tool("lock").normal(row[0].removeprefix("| ")), row[1]) for row in rows}
    assert named == set(locked("runtime.txt"))
    assert [row for row in rows if "UNKNOWN" in row[2]] == []


def test_a_page_that_is_not_up_to_date_is_refused(tmp_path: Path) -> None:
    for name in ("requirements/runtime.txt", "docs/reference/third-party-licences.md"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text((PROJECT / name).read_text().replace("six", "seven"))
    checked = subprocess.run(
        [sys.executable, TOOLS / "licences.py", "--check"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 1
    assert "run `make licences`" in checked.stderr


@pytest.mark.long
def test_the_bill_of_materials_is_valid_complete_and_always_the_same(tmp_path: Path) -> None:
    files = [tmp_path / "one" / "a.json", tmp_path / "two" / "b.json"]
    for file in files:
        command = [sys.executable, str(TOOLS / "sbom.py"), str(file)]
        subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    text = files[0].read_text()
    assert files[1].read_text() == text
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    wanted = locked("runtime.txt")
    normal = tool("lock").normal
    found = {(normal(it["name"]), it["version"]): it for it in bill["components"]}
    assert found.keys() == wanted.keys()
    for package, component in found.items():
        [reference] = component["externalReferences"]
        assert [it["content"] for it in reference["hashes"]] == wanted[package]
        assert component["purl"].startswith("pkg:pypi/")
        assert component["licenses"], package
    own = bill["metadata"]["component"]
    assert (own["name"], own["version"]) == ("fastfeast-assets", "0.2.0.dev0")
    direct = next(it["dependsOn"] for it in bill["dependencies"] if it["ref"] == own["bom-ref"])
    assert any(ref.startswith("dagster==") for ref in direct)
    # The schema's own name apart, no address stands in it: nor where packages were fetched from.
    assert re.findall(r"https?://(?!cyclonedx\.org/schema/)", text) == []
