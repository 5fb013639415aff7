"""What a person is told when a command cannot do its work: one clear line and the next step.

Belongs here: which errors are expected, their exit codes, and keeping passwords out of texts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import unquote

from fastfeast_assets.secret_variables import URLS

ANOTHER_IDENTITY = "docs/runbooks/another-identity.md"
UPGRADE = "docs/runbooks/upgrade.md"
FAILURE = 1
USAGE = 2

_URL_LOGIN = re.compile(r"(postgres(?:ql)?(?:\+\w+)?://)[^\s'\"]*@", re.IGNORECASE)
_PASSWORD = re.compile(r"(\w*password\w*\s*[=:]\s*)('[^']*'|\"[^\"]*\"|[^\s&]+)", re.IGNORECASE)
_SHORTEST_PIECE = 3
_ALIKE = 0.75
_KEYWORD = re.compile(
    r'invalid (?:connection option|URI query parameter):? "([a-z_]{1,30})"'
    r'|invalid .* value .*for connection option "([a-z_]{1,30})"'
)
_SQL_TEXTS = ("08", "28", "3D", "3F", "42", "53", "55", "57")
_LOST_STATES = ("08003", "08006", "57P01", "57P02", "57P03")
_LOST = re.compile(
    "closed|terminated|invalid transaction is rolled back|could not (send|receive) data|not open"
)
_AGAIN = (
    "run the same command again: it goes on from what is done; `fastfeast doctor` tells whether the"
    " server is well"
)
_CHECK_URLS = f"check {URLS[0]} and, where they are set, {' and '.join(URLS[1:])}"
_DOCTOR = "run `fastfeast doctor`, which checks everything and says what to do"


class CommandError(Exception):
    """A command cannot do what it was asked; the text says why.

    Attributes:
        next_step: What to do about it.
        exit_code: 2 when the request was wrong, 1 when the work failed.
    """

    def __init__(self, text: str, *, next_step: str = "", exit_code: int = FAILURE) -> None:
        super().__init__(text)
        self.next_step = next_step
        self.exit_code = exit_code


@dataclass(frozen=True)
class Problem:
    """What is told about an error."""

    text: str
    next_step: str
    exit_code: int


def problem_of(error: Exception) -> Problem | None:
    """What to tell about an expected error; None for one that is a defect of this program."""
    from fastfeast_assets.contracts.load import ContractError
    from fastfeast_assets.ingest.errors import StoreError
    from fastfeast_assets.settings import SettingsError
    from fastfeast_assets.warehouse.connection import ServerError
    from fastfeast_assets.warehouse.identity import IdentityError
    from fastfeast_assets.warehouse.identity_guard import IdentityChangedError
    from fastfeast_assets.warehouse.upgrade.errors import MigrationError
    from fastfeast_assets.warehouse.upgrade.manifest import ManifestMissingError

    if isinstance(error, BrokenPipeError):
        # Whoever read the output has seen enough; Typer ends the process quietly.
        return None
    if isinstance(error, CommandError):
        return Problem(str(error), error.next_step, error.exit_code)
    if isinstance(error, SettingsError | ContractError):
        return Problem(redacted(str(error)), _DOCTOR, USAGE)
    if isinstance(error, MigrationError):
        return Problem(redacted(str(error)), f"more in {UPGRADE}", FAILURE)
    if isinstance(error, ServerError | StoreError):
        return Problem(redacted(str(error)), _DOCTOR, FAILURE)
    if isinstance(error, IdentityChangedError):
        return Problem(str(error), f"more in {ANOTHER_IDENTITY}", FAILURE)
    if isinstance(error, IdentityError):
        return Problem(str(error), "", FAILURE)
    if isinstance(error, ManifestMissingError):
        return Problem(str(error), "", FAILURE)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return Problem(redacted(f"{place}{error.strerror or error}"), _DOCTOR, FAILURE)
    return next((found for cause in _causes(error) if (found := _database_problem(cause))), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what is behind it where Dagster has wrapped it."""
    yield error
    while type(error).__module__.startswith("dagster"):
        behind = error.__cause__ or error.__context__
        if behind is None:
            return
        error = behind
        yield error


def _database_problem(error: BaseException) -> Problem | None:
    """That of the drivers: psycopg for the warehouse, psycopg2 and SQLAlchemy for Dagster."""
    family = {base.__module__.partition(".")[0] for base in type(error).__mro__}
    if not family & {"psycopg", "psycopg2", "sqlalchemy"}:
        return None
    original = getattr(error, "orig", None) or error
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    kind = type(original).__name__
    if (state or "").startswith(_LOST_STATES) or (state is None and _LOST.search(str(original))):
        return Problem("the connection to the database was lost", _AGAIN, FAILURE)
    if state is None and kind not in {"OperationalError", "ConnectionTimeout"}:
        if (known := _parameter_meant(str(original))) is not None:
            return Problem(
                f"a parameter in the URL of a database is wrong, or its value is: perhaps {known}",
                _CHECK_URLS,
                FAILURE,
            )
        # libpq quotes the part of the URL that it does not understand: perhaps the password.
        return Problem(
            f"the database driver refused the connection settings ({kind})",
            f"{_CHECK_URLS}; @ : / ? # % in a password are written %40 %3A %2F %3F %23 %25",
            FAILURE,
        )
    if state is not None and not state.startswith(_SQL_TEXTS):
        return Problem(f"the database refused a statement (SQLSTATE {state})", _DOCTOR, FAILURE)
    lines = [line.strip() for line in str(original).splitlines() if line.strip()]
    text = redacted(lines[0]) if lines else kind
    return Problem(f"the database says: {text}", _DOCTOR, FAILURE)


def _parameter_meant(text: str) -> str | None:
    """The parameter of libpq that somebody meant; never what stands there, perhaps a password."""
    from psycopg import pq

    if (found := _KEYWORD.search(text)) is None:
        return None
    known = [option.keyword.decode() for option in pq.Conninfo.get_defaults()]
    return next(iter(get_close_matches(found[1] or found[2], known, 1, _ALIKE)), None)


def redacted(text: str) -> str:
    """A text without the passwords of the connection URLs, whole or in pieces."""
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _URL_LOGIN.sub(r"\1***@", text)
    return _PASSWORD.sub(r"\1***", text)


def _secrets() -> set[str]:
    secrets: set[str] = set()
    for url in _urls():
        login, at, _ = url.partition("://")[2].rpartition("@")
        password = login.partition(":")[2] if at else ""
        pieces = re.split(r"[@/:?#]", password)
        if len(pieces) > 1:
            # A special character that was not percent-encoded: libpq takes the rest of the
            # password for host, port or database, and names that in its error.
            secrets.update(piece for piece in pieces if len(piece) >= _SHORTEST_PIECE)
        secrets.update({password, unquote(password)})
    return secrets - {""}


def _urls() -> Iterable[str]:
    from fastfeast_assets.settings import SettingsError, load_settings

    try:
        settings = load_settings()
    except (SettingsError, OSError):
        return [os.environ.get(name, "") for name in (*URLS, "FASTFEAST_ADMIN_URL")]
    urls = (
        settings.warehouse_url,
        settings.transform_url,
        settings.dagster_url,
        settings.admin_url,
    )
    return [url.get_secret_value() for url in urls if url is not None]
