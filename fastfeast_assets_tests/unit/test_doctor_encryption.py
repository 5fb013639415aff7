"""The doctor's judgement of a connection that others could listen to."""

from __future__ import annotations

import pytest

from fastfeast_assets.commands.doctor_server import judge_encryption


@pytest.mark.parametrize(
    ("host", "address", "sslmode", "is_encrypted", "outcome"),
    [
        ("/run/postgresql", "", "prefer", False, "pass"),
        ("localhost", "127.0.0.1", "prefer", False, "pass"),
        ("localhost", "::1", "disable", False, "pass"),
        ("db.example", "10.0.0.5", "verify-full", True, "pass"),
        ("db.example", "10.0.0.5", "verify-ca", True, "warn"),
        ("db.example", "10.0.0.5", "require", True, "warn"),
        ("db.example", "2001:db8::5", "prefer", True, "warn"),
        ("db.example", "10.0.0.5", "prefer", False, "warn"),
        ("localhost.evil.example", "10.0.0.5", "prefer", False, "warn"),
    ],
)
def test_a_remote_server_must_prove_who_it_is(
    host: str, address: str, sslmode: str, is_encrypted: bool, outcome: str
) -> None:
    found = judge_encryption(host, address, sslmode=sslmode, is_encrypted=is_encrypted)
    assert found.outcome == outcome
    assert ("no TLS" in found.detail) == (not is_encrypted and not host.startswith("/"))
    assert ("verify-full" in found.advice) == (outcome == "warn")
