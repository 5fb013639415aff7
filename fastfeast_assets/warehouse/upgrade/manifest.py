"""The compiled dbt project: what it wants of the tables of marts, and whether it is up to date.

Belongs here: finding and reading `target/manifest.json`. What differs from a warehouse is for
`marts` to say.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastfeast_assets.home import make_private
from fastfeast_assets.installation import SET_UP
from fastfeast_assets.warehouse.upgrade.wanted import MARTS, WantedTable, mart_table

MANIFEST = Path("target") / "manifest.json"
PROJECT_FILE = "dbt_project.yml"
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


def current_manifest(project_dir: Path, target: Path | None = None) -> Path:
    """The manifest of a dbt project, made anew when a file of the project has changed.

    Args:
        project_dir: Of the dbt project.
        target: Where it is kept parsed, and made if need be; by default in the project itself,
            which somebody must have parsed once.

    Raises:
        ManifestMissingError: There is none, or it cannot be made.
    """
    if target is not None:
        return _kept_manifest(project_dir, target)
    manifest = project_dir / MANIFEST
    if not manifest.exists():
        raise ManifestMissingError(
            f"{manifest} does not exist: run `make setup`, which parses dbt_project"
        )

    def is_current() -> bool:
        return not _is_outdated(project_dir, manifest)

    if not is_current() and (trouble := _parse(project_dir, manifest, is_current)) is not None:
        raise ManifestMissingError(
            f"{project_dir} has changed since it was parsed ({trouble}): run `make setup`, which"
            " tells more"
        )
    return manifest


def _kept_manifest(project_dir: Path, target: Path) -> Path:
    """The manifest in a folder that is named by what it was made from.

    Of an installed project the times of files tell nothing: an older version may be put in place of
    a newer one, and some installers give all files one time.
    """
    if not (project_dir / PROJECT_FILE).is_file():
        raise ManifestMissingError(
            f"{project_dir} holds no {PROJECT_FILE}: name a dbt project by"
            " FASTFEAST_DBT_PROJECT_DIR"
        )
    manifest = target / _fingerprint(project_dir) / MANIFEST.name
    if manifest.exists():
        return manifest
    if (trouble := _parse(project_dir, manifest, manifest.exists)) is not None:
        raise ManifestMissingError(
            f"{project_dir} cannot be parsed into {target} ({trouble}): run `fastfeast doctor`;"
            f" if nothing else is wrong, {SET_UP}"
        )
    _forget_earlier(manifest.parent)
    return manifest


def _forget_earlier(kept: Path) -> None:
    """Remove what was made of other files: what dbt remembers of them goes by their times."""
    for other in kept.parent.iterdir():
        if other != kept:
            shutil.rmtree(other, ignore_errors=True)
    for remembered in kept.parent.parent.glob("dbt*/partial_parse.msgpack"):
        remembered.unlink(missing_ok=True)


def _fingerprint(project_dir: Path) -> str:
    digest = hashlib.sha256(f"{version('dbt-core')} {project_dir}".encode())
    for path in sorted(_files(project_dir)):
        digest.update(f"\0{path.relative_to(project_dir)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def models_of(project_dir: Path, target: Path | None = None) -> Models:
    """What the dbt project makes.

    Raises:
        ManifestMissingError: It has not been parsed, or cannot be.
    """
    manifest = current_manifest(project_dir, target)
    return _read(manifest, manifest.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(manifest: Path, _changed_ns: int) -> Models:
    try:
        content = json.loads(manifest.read_bytes())
    except ValueError as error:
        raise ManifestMissingError(
            f"{manifest} is damaged: remove it, and run `make setup`"
        ) from error
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
    return any(path.stat().st_mtime > parsed_at for path in _files(project_dir))


def _files(project_dir: Path) -> list[Path]:
    files = [path for name in FOLDERS for path in (project_dir / name).rglob("*") if path.is_file()]
    return [*files, project_dir / PROJECT_FILE]


def _parse(project_dir: Path, manifest: Path, is_current: Callable[[], bool]) -> str | None:
    """Make the manifest beside the old one and put it in its place; one process at a time.

    Returns:
        What stood in the way, or None.
    """
    try:
        make_private(manifest.parent)
        with (
            (manifest.parent / ".parsing").open("w") as lock,
            tempfile.TemporaryDirectory(dir=manifest.parent, prefix=".parsing-") as place,
        ):
            fcntl.flock(lock, fcntl.LOCK_EX)
            if is_current():
                return None
            started = time.time()
            dbt = Path(sys.executable).parent / "fastfeast-dbt"
            folders = ["--project-dir", str(project_dir), "--profiles-dir", str(project_dir)]
            paths = ["--target-path", place, "--log-path", place]
            command = [str(dbt), "--quiet", "parse", *folders, *paths]
            done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603
            if done.returncode != 0:
                return "dbt cannot parse it"
            # As old as what it was made from: a file may change while dbt reads.
            os.utime(Path(place) / MANIFEST.name, (started, started))
            os.replace(Path(place) / MANIFEST.name, manifest)
    except OSError as error:
        return error.strerror or type(error).__name__
    return None
