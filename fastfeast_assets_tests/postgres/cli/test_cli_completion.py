"""What the shell offers after a Tab."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from fastfeast_assets.commands import completion
from fastfeast_assets.settings import Settings
from fastfeast_assets_tests.conftest import PII_KEY
from fastfeast_assets_tests.landing import DAY, LandingZone, order
from fastfeast_assets_tests.postgres.cli.conftest import FastFeast
from fastfeast_assets_tests.postgres.conftest import Load


def test_sources_rules_and_files_of_the_ledger(
    fastfeast: FastFeast, landing: LandingZone, load: Load
) -> None:
    assert fastfeast("--version").exit_code == 0
    landing.stream("orders", order(1))
    load()
    assert completion.sources("re") == ["reason_categories", "reasons", "regions", "restaurants"]
    assert completion.rules("r") == ["required", "range", "row"]
    assert completion.loaded_files("stream/") == [f"stream/{DAY}/08/orders.json"]
    assert completion.loaded_files("batch/") == []


def test_nothing_is_started_or_told_when_something_is_in_the_way(
    variables: Callable[[Settings], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = tmp_path / "home"
    variables(Settings(home=home, pii_key=SecretStr(PII_KEY)))
    assert completion.loaded_files("") == []
    monkeypatch.setenv("FASTFEAST_PII_KEY", "short")
    monkeypatch.setenv("FASTFEAST_TIMEZONE", "Nowhere")
    assert completion.loaded_files("") == []
    assert completion.sources("") == []
    assert not home.exists()
    assert capsys.readouterr() == ("", "")
