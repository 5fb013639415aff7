"""The wheel of this checkout: what is in it, and what dbt makes of that."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from fastfeast_assets_tests.e2e.conftest import PROJECT
from fastfeast_assets_tests.package.conftest import run

LOCK = PROJECT / "requirements" / "runtime.txt"
PARSE = (
    "from fastfeast_assets.settings import load_settings; s = load_settings();"
    "from fastfeast_assets.warehouse.upgrade.manifest import current_manifest;"
    "print(current_manifest(s.dbt_project_dir, s.dbt_target_dir))"
)


def test_it_holds_the_project_and_nothing_else(unpacked: Path) -> None:
    beside = [PROJECT / "dagster.yaml", PROJECT / "workspace.yaml", LOCK]
    of_dbt = [PROJECT / "dbt_project" / name for name in ("dbt_project.yml", "profiles.yml")]
    for part in ("models", "macros", "tests"):
        of_dbt += [it for it in (PROJECT / "dbt_project" / part).rglob("*") if it.is_file()]
    own = [it for it in (PROJECT / "fastfeast_assets").rglob("*") if it.is_file()]
    wanted = {
        f"fastfeast_assets/project/{path.relative_to(PROJECT)}": path for path in beside + of_dbt
    } | {str(path.relative_to(PROJECT)): path for path in own if path.parent.name != "__pycache__"}
    held = {
        str(path.relative_to(unpacked)): path
        for path in unpacked.rglob("*")
        if path.is_file() and ".dist-info" not in str(path) and path.parent.name != "__pycache__"
    }
    assert held.keys() == wanted.keys()
    for name, path in held.items():
        assert path.read_bytes() == wanted[name].read_bytes(), name


def test_its_metadata(unpacked: Path) -> None:
    [place] = unpacked.glob("*.dist-info")
    metadata = HeaderParser().parsestr((place / "METADATA").read_text())
    assert metadata["Name"] == "fastfeast-assets"
    assert metadata["Version"] == "0.2.0.dev0"
    assert metadata["Requires-Python"] == "<3.12,>=3.11"
    assert metadata.get_all("Provides-Extra") == ["s3", "dev"]
    # No licence is chosen: nobody publishes it by mistake.
    assert "Private :: Do Not Upload" in (metadata.get_all("Classifier") or [])
    assert metadata["License-Expression"] is None
    points = (place / "entry_points.txt").read_text()
    assert "fastfeast = fastfeast_assets.cli:main" in points
    assert "fastfeast-dbt = fastfeast_assets.assets.dbt_child:main" in points


def test_a_source_distribution_gives_the_same_wheel(
    context: Path, unpacked: Path, tmp_path: Path
) -> None:
    code = "from setuptools.build_meta import build_sdist; import sys; build_sdist(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=context, check=True, capture_output=True
    )
    [archive] = tmp_path.glob("*.tar.gz")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*command, "--wheel-dir", tmp_path, archive], check=True, capture_output=True, cwd="/"
    )
    [made] = tmp_path.glob("*.whl")
    [record] = unpacked.glob("*.dist-info/RECORD")
    with zipfile.ZipFile(made) as wheel:
        held = wheel.read(f"{record.parent.name}/RECORD").decode()
    assert sorted(held.split()) == sorted(record.read_text().split())


def test_what_an_earlier_build_left_does_not_go_along(context: Path, tmp_path: Path) -> None:
    place = tmp_path / "context"
    shutil.copytree(context, place)
    left = place / "build" / "lib" / "fastfeast_assets" / "project" / "dbt_project" / "models"
    left.mkdir(parents=True, exist_ok=True)
    (left / "gone.sql").write_text("select 1\n")
    for made in ("target", "logs"):
        (place / "dbt_project" / made).mkdir()
        (place / "dbt_project" / made / "made.sql").write_text("select 1\n")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", tmp_path, place], check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert [name for name in names if name.endswith(("gone.sql", "made.sql"))] == []
    assert "fastfeast_assets/project/dbt_project/dbt_project.yml" in names


@pytest.mark.long
def test_dbt_makes_of_it_what_it_makes_of_the_checkout(unpacked: Path, passable: Path) -> None:
    parsed = run(unpacked, "-c", PARSE, HOME=str(passable))
    made = Path(parsed.stdout.strip())
    assert made.is_relative_to(passable / ".local" / "state" / "fastfeast"), parsed.stderr
    nodes = json.loads(made.read_bytes())["nodes"]
    own = json.loads((PROJECT / "dbt_project" / "target" / "manifest.json").read_bytes())["nodes"]
    assert {name: node["checksum"] for name, node in nodes.items()} == {
        name: node["checksum"] for name, node in own.items()
    }
