"""How the first start of an installed wheel treats a home: a key of its own, or a clear refusal."""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fastfeast_assets_tests.conftest import PII_KEY
from fastfeast_assets_tests.e2e.conftest import COMMAND
from fastfeast_assets_tests.package.conftest import bare_environment, run

KEY = Path("credentials") / "FASTFEAST_PII_KEY"
LOAD = "from fastfeast_assets.settings import load_settings; s = load_settings();"
SHOW = f"{LOAD} print(s.home, s.landing, s.pii_key.get_secret_value(), sep='\\n')"
MARKED = "Made a random key for the hashes of personal values: "


@pytest.mark.skipif(os.geteuid() != 0, reason="only root works in the homes of others")
def test_root_makes_no_key_in_somebodys_home(unpacked: Path, passable: Path) -> None:
    """They could not read it, and a link of theirs would lead root anywhere."""
    os.chown(passable, pwd.getpwnam("nobody").pw_uid, -1)
    (passable / "elsewhere").mkdir()
    (passable / KEY.parent).symlink_to(passable / "elsewhere")
    refused = run(unpacked, "-c", COMMAND, "status", FASTFEAST_HOME=str(passable))
    assert refused.returncode == 2
    assert "(it belongs to another user): set FASTFEAST_HOME" in " ".join(refused.stderr.split())
    assert list((passable / "elsewhere").iterdir()) == []


def test_help_makes_nothing(unpacked: Path, passable: Path) -> None:
    for argument in ("--help", "--version"):
        told = run(unpacked, "-c", COMMAND, argument, HOME=str(passable))
        assert told.returncode == 0
        assert told.stderr == ""
    assert list(passable.iterdir()) == []


@pytest.mark.parametrize("state", ["", "relative/state", "absolute"])
def test_the_home_is_in_the_state_directory(unpacked: Path, passable: Path, state: str) -> None:
    """A relative one does not count, as the specification of these variables says."""
    variables = {"XDG_STATE_HOME": str(passable / state) if state == "absolute" else state}
    shown = run(unpacked, "-c", SHOW, HOME=str(passable), **variables)
    home = passable / ("absolute" if state == "absolute" else ".local/state") / "fastfeast"
    seen_home, landing, key = shown.stdout.split("\n")[:3]
    assert (seen_home, landing) == (str(home), str(home / "landing"))
    assert len(key) == 64
    assert (home / KEY).read_text().strip() == key
    assert shown.stderr.startswith(f"{MARKED}{home / KEY}.")
    assert key not in shown.stderr
    again = run(unpacked, "-c", SHOW, HOME=str(passable), **variables)
    assert (again.stdout, again.stderr) == (shown.stdout, "")


def test_the_key_is_closed_to_others_whatever_the_umask(unpacked: Path, passable: Path) -> None:
    before = os.umask(0)
    try:
        run(unpacked, "-c", SHOW, HOME=str(passable))
    finally:
        os.umask(before)
    made = list(passable.rglob("*"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_dir()} == {0o700}
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in made if path.is_file()} == {
        KEY.name: 0o600
    }


