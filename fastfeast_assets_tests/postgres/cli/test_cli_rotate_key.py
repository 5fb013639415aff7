"""`fastfeast rotate-key`: what it says at each step, and what it refuses."""

from __future__ import annotations

import json

import pytest

from fastfeast_assets.settings import Settings
from fastfeast_assets_tests.landing import DAY, LandingZone
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast
from fastfeast_assets_tests.postgres.conftest import Load, Query

NEW_KEY = "a-new-key-for-tests-0123456789abcdefgh"


def test_a_key_is_rotated_step_by_step(
    fastfeast: FastFeast,
    landing: LandingZone,
    load: Load,
    query: Query,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landing.batch("customers")
    gone = landing.batch("agents")
    landing.batch("teams")
    load()
    gone.unlink()
    refused = fastfeast("rotate-key", "--yes")
    assert (refused.exit_code, "FASTFEAST_PII_KEY_PREVIOUS is not set" in refused.output) == (
        2,
        True,
    )
    old_key = settings.pii_key.get_secret_value()
    monkeypatch.setenv("FASTFEAST_PII_KEY", NEW_KEY)
    monkeypatch.setenv("FASTFEAST_PII_KEY_PREVIOUS", old_key)
    hashes = "select phone_hash from raw.customers"
    before = query(hashes)
    shown = fastfeast("rotate-key")
    assert "1 landing files of persons would be read" in shown.output
    assert query(hashes) == before
    landing.put("batch/2026-11-20/drivers.csv", "")
    started = fastfeast("rotate-key", "--yes", "--json")
    assert started.exit_code == 0, started.output
    told = json.loads(started.stdout)
    assert (told["pairs"], told["files"], told["untranslated"]) == (2, 2, {"agents": 2})
    assert "drivers.csv could not be read" in told["unread"][0]
    assert query(hashes) != before
    doctor = fastfeast("doctor").output
    assert "two keys: a rotation is open" in doctor
    monkeypatch.delenv("FASTFEAST_PII_KEY_PREVIOUS")
    assert "these are not its keys" in fastfeast("doctor").output
    lost = fastfeast("ingest")
    assert (lost.exit_code, "a rotation of the PII key is open" in lost.output) == (1, True)
    monkeypatch.setenv("FASTFEAST_PII_KEY_PREVIOUS", old_key)
    assert "agents" in fastfeast("rotate-key", "--status").output
    assert "Nothing was changed" in fastfeast("rotate-key", "--finish").output
    done = fastfeast("rotate-key", "--finish", "--yes")
    assert "Remove FASTFEAST_PII_KEY_PREVIOUS" in done.output
    assert query("select count(*) from ops.hash_pair") == [{"count": 0}]
    assert "no rotation is open" in fastfeast("doctor").output
    monkeypatch.delenv("FASTFEAST_PII_KEY_PREVIOUS")
    landing.batch("customers", day="2026-11-20")
    again = json.loads(fastfeast("rotate-key", "--status", "--json").stdout)
    assert (again["started_at"], again["untranslated"]) == (None, {"agents": 2})
    for text in (shown.output, started.output, doctor, lost.output, done.output):
        assert NEW_KEY not in text
        assert old_key not in text
    assert DAY in str(query("select file_path from ops.pipeline_file_log"))
