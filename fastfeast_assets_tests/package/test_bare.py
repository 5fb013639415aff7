"""The Dockerfile's installation, in a place that is only read, used by an ordinary user."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from fastfeast_assets_tests.e2e.killing import kill_family
from fastfeast_assets_tests.package.conftest import bare_environment
from fastfeast_assets_tests.package.dockerfile import instructions
from fastfeast_assets_tests.waiting import answers_at, free_port, until

pytestmark = pytest.mark.long

# Of the environment, or of the machine where that one is in somebody's home.
PYTHONS = (sys.executable, "/usr/bin/python3")
HOSTILE = {
    ".env": f"FASTFEAST_PII_KEY={'no-key-' * 6}\nFASTFEAST_HOME=/nowhere\nDAGSTER_HOME=/nowhere\n",
    "dagster.yaml": "storage: {nonsense: 1}\n",
    "workspace.yaml": "load_from: [{python_file: /nowhere}]\n",
    "dbt_project/dbt_project.yml": "name: nonsense\n",
    "profiles.yml": "nonsense\n",
    **{
        f"{name}/__init__.py": "raise SystemExit\n"
        for name in ("dagster", "dbt", "fastfeast_assets")
    },
    "sitecustomize.py": "raise SystemExit\n",
}


@dataclass(frozen=True)
class Installation:
    """An installed wheel, a user of it, and a working directory full of traps.

    Attributes:
        root: Every user may enter it.
        user: Number of the user.
    """

    root: Path
    user: int

    @property
    def environment(self) -> Path:
        """The virtual environment; nobody writes in it."""
        return self.root / "opt" / "fast feast"

    @property
    def person(self) -> Path:
        """The user's home directory."""
        return self.root / "ü x"

    @property
    def home(self) -> Path:
        """Where the platform keeps everything."""
        return self.person / ".local" / "state" / "fastfeast"

    @property
    def directory(self) -> Path:
        """Where commands are given."""
        return self.person / "work"

    def start(self, *command: str, is_heard: bool = True) -> subprocess.Popen[str]:
        """Start a program of the environment; nobody hears one that goes on."""
        program = self.environment / "bin" / command[0]
        is_root = os.geteuid() == 0
        return subprocess.Popen(
            [str(program), *command[1:]],
            env=bare_environment(
                HOME=str(self.person),
                # What is imported is compiled once, and not all that is installed.
                PYTHONPYCACHEPREFIX=str(self.person / "compiled"),
            ),
            cwd=self.directory,
            user=self.user if is_root else None,
            group=self.user if is_root else None,
            extra_groups=[] if is_root else None,
            umask=0,
            stdout=subprocess.PIPE if is_heard else subprocess.DEVNULL,
            stderr=subprocess.PIPE if is_heard else subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str) -> tuple[str, str]:
        """Run one to its end; gives its output and what it says on stderr."""
        process = self.start(*command)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, f"{command}\n{out}\n{err}"
        return out, err

    def files(self, *places: Path) -> dict[str, tuple[float, int]]:
        """Time and size of all that is there."""
        return {
            str(path): (path.lstat().st_mtime, path.lstat().st_size)
            for place in places
            for path in place.rglob("*")
            if not path.is_dir()
        }


@pytest.fixture(scope="module")
def installed(context: Path) -> Iterator[Installation]:
    """What the image installs, by its own commands."""
    root = Path(tempfile.mkdtemp(prefix="ff-"))
    root.chmod(0o755)
    uid = os.geteuid() or pwd.getpwnam("nobody").pw_uid
    it = Installation(root, uid)
    places = {
        "/opt/fastfeast": it.environment,
        "/opt/build": root / "build",
        "/tmp/dist": root / "dist",  # noqa: S108
    }
    for instruction in instructions():
        if instruction.name == "RUN" and instruction.stage == 0:
            for command in instruction.text.split(" && "):
                _run(command, places, context)
    it.directory.mkdir(parents=True)
    for name, text in HOSTILE.items():
        (it.directory / name).parent.mkdir(exist_ok=True)
        (it.directory / name).write_text(text)
    for path in (it.person, *it.person.rglob("*")):
        os.chown(path, uid, uid if os.geteuid() == 0 else -1)
    for path in (it.environment, *it.environment.rglob("*")):
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o555 | 0o444)
    yield it
    it.run("fastfeast", "stop")
    for path in it.environment.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(root)


