"""The embedded server and the other users of the machine."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from pydantic import SecretStr

from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import server_user
from fastfeast_assets.warehouse.connection import ServerError
from fastfeast_assets.warehouse.server import (
    data_directory,
    running_pid,
    start_server,
    stop_server,
    warehouse_dsn,
)
from fastfeast_assets.warehouse.server_user import NAME, STATE, bundled_programs
from fastfeast_assets_tests.conftest import PII_KEY
from fastfeast_assets_tests.e2e.conftest import COMMAND, PROJECT

NOBODY = pwd.getpwnam("nobody")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


# Of the environment, or of the machine where that one is in somebody's home.
PYTHONS = (sys.executable, "/usr/bin/python3")


def runs_for_nobody(python: str, variables: dict[str, str]) -> bool:
    """Whether a user without rights can use this checkout with a Python."""
    try:
        code = "import fastfeast_assets.warehouse.database, fastfeast_assets.cli"
        done = subprocess.run(
            [python, "-c", code],
            user=NOBODY.pw_uid,
            group=NOBODY.pw_gid,
            extra_groups=[],
            env={**os.environ, **variables},
            cwd="/",
            check=False,
            capture_output=True,
        )
    except OSError:
        return False
    return done.returncode == 0


def settings_of(home: Path) -> Settings:
    return Settings(home=home, pii_key=SecretStr(PII_KEY))


@pytest.fixture
def parent() -> Iterator[Path]:
    """A folder that only its owner may enter; a socket's path may have 107 characters."""
    directory = Path(tempfile.mkdtemp(prefix="ff-"))
    yield directory
    for home in directory.glob("*/pg"):
        stop_server(settings_of(home.parent))
        if home.resolve().is_relative_to(STATE):
            shutil.rmtree(home.resolve().parent)
    shutil.rmtree(directory)


def modes(path: Path) -> dict[Path, int]:
    """Of all folders above."""
    return {folder: folder.stat().st_mode for folder in path.parents}


