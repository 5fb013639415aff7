"""Guard over the key of the hashes: with another key the same person would get another hash."""

from __future__ import annotations

import psycopg

from fastfeast_assets.ingest.judge.keys import Scheme
from fastfeast_assets.ingest.judge.mask import Hasher, Masker
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.identity import IdentityError

FINGERPRINT_DIGITS = 16


class KeyChangedError(IdentityError):
    """The key is not the one that this warehouse's hashes were made with."""

    def __init__(self) -> None:
        super().__init__(
            "FASTFEAST_PII_KEY is not the key that the hashes in this warehouse were made with: "
            "restore that key; or set FASTFEAST_ACCEPT_NEW_PII_KEY=true to go on with the new "
            "one, whose hashes will not match the old"
        )


def fingerprint(settings: Settings) -> str:
    """What tells one key from another without telling the key, 16 hex digits."""
    return Hasher(settings.pii_key_bytes).hash("fastfeast")[:FINGERPRINT_DIGITS]


def last_fingerprint(connection: psycopg.Connection) -> str | None:
    """That of the key which the newest hashes were made with; None before the first load."""
    row = connection.execute(
        "select fingerprint from ops.pii_key order by last_taken_up_at desc limit 1"
    ).fetchone()
    return None if row is None else str(row[0])


def scheme_of(connection: psycopg.Connection, settings: Settings) -> Scheme:
    """How hashes of persons are made with the key of the settings in this warehouse."""
    row = connection.execute(
        "select scheme from ops.pii_key where fingerprint = %s", [fingerprint(settings)]
    ).fetchone()
    return "direct" if row == ("direct",) else "hkdf"


def masker_of(connection: psycopg.Connection, settings: Settings) -> Masker:
    """What hashes personal values as this warehouse does; the one place that makes it."""
    return Masker(settings.pii_key_bytes, scheme_of(connection, settings))


def maskers_of(connection: psycopg.Connection, settings: Settings) -> list[Masker]:
    """The same for each key that is in use, the present one first."""
    return [masker_of(connection, settings)]


def is_newest_key(connection: psycopg.Connection, settings: Settings) -> bool:
    """Whether the newest hashes were made with this key; not before the first ones.

    Raises:
        KeyChangedError: They were made with another one, and settings do not accept that.
    """
    known, present = last_fingerprint(connection), fingerprint(settings)
    if known not in (None, present) and not settings.accept_new_pii_key:
        raise KeyChangedError
    return known == present


def ensure_key(connection: psycopg.Connection, settings: Settings) -> None:
    """Remember the key on first use, refuse another one.

    Raises:
        KeyChangedError: It is another one, and settings do not accept that.
    """
    if is_newest_key(connection, settings):
        return
    connection.execute(
        "insert into ops.pii_key (fingerprint, scheme) values (%s, 'hkdf')"
        " on conflict (fingerprint) do update set last_taken_up_at = clock_timestamp()",
        [fingerprint(settings)],
    )