def test_starts_at_once_share_one_key(unpacked: Path, passable: Path) -> None:
    """They have read all code, and go on in the same moment."""
    gate = passable / "gate"
    wait = (
        "import fcntl, sys, fastfeast_assets.settings; print('ready', flush=True);"
        "fcntl.flock(open(sys.argv[1]), fcntl.LOCK_SH);"
    )
    with gate.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = [
            subprocess.Popen(
                [sys.executable, "-c", wait + SHOW, str(gate)],
                env=bare_environment(PYTHONPATH=str(unpacked), HOME=str(passable)),
                cwd="/",
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(12)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
    told = [process.communicate(timeout=120) for process in started]
    assert len({out for out, _ in told}) == 1, told
    assert sum(MARKED in err for _, err in told) == 1, told
    home = passable / ".local" / "state" / "fastfeast"
    assert [path.name for path in (home / KEY).parent.iterdir()] == [KEY.name]


@pytest.mark.parametrize("place", ["environment", ".env", "own server"])
def test_where_a_key_or_a_server_is_given_none_is_made(
    unpacked: Path, passable: Path, place: str
) -> None:
    home = passable / "home"
    home.mkdir()
    variables = {"FASTFEAST_HOME": str(home)}
    if place == "environment":
        variables["FASTFEAST_PII_KEY"] = PII_KEY
    elif place == ".env":
        (home / ".env").write_text(f"FASTFEAST_PII_KEY={PII_KEY}\n")
    else:
        variables["FASTFEAST_WAREHOUSE_URL"] = "postgresql://127.0.0.1:1/company"
    shown = run(unpacked, "-c", COMMAND, "simulate", "--help", **variables)
    assert not (home / KEY).exists()
    assert MARKED not in shown.stderr
    if place == "own server":
        refused = run(unpacked, "-c", COMMAND, "url", **variables)
        assert refused.returncode == 2
        told = " ".join(refused.stderr.split())
        assert "FASTFEAST_PII_KEY is not set: a warehouse outside FASTFEAST_HOME needs one" in told
        assert str(home / ".env") in told


def test_another_key_than_that_of_the_home_is_refused(unpacked: Path, passable: Path) -> None:
    home = passable / "home"
    run(unpacked, "-c", SHOW, FASTFEAST_HOME=str(home))
    refused = run(
        unpacked, "-c", COMMAND, "url", FASTFEAST_HOME=str(home), FASTFEAST_PII_KEY=PII_KEY
    )
    assert refused.returncode == 2
    assert f"{home / KEY} is another key than the one in force" in refused.stderr.replace("\n", "")
    assert PII_KEY not in refused.stderr


@pytest.mark.parametrize("is_moved", [True, False])
def test_a_lost_key_is_not_replaced_by_another(
    unpacked: Path, passable: Path, is_moved: bool
) -> None:
    """What is loaded has hashes of the first; new rows would get others."""
    home = passable / "home"
    run(unpacked, "-c", SHOW, FASTFEAST_HOME=str(home))
    (home / KEY).unlink()
    # The data of root's server are elsewhere, and that disk may be missing.
    (home / "pg").symlink_to(passable / "gone") if is_moved else (home / "pg").mkdir()
    refused = run(unpacked, "-c", COMMAND, "status", FASTFEAST_HOME=str(home))
    assert refused.returncode == 2
    told = " ".join(refused.stderr.split())
    assert "FASTFEAST_PII_KEY is not set, and" in told
    assert f"put it back into {home / KEY}" in told
    assert not (home / KEY).exists()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HOME": "/proc/nowhere"}, "cannot make a key in /proc/nowhere/.local/state/fastfeast"),
        ({"HOME": "/" + "long/" * 20}, "at most 90, name a shorter one"),
        ({"FASTFEAST_HOME": "/tmp"}, "everybody may write in /tmp"),  # noqa: S108
        ({"FASTFEAST_HOME": "/dev/null/x"}, "cannot make a key in /dev/null/x (Not a directory)"),
    ],
)
def test_a_home_that_cannot_be_one_is_named(
    unpacked: Path, variables: dict[str, str], said: str
) -> None:
    for command in ("status", "doctor"):
        refused = run(unpacked, "-c", COMMAND, command, **variables)
        assert refused.returncode == (2 if command == "status" else 1)
        assert said in " ".join((refused.stdout + refused.stderr).split())
        assert MARKED not in refused.stderr
    assert not Path("/tmp", KEY).exists()  # noqa: S108


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be a user without a name")
def test_a_user_without_a_home_is_told(unpacked: Path, passable: Path) -> None:
    """As in a container that names a number only: nothing is made in the working directory."""
    code = (
        "import os; os.setgid(54321); os.setuid(54321);"
        "import fastfeast_assets.home as it\n"
        "try: print(it.default_home())\nexcept it.NoHomeError as error: print(error)"
    )
    told = run(unpacked, "-c", f"import fastfeast_assets.settings\n{code}")
    assert (
        told.stdout == "this user has no home directory: set FASTFEAST_HOME to an absolute path\n"
    )
