"""The keys of hashes, derived from the one secret: a key a purpose, so that no two hashes join.

Source of the rule: docs/adr/0043-a-key-a-purpose.md.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal

Scheme = Literal["direct", "hkdf"]
"""What hashes of persons are made with: the secret itself, as version 0.1 did, or a key from it."""

HASH_BYTES = hashlib.sha256().digest_size
_SALT = b"fastfeast_assets"


def hkdf(secret: bytes, purpose: str, length: int = HASH_BYTES) -> bytes:
    """HKDF with SHA-256 (RFC 5869).

    Args:
        secret: The input keying material.
        purpose: The info: another one gives an unrelated key.
        length: Bytes that are wanted, 8,160 at most.
    """
    return expand(hmac.digest(_SALT, secret, "sha256"), purpose.encode(), length)


def expand(key: bytes, info: bytes, length: int) -> bytes:
    """The second step of HKDF: as many bytes of a key as are wanted."""
    block, output = b"", b""
    for counter in range(1, -(-length // HASH_BYTES) + 1):
        block = hmac.digest(key, block + info + bytes([counter]), "sha256")
        output += block
    return output[:length]


def persons_key(secret: bytes, scheme: Scheme) -> bytes:
    """What the columns of persons are hashed with."""
    return secret if scheme == "direct" else hkdf(secret, "persons")


def names_key(secret: bytes) -> bytes:
    """What is hashed with in names: of columns, of files, of what a key of free text names."""
    return hkdf(secret, "names")