def readable_by_nobody(path: Path) -> list[str]:
    """Files below a folder that a user without rights can read, however they are found."""
    files = [os.fspath(found) for found in path.rglob("*") if found.is_file()]
    assert files
    command = ["sh", "-c", 'for file; do test -r "$file" && echo "$file"; done; true', "sh"]
    found = subprocess.run(
        [*command, *files],
        user=NOBODY.pw_uid,
        group=NOBODY.pw_gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.splitlines()


def test_a_path_that_is_too_long_is_refused_before_anything_is_made(parent: Path) -> None:
    home = parent / ("x" * (91 - len(str(parent)) - 1))
    with pytest.raises(ServerError, match=r"has 91 bytes.* at most 90"):
        start_server(settings_of(home))
    assert not home.exists()
    home = home.with_name(home.name[1:])
    start_server(settings_of(home))


def test_a_home_of_everybody_is_refused(parent: Path) -> None:
    home = parent / "home"
    home.mkdir()
    home.chmod(0o1777)
    with pytest.raises(ServerError, match="everybody may write in"):
        start_server(settings_of(home))
    assert list(home.iterdir()) == []
    assert stat.S_IMODE(home.stat().st_mode) == 0o1777


@as_root
def test_no_folder_is_opened_and_no_file_readable(parent: Path) -> None:
    home = parent / "home"
    home.mkdir(mode=0o755)
    (home / "landing").mkdir()
    (home / "landing" / "customers.csv").write_text("a person")
    before = modes(home)
    url = start_server(settings_of(home))
    assert modes(home) == before
    assert stat.S_IMODE(home.stat().st_mode) == 0o710
    # Even whoever gets through to it: as if the folders above were open.
    parent.chmod(0o755)
    assert readable_by_nobody(home) == []
    assert data_directory(settings_of(home)).is_symlink()
    assert readable_by_nobody(data_directory(settings_of(home)).resolve()) == []
    with psycopg.connect(url) as connection:
        rules = connection.execute(
            "select distinct type, auth_method from pg_hba_file_rules"
        ).fetchall()
        sockets = connection.execute("show unix_socket_permissions").fetchone()
    assert rules == [("local", "peer")]
    assert sockets == ("0700",)


@as_root
def test_the_server_runs_as_a_user_who_cannot_log_in(parent: Path) -> None:
    parent.chmod(0o755)
    home = parent / "home"
    start_server(settings_of(home))
    pid = running_pid(settings_of(home))
    assert pid is not None
    assert psutil.Process(pid).username() == NAME
    assert pwd.getpwnam(NAME).pw_shell in ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false")
    # It reaches this home, so that its data stay there.
    assert not data_directory(settings_of(home)).is_symlink()
    assert not data_directory(settings_of(home)).resolve().is_relative_to(STATE)


@as_root
def test_programs_that_this_user_cannot_reach_are_copied(
    parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = bundled_programs().parents[1]
    hidden = parent / "site-packages"
    for part in (bundled_programs().parent, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, hidden / part.relative_to(package.parent), symlinks=True)
    moved = hidden / bundled_programs().relative_to(package.parent)
    monkeypatch.setattr(server_user, "bundled_programs", lambda: moved)
    monkeypatch.setattr(server_user, "STATE", state := Path(tempfile.mkdtemp(prefix="ffs-")))
    state.chmod(0o755)
    server_user.programs.cache_clear()
    before = modes(moved)
    try:
        with psycopg.connect(warehouse_dsn(settings_of(parent / "home"))) as connection:
            row = connection.execute("select setting from pg_config() where name = 'BINDIR'")
            assert str(state) in str(row.fetchone())
        assert modes(moved) == before
    finally:
        stop_server(settings_of(parent / "home"))
        server_user.programs.cache_clear()
        shutil.rmtree(state)


def test_a_server_of_an_earlier_version_stops_trusting_everybody(parent: Path) -> None:
    settings = settings_of(parent / "home")
    start_server(settings)
    data = data_directory(settings).resolve()
    with psycopg.connect(warehouse_dsn(settings), autocommit=True) as connection:
        (data / "pg_hba.conf").write_text("local all all trust\n")
        connection.execute("select pg_reload_conf()")
    start_server(settings)
    assert "trust" not in (data / "pg_hba.conf").read_text()
    with psycopg.connect(warehouse_dsn(settings)) as connection:
        row = connection.execute("select auth_method from pg_hba_file_rules").fetchone()
    assert row == ("peer",)


@as_root
def test_an_ordinary_user_needs_no_other(parent: Path) -> None:
    """The whole way to a URL in a process that is not root's."""
    packages = Path(psycopg.__file__).parents[1]
    places = {"PYTHONPATH": f"{PROJECT}{os.pathsep}{packages}"}
    python = next((it for it in PYTHONS if runs_for_nobody(it, places)), None)
    if python is None:
        pytest.skip("this checkout, or every Python for it, is closed to other users")
    parent.chmod(0o755)
    home = parent / "home"
    home.mkdir()
    os.chown(home, NOBODY.pw_uid, NOBODY.pw_gid)
    environment = {
        **os.environ,
        "FASTFEAST_HOME": str(home),
        "FASTFEAST_PII_KEY": PII_KEY,
        "FASTFEAST_ENV_FILE": str(home / "no.env"),
        **places,
    }
    said = subprocess.run(
        [python, "-c", COMMAND, "url"],
        user=NOBODY.pw_uid,
        group=NOBODY.pw_gid,
        extra_groups=[],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    pid = running_pid(settings_of(home))
    assert pid is not None
    assert psutil.Process(pid).username() == "nobody"
    # Root may look at it, too, and leaves it to its user.
    with psycopg.connect(warehouse_dsn(settings_of(home))) as connection:
        connection.execute("select count(*) from ops.quarantine")


@pytest.mark.parametrize("is_link", [True, False])
def test_what_lies_in_the_place_of_the_cluster_is_not_touched(parent: Path, is_link: bool) -> None:
    home = parent / "home"
    home.mkdir(mode=0o700)
    place = parent / "disk" if is_link else home / "pg"
    place.mkdir()
    (place / "photo.jpg").write_text("precious")
    (home / "pg.new-backup").mkdir()
    if is_link:
        (home / "pg").symlink_to(place)
    with pytest.raises(ServerError, match="not empty and holds no PostgreSQL cluster"):
        start_server(settings_of(home))
    assert [path.name for path in place.iterdir()] == ["photo.jpg"]
    assert sorted(path.name for path in home.iterdir()) == ["pg", "pg.new-backup", "server.lock"]


def test_a_link_to_an_empty_disk_gets_the_cluster_also_after_a_kill(parent: Path) -> None:
    home, disk = parent / "home", parent / "disk"
    home.mkdir()
    disk.mkdir()
    (home / "pg").symlink_to(disk)
    # As `initdb` leaves it when it is killed.
    (home / "pg.making").touch()
    (disk / "base").mkdir()
    if os.geteuid() == 0:
        parent.chmod(0o755)
    start_server(settings_of(home))
    assert (disk / "PG_VERSION").exists()
    assert not (home / "pg.making").exists()


@pytest.mark.parametrize("sign", [",", '"', "$", "`", "\n"])
def test_a_path_that_programs_would_read_otherwise_is_refused(parent: Path, sign: str) -> None:
    with pytest.raises(ServerError, match="read as something else"):
        start_server(settings_of(parent / f"a{sign}b"))
    assert list(parent.iterdir()) == []


def test_a_home_that_others_use_is_not_closed(parent: Path) -> None:
    home = parent / "home"
    home.mkdir()
    home.chmod(0o2775)
    (home / "site").mkdir()
    with pytest.raises(ServerError, match="holds 'site', which is not ours"):
        start_server(settings_of(home))
    assert stat.S_IMODE(home.stat().st_mode) == 0o2775
    home.chmod(0o700)
    start_server(settings_of(home))


def test_variables_of_the_shell_are_about_other_servers(
    parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that had `PGHOSTADDR` made its database on another server."""
    for name, value in (
        ("PGHOSTADDR", "127.0.0.1"),
        ("PGPORT", "6543"),
        ("PGSERVICE", "nosuch"),
        ("PGREQUIREAUTH", "scram-sha-256"),
        ("PGTARGETSESSIONATTRS", "standby"),
    ):
        monkeypatch.setenv(name, value)
    url = warehouse_dsn(settings_of(parent / "home"))
    with psycopg.connect(url) as connection:
        assert connection.execute("show port").fetchone() == ("5432",)


@as_root
def test_who_asks_last_locks_nobody_out(parent: Path) -> None:
    settings = settings_of(parent / "home")
    start_server(settings)
    data = data_directory(settings).resolve()
    assert sorted((data / "pg_ident.conf").read_text().splitlines()) == [
        f'fastfeast "{NAME}" all',
        'fastfeast "root" all',
    ]
