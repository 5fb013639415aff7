"""Guard over the key of the hashes: with another key the same person would get another hash.

The one place that makes what hashes persons: which key, used in which way, and beside it the former
key while a rotation is open (`warehouse.person.rotation`).
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from fastfeast_assets.ingest.judge.keys import Scheme, hkdf, persons_key
from fastfeast_assets.ingest.judge.mask import Hasher, Masker
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.identity import IdentityError

FINGERPRINT_DIGITS = 16
RUNBOOK = "docs/guides/privacy.md has the steps"


class KeyChangedError(IdentityError):
    """The key is not the one that this warehouse's hashes were made with."""

    def __init__(
        self,
        advice: str = (
            "restore that key; or set FASTFEAST_ACCEPT_NEW_PII_KEY=true to go on with the new "
            "one, whose hashes will not match the old"
        ),
    ) -> None:
        super().__init__(
            "FASTFEAST_PII_KEY is not the key that the hashes in this warehouse were made with: "
            + advice
        )


class RotationOpenError(IdentityError):
    """A rotation of the key is open, and these settings are not those of it."""

    def __init__(self) -> None:
        super().__init__(
            "a rotation of the PII key is open: FASTFEAST_PII_KEY has to be the new key and"
            " FASTFEAST_PII_KEY_PREVIOUS the former one, until `fastfeast rotate-key --finish`;"
            f" {RUNBOOK}"
        )


@dataclass(frozen=True)
class OpenRotation:
    """Between which keys, by their fingerprints."""

    former: str
    present: str


def fingerprint_of(secret: bytes) -> str:
    """What tells one key from another without telling the key, 16 hex digits."""
    return Hasher(secret).hash("fastfeast")[:FINGERPRINT_DIGITS]


def fingerprint(settings: Settings) -> str:
    """That of the key of the settings."""
    return fingerprint_of(settings.pii_key_bytes)


def previous_fingerprint(settings: Settings) -> str | None:
    """That of the former key in the settings."""
    previous = settings.pii_key_previous
    return None if previous is None else fingerprint_of(previous.get_secret_value().encode())


def last_fingerprint(connection: psycopg.Connection) -> str | None:
    """That of the key which the newest hashes were made with; None before the first load."""
    row = connection.execute(
        "select fingerprint from ops.pii_key order by last_taken_up_at desc limit 1"
    ).fetchone()
    return None if row is None else str(row[0])


def scheme_of(connection: psycopg.Connection, known_by: str) -> Scheme:
    """How hashes of persons are made with the key of a fingerprint in this warehouse."""
    row = connection.execute(
        "select scheme from ops.pii_key where fingerprint = %s", [known_by]
    ).fetchone()
    return "direct" if row == ("direct",) else "hkdf"


def open_rotation(connection: psycopg.Connection) -> OpenRotation | None:
    """The rotation that is open, if one is; none before the tables know of rotations."""
    if connection.execute("select to_regclass('ops.key_rotation')").fetchone() == (None,):
        return None
    row = connection.execute(
        "select from_fingerprint, to_fingerprint from ops.key_rotation where finished_at is null"
    ).fetchone()
    return None if row is None else OpenRotation(*row)


def masker_of(connection: psycopg.Connection, settings: Settings) -> Masker:
    """What hashes personal values as this warehouse does.

    Raises:
        RotationOpenError: A rotation is open, and the settings have other keys than those of it.
    """
    is_open = _is_open(connection, settings)
    former = former_hasher(connection, settings) if is_open else None
    scheme = scheme_of(connection, fingerprint(settings))
    return Masker(settings.pii_key_bytes, scheme, former, _bygone(connection, settings))


def _is_open(connection: psycopg.Connection, settings: Settings) -> bool:
    """Whether a rotation is open; refuses other keys than its own."""
    rotation = open_rotation(connection)
    keys = OpenRotation(previous_fingerprint(settings) or "", fingerprint(settings))
    if rotation not in (None, keys):
        raise RotationOpenError
    return rotation is not None


def former_hasher(connection: psycopg.Connection, settings: Settings) -> Hasher:
    """What hashed persons with the former key, which the settings must have."""
    return Hasher(former_key(connection, settings))


def former_key(connection: psycopg.Connection, settings: Settings) -> bytes:
    """The key of persons that belongs to the former key of the settings."""
    assert settings.pii_key_previous is not None  # noqa: S101
    secret = settings.pii_key_previous.get_secret_value().encode()
    return persons_key(secret, scheme_of(connection, fingerprint_of(secret)))


def wrapped(key: bytes, secret: bytes, known_by: str) -> bytes:
    """A key that only the secret makes readable again; of a wrapped key, the key.

    Args:
        key: To wrap, or wrapped.
        secret: The PII key.
        known_by: Fingerprint of the key that is wrapped: no two are wrapped alike.
    """
    stream = hkdf(secret, f"wrap {known_by}", len(key))
    return bytes(one ^ other for one, other in zip(key, stream, strict=True))


def _bygone(connection: psycopg.Connection, settings: Settings) -> list[Hasher]:
    rows = connection.execute(
        "select fingerprint, wrapped from ops.pii_key where wrapped is not null"
    ).fetchall()
    # While a rotation is open they are still wrapped by the former key.
    secret = settings.pii_key_bytes
    if settings.pii_key_previous is not None and open_rotation(connection) is not None:
        secret = settings.pii_key_previous.get_secret_value().encode()
    return [Hasher(wrapped(bytes(key), secret, name)) for name, key in rows]


def is_newest_key(connection: psycopg.Connection, settings: Settings) -> bool:
    """Whether the newest hashes were made with this key; not before the first ones.

    Raises:
        KeyChangedError: They were made with another one, and settings do not accept that.
        RotationOpenError: A rotation is open, and the settings have other keys than those of it.
    """
    _is_open(connection, settings)
    known, present = last_fingerprint(connection), fingerprint(settings)
    if known not in (None, present):
        if known == previous_fingerprint(settings):
            raise KeyChangedError(f"`fastfeast rotate-key` moves it to the new one; {RUNBOOK}")
        if not settings.accept_new_pii_key:
            raise KeyChangedError
    return known == present


def ensure_key(connection: psycopg.Connection, settings: Settings) -> None:
    """Remember the key on first use, refuse another one.

    Raises:
        KeyChangedError: It is another one, and settings do not accept that.
    """
    if not is_newest_key(connection, settings):
        take_up(connection, settings)


def take_up(connection: psycopg.Connection, settings: Settings) -> None:
    """Make the key of the settings the one of this warehouse."""
    connection.execute(
        "insert into ops.pii_key (fingerprint, scheme) values (%s, 'hkdf')"
        " on conflict (fingerprint) do update set last_taken_up_at = clock_timestamp()",
        [fingerprint(settings)],
    )