def _run(command: str, places: dict[str, Path], context: Path) -> None:
    """A command of the image, with our places in it; packages are installed by a quicker tool."""
    words = shlex.split(command)
    for place, other in places.items():
        words = [word.replace(place, str(other)) for word in words]
    uv = str(Path(sys.executable).with_name("uv"))
    if words[:3] == ["python", "-m", "venv"]:
        words = [uv, "venv", "--quiet", "--seed", "--python", _python(), words[3]]
    elif words[1:4] == ["-m", "pip", "install"]:
        [*rest, last] = words[4:]
        rest += [str(it) for it in Path(last).parent.glob("*.whl")] if "*" in last else [last]
        words = [uv, "pip", "install", "--quiet", "--python", words[0], *rest]
    done = subprocess.run(words, cwd=context, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def _python() -> str:
    """One of the right version that the user can run."""
    code = "import sys, venv; raise SystemExit(sys.version_info[:2] != (3, 11))"
    for python in PYTHONS:
        real = str(Path(python).resolve())
        user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
        try:
            done = subprocess.run([real, "-c", code], user=user, check=False, cwd="/")
        except OSError:
            continue
        if done.returncode == 0:
            return real
    pytest.skip("every Python 3.11 is closed to other users")


@pytest.fixture(autouse=True)
def _nothing_is_written_elsewhere(installed: Installation) -> Iterator[None]:
    """Neither into the environment nor into the working directory, whatever is done."""
    places = (installed.environment, installed.directory)
    before = installed.files(*places)
    yield
    assert installed.files(*places) == before
    open_to_others = [
        path
        for path in (installed.home, *installed.home.rglob("*"))
        if not path.is_symlink()
        and path.lstat().st_mode & 0o077
        # Whoever reads or mirrors the landing zone reads this, too.
        and path.name != ".fastfeast-landing-id"
    ]
    assert open_to_others == []


def test_two_first_demos_at_once_and_what_is_told_afterwards(installed: Installation) -> None:
    started = [installed.start("fastfeast", "demo") for _ in range(2)]
    told = [process.communicate(timeout=500) for process in started]
    assert [process.returncode for process in started] == [0, 0], told
    key = installed.home / "credentials" / "FASTFEAST_PII_KEY"
    made = f"Made a random key for the hashes of personal values: {key}."
    assert sum(made in err for _, err in told) == 1
    assert all("What the warehouse holds" in out for out, _ in told)
    assert "make " not in told[0][0]
    out, _ = installed.run("fastfeast", "doctor")
    assert "0 failed" in out
    assert "packages as pinned" in out
    out, err = installed.run("fastfeast", "demo")
    assert "Everything was loaded before; nothing has changed." in out
    assert err == ""
    for command in ("ingest", "status", "--help"):
        installed.run("fastfeast", command)
    query = (
        "select count(*) > 0 from fact_order union all select count(*) = 0 from (select file_path"
        " from pipeline_file_log group by 1 having count(*) > 1) loaded_twice"
    )
    out, _ = installed.run("fastfeast", "psql", "--", "-Atc", query)
    assert out == "t\nt\n"
    out, _ = installed.run("python", "-I", "-m", "fastfeast_assets.cli", "status", "--json")
    assert '"marts"' in out


LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries {
    locationOrLoadError { __typename ... on PythonError { message } }
} } } }
"""


def test_the_console_starts(installed: Installation) -> None:
    """Its health is asked as the image asks for it."""
    port = free_port()
    [health] = [it for it in instructions() if it.name == "HEALTHCHECK"]
    assert "http://127.0.0.1:3000/server_info" in health.text
    console = installed.start("fastfeast", "dev", "--port", str(port), is_heard=False)
    try:
        until(lambda: answers_at(port), "the console", 120)
        asked = requests.post(
            f"http://127.0.0.1:{port}/graphql", json={"query": LOCATIONS}, timeout=60
        ).json()
        [entry] = asked["data"]["workspaceOrError"]["locationEntries"]
        assert entry["locationOrLoadError"]["__typename"] == "RepositoryLocation", entry
        code = health.text.partition('"-c", "')[2].rpartition('"]')[0].replace("3000", str(port))
        installed.run("python", "-c", code)
    finally:
        kill_family(console.pid)
        console.wait(timeout=60)
