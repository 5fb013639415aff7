"""The compiled dbt project: what it wants of the tables of marts, and whether it is up to date.

Belongs here: finding and reading `target/manifest.json`. What differs from a warehouse is for
`marts` to say.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastfeast_assets.warehouse.upgrade.wanted import MARTS, WantedTable, mart_table

MANIFEST = Path("target") / "manifest.json"
FOLDERS = ("models", "macros", "tests", "snapshots")


class ManifestMissingError(Exception):
    """The dbt project has not been parsed; the text says what to do."""


@dataclass(frozen=True)
class Models:
    """What a dbt project makes.

    Attributes:
        tables: The tables of marts that are kept from one transform to the next.
        digest: Changes with any model, macro or described column.
    """

    tables: tuple[WantedTable, ...]
    digest: str


def current_manifest(project_dir: Path) -> Path:
    """The manifest of a dbt project, made anew when a file of the project is newer.

    Raises:
        ManifestMissingError: There is none, or it cannot be made.
    """
    manifest = project_dir / MANIFEST
    if not manifest.exists():
        raise ManifestMissingError(
            f"{manifest} does not exist: run `make setup`, which parses dbt_project"
        )
    if _is_outdated(project_dir, manifest):
        _parse(project_dir, manifest)
    return manifest


def models_of(project_dir: Path) -> Models:
    """What the dbt project makes.

    Raises:
        ManifestMissingError: It has not been parsed, or cannot be.
    """
    manifest = current_manifest(project_dir)
    return _read(manifest, manifest.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(manifest: Path, _changed_ns: int) -> Models:
    try:
        content = json.loads(manifest.read_bytes())
    except ValueError as error:
        raise ManifestMissingError(f"{manifest} is damaged: run `make setup`") from error
    own = content["metadata"]["project_name"]
    models = [node for node in content["nodes"].values() if node["resource_type"] == "model"]
    kept = [
        node
        for node in models
        if node["schema"] == MARTS and node["config"]["materialized"] == "incremental"
    ]
    macros = [macro for macro in content["macros"].values() if macro["package_name"] == own]
    return Models(tuple(mart_table(node) for node in kept), _digest(models, macros))


def _digest(models: list[Mapping[str, Any]], macros: list[Mapping[str, Any]]) -> str:
    parts = [
        [node["unique_id"], node["raw_code"], node["columns"], node["constraints"], node["config"]]
        for node in models
    ]
    parts += [[macro["unique_id"], macro["macro_sql"]] for macro in macros]
    text = json.dumps(sorted(parts, key=lambda part: str(part[0])), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _is_outdated(project_dir: Path, manifest: Path) -> bool:
    parsed_at = manifest.stat().st_mtime
    files = [path for name in FOLDERS for path in (project_dir / name).rglob("*") if path.is_file()]
    files.append(project_dir / "dbt_project.yml")
    return any(path.stat().st_mtime > parsed_at for path in files)


def _parse(project_dir: Path, manifest: Path) -> None:
    """Make the manifest beside the old one and put it in its place; one process at a time."""
    try:
        with (
            (manifest.parent / ".parsing").open("w") as lock,
            tempfile.TemporaryDirectory(dir=manifest.parent, prefix=".parsing-") as place,
        ):
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_outdated(project_dir, manifest):
                return
            started = time.time()
            dbt = Path(sys.executable).parent / "dbt"
            folders = ["--project-dir", str(project_dir), "--profiles-dir", str(project_dir)]
            paths = ["--target-path", place, "--log-path", place]
            command = [str(dbt), "--quiet", "parse", *folders, *paths]
            done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603
            if done.returncode == 0:
                # As old as what it was made from: a file may change while dbt reads.
                os.utime(Path(place) / MANIFEST.name, (started, started))
                os.replace(Path(place) / MANIFEST.name, manifest)
                return
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        reason = "dbt cannot parse it"
    raise ManifestMissingError(
        f"{project_dir} has changed since it was parsed ({reason}): run `make setup`, which tells"
        " more"
    )
