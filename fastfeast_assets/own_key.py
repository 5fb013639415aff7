"""Where settings are found beside the environment, and the key that a wheel's home makes itself.

Belongs here: which files are read. What stands in them is for `settings`.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from fastfeast_assets import installation
from fastfeast_assets.home import absolute, default_home, make_private

logger = logging.getLogger(__name__)

CREDENTIALS = "credentials"
"""Below the home of a wheel: a file a secret, named as its variable, as systemd has them."""

KEY_BYTES = 32


def env_file() -> Path:
    """The file that is read beside the environment: of the checkout, or in the home of a wheel."""
    if named := os.environ.get("FASTFEAST_ENV_FILE"):
        return Path(named).absolute()
    root = _home_in_sight() if installation.IS_WHEEL else installation.PROJECT_ROOT
    return root / ".env"


def credentials_directories(home: Path | None = None) -> list[Path]:
    """Where secrets are, a file each, named as its variable; a later one wins.

    Args:
        home: Whose own are read, before those that systemd gives to a service.
    """
    places = [home / CREDENTIALS] if home is not None else []
    if named := os.environ.get("CREDENTIALS_DIRECTORY"):
        places.append(Path(named))
    return [place for place in places if place.is_dir()]


def _home_in_sight() -> Path:
    """The home, as far as the environment tells."""
    named = os.environ.get("FASTFEAST_HOME")
    return absolute(Path(named)) if named else default_home()


def own_key(home: Path, name: str) -> Path:
    """The file of a home's own key."""
    return home / CREDENTIALS / name


def ensure_key(home: Path, name: str) -> None:
    """See to it that a home has a key of its own, which it keeps from then on.

    Whoever starts first makes it, whoever starts at the same moment takes the same one.

    Args:
        home: Made if missing, for this user alone.
        name: Of the variable that the key stands for.

    Raises:
        OSError: It cannot be made there.
    """
    key = own_key(home, name)
    if key.exists():
        return
    if home.exists() and home.stat().st_uid != os.geteuid():
        # Who owns it could not read the key, or has laid links in our way.
        raise PermissionError(errno.EPERM, "it belongs to another user")
    place = key.parent
    make_private(place)
    # mkstemp opens it for us alone, whatever the umask says.
    descriptor, aside = mkstemp(dir=place, prefix=".")
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            # Unlike a rename, a link does not take the place of another's.
            os.link(aside, key)
            logger.warning(
                "Made a random key for the hashes of personal values: %s. Keep a copy of it: what"
                " is loaded from now on needs it.",
                key,
            )
    finally:
        os.unlink(aside)
