"""Where an installed dbt project is kept parsed: never the one of another version."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fastfeast_assets.warehouse.upgrade.manifest import ManifestMissingError, current_manifest

MODEL = Path("models") / "one.sql"
DESCRIBED = Path("models") / "one.yml"
FILES = {
    Path("dbt_project.yml"): (
        "name: small\nversion: '1.0'\nprofile: small\nflags: {send_anonymous_usage_stats: false}\n"
    ),
    Path("profiles.yml"): (
        "small: {target: t, outputs: {t: {type: postgres, host: h, port: 1, user: u, password: p,"
        " dbname: d, schema: s}}}\n"
    ),
    MODEL: "select 1 as number\n",
    DESCRIBED: "models: [{name: one, description: first}]\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A dbt project of one model; all its files have one time, as some installers leave them."""
    place = tmp_path / "site-packages" / "dbt_project"
    (place / "models").mkdir(parents=True)
    for name, text in FILES.items():
        put(place / name, text)
    return place


def put(path: Path, text: str) -> None:
    path.write_text(text)
    os.utime(path, (1_000_000_000, 1_000_000_000))


def told(manifest: Path) -> tuple[str, str]:
    node = json.loads(manifest.read_bytes())["nodes"]["model.small.one"]
    return node["raw_code"], node["description"]


def test_another_version_of_the_files_is_parsed_whatever_their_times(
    project: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    target = home / "dbt-parsed"
    first = current_manifest(project, target)
    assert told(first) == ("select 1 as number", "first")
    parsed_at = first.stat().st_mtime_ns
    assert current_manifest(project, target) == first
    assert first.stat().st_mtime_ns == parsed_at
    remembered = [
        home / "dbt" / "partial_parse.msgpack",
        home / "dbt-check" / "partial_parse.msgpack",
    ]
    for path in remembered:
        path.parent.mkdir()
        path.touch()
    put(project / MODEL, "select 2 as number\n")
    put(project / DESCRIBED, "models: [{name: one, description: second}]\n")
    second = current_manifest(project, target)
    assert told(second) == ("select 2 as number", "second")
    assert [path.name for path in target.iterdir()] == [second.parent.name]
    assert [path for path in remembered if path.exists()] == []
    assert sorted(path.name for path in project.iterdir()) == [
        "dbt_project.yml",
        "models",
        "profiles.yml",
    ]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("no project", "holds no dbt_project.yml: name a dbt project"),
        ("bad model", "cannot be parsed into .* .dbt cannot parse it.: run `fastfeast doctor`"),
        ("bad home", "cannot be parsed into .* .Not a directory."),
    ],
)
def test_what_cannot_be_parsed_is_said(
    project: Path, tmp_path: Path, trouble: str, said: str
) -> None:
    home = tmp_path / "home"
    if trouble == "no project":
        (project / "dbt_project.yml").unlink()
    elif trouble == "bad model":
        put(project / MODEL, "select {{ nonsense\n")
    else:
        home.touch()
    with pytest.raises(ManifestMissingError, match=said):
        current_manifest(project, home / "dbt-parsed")
