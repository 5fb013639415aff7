"""The key of the hashes is remembered, and another one is refused before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import SecretStr

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets.warehouse.pii_key import KeyChangedError
from fastfeast_assets_tests.landing import LandingZone
from fastfeast_assets_tests.postgres.conftest import Load, Query, look

OTHER_KEY = "another-key-for-tests-0123456789abcdef"


def test_another_key_is_refused_until_it_is_accepted(
    landing: LandingZone,
    load: Load,
    query: Query,
    settings: Settings,
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
) -> None:
    landing.batch("customers", day="2026-11-17")
    load()
    landing.batch("customers", day="2026-11-18")
    file = look(settings, contracts).files[-1]
    changed = settings.model_copy(update={"pii_key": SecretStr(OTHER_KEY)})
    with pytest.raises(KeyChangedError, match="restore that key") as caught:
        load_file(warehouse, contracts["customers"], file, run_id="t", settings=changed)
    assert OTHER_KEY not in str(caught.value)
    assert query("select count(*) from raw.customers") == [{"count": 1}]
    accepted = changed.model_copy(update={"accept_new_pii_key": True})
    report = load_file(warehouse, contracts["customers"], file, run_id="t", settings=accepted)
    assert report.status == "success"
    assert len(query("select distinct phone_hash from raw.customers")) == 2


def test_the_key_itself_is_not_stored(landing: LandingZone, load: Load, query: Query) -> None:
    landing.batch("teams")
    load()
    [row] = query("select fingerprint from ops.pii_key")
    assert len(row["fingerprint"]) == 16
