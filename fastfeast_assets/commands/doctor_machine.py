"""What `fastfeast doctor` looks at on this machine: Python, packages, settings, directories."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from fastfeast_assets.commands.findings import Finding, failed, passed, warned
from fastfeast_assets.installation import SET_UP

if TYPE_CHECKING:
    from fastfeast_assets.settings import Settings

DISTRIBUTION = "fastfeast-assets"
PYTHON = (3, 11)
GIGABYTE = 2**30
FREE_WARNING = 5 * GIGABYTE
FREE_FAILURE = GIGABYTE // 2
DISTINCT_CHARACTERS = 10
RESTORE = "restore it: the checkout's from git, a wheel's by installing it again"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")


def check_python() -> Finding:
    """The interpreter that the packages are pinned for."""
    seen = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    if sys.version_info[:2] == PYTHON:
        return passed("python", seen)
    wanted = ".".join(map(str, PYTHON))
    return failed("python", f"{seen} runs this", f"use Python {wanted}: {SET_UP}, with it")


def check_packages(lock: Path) -> Finding:
    """Installed packages against the lock; a package that breaks a stated limit is a failure."""
    pins = _pins(lock)
    different = {
        name: version
        for name, version in pins.items()
        if (installed := _installed(name)) is not None and installed != version
    }
    if _installed(DISTRIBUTION) is None:
        return warned("packages", f"{DISTRIBUTION} is run, not installed", SET_UP)
    if broken := sorted(_broken_requirements()):
        return failed("packages", f"not as required: {', '.join(broken)}", SET_UP)
    if not pins:
        return warned(
            "packages",
            f"{lock} is missing, pins unknown",
            RESTORE,
        )
    if different:
        names = ", ".join(
            f"{name} {_installed(name)} instead of {version}" for name, version in different.items()
        )
        return warned("packages", names, f"{SET_UP}, which installs the pinned ones")
    present = sum(_installed(name) is not None for name in pins)
    return passed("packages", f"{present} packages as pinned")


def _pins(lock: Path) -> dict[str, str]:
    if not lock.exists():
        return {}
    lines = lock.read_text(encoding="utf-8").splitlines()
    return {match[1]: match[2] for line in lines if (match := _PIN.match(line))}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _broken_requirements() -> Iterator[str]:
    """The requirements of this package that the environment does not meet."""
    from packaging.requirements import Requirement

    for text in metadata.requires(DISTRIBUTION) or []:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = _installed(requirement.name)
        if version is None:
            yield f"{requirement.name} is missing"
        elif not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement.name} {version} (needs {requirement.specifier})"


def check_key(settings: Settings) -> Finding:
    """The key of the hashes: its length, never its value."""
    key = settings.pii_key.get_secret_value()
    detail = f"{len(key)} characters"
    if len(set(key)) < DISTINCT_CHARACTERS:
        return warned(
            "PII key",
            f"{detail}, few of them different: it can be guessed",
            "before the first load, make one with "
            "`python -c 'import secrets; print(secrets.token_hex(32))'`",
        )
    return passed("PII key", detail)


def check_user(settings: Settings) -> Finding:
    """Root works, and is more than is needed."""
    if os.geteuid() != 0:
        return passed("user", _user_name())
    detail = "root"
    if settings.warehouse_url is None:
        place = (settings.home / "pg").resolve()
        detail = f"root; the embedded server runs as a user of its own, its data are in {place}"
    return warned("user", detail, "use an ordinary user, to whom FASTFEAST_HOME belongs")


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # As in a container that names a number only.
        return f"user {os.geteuid()}, without a name"


def check_timezone(settings: Settings) -> Finding:
    """The business clock, and the hour it shows."""
    now = datetime.now(settings.zone)
    return passed("business clock", f"{settings.timezone}, now {now:%Y-%m-%d %H:%M}")


def check_landing(settings: Settings, *, is_known: bool = False) -> Finding:
    """The landing zone exists, can be reached and can be read.

    Args:
        settings: Name it.
        is_known: Whether files have been loaded from it, so that it cannot be one to come.
    """
    from fastfeast_assets.ingest.landing import open_landing

    trouble = open_landing(settings.landing).trouble()
    if trouble is None:
        return passed("landing zone", settings.landing)
    state = warned if trouble.is_absent and not is_known else failed
    return state("landing zone", trouble.text, trouble.advice)


def check_home(settings: Settings) -> Finding:
    """Home can be written."""
    home = settings.home
    ancestor = _existing(home)
    if not ancestor.is_dir() or not os.access(ancestor, os.W_OK | os.X_OK):
        return failed(
            "home", f"{ancestor} may not be written", "set FASTFEAST_HOME to a place of your own"
        )
    return passed("home", str(home))


def check_disk(settings: Settings) -> Finding:
    """Room for the warehouse, the logs and Dagster's files."""
    free = free_bytes(settings.home)
    detail = f"{free / GIGABYTE:.1f} GB free at home"
    if free < FREE_FAILURE:
        return failed("disk", detail, "make room, or set FASTFEAST_HOME to another disk")
    if free < FREE_WARNING:
        return warned("disk", detail, "make room before loading much")
    return passed("disk", detail)


def free_bytes(home: Path) -> int:
    """Room on the disk of a directory, which need not exist yet."""
    return shutil.disk_usage(_existing(home)).free


def _existing(path: Path) -> Path:
    """The path, or the nearest directory above it that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def check_manifest(settings: Settings) -> Finding:
    """The dbt project has been parsed, and not before its last change."""
    if settings.dbt_target_dir is not None:
        return _check_kept_manifest(settings.dbt_project_dir, settings.dbt_target_dir)
    manifest = settings.dbt_project_dir / "target" / "manifest.json"
    if not manifest.exists():
        return failed("dbt manifest", f"{manifest} does not exist", "run `make setup`")
    parsed_at = manifest.stat().st_mtime
    folders = ("models", "macros", "snapshots", "tests")
    newer = [
        path
        for folder in folders
        for path in (settings.dbt_project_dir / folder).rglob("*")
        if path.suffix in (".sql", ".yml") and path.stat().st_mtime > parsed_at
    ]
    if newer:
        name = newer[0].relative_to(settings.dbt_project_dir)
        return warned("dbt manifest", f"older than {name}", "run `make setup`")
    return passed("dbt manifest", f"{manifest.stat().st_size / 1e6:.1f} MB")


def _check_kept_manifest(project: Path, target: Path) -> Finding:
    """That of a wheel is made where there is none."""
    from fastfeast_assets.warehouse.upgrade.manifest import ManifestMissingError, current_manifest

    try:
        manifest = current_manifest(project, target)
    except ManifestMissingError as error:
        return failed("dbt manifest", str(error), SET_UP)
    return passed("dbt manifest", f"{manifest.stat().st_size / 1e6:.1f} MB, in {target}")
