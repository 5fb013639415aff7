"""Another key: everybody stays who they are, in raw, marts and quarantine, and nobody is new."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse
from fastfeast_assets.warehouse.load import FileReport, load_file
from fastfeast_assets.warehouse.person.erase import erase
from fastfeast_assets.warehouse.person.rotation import Rotation, RotationError, State, state
from fastfeast_assets.warehouse.person.subject import Member, Value, person_of
from fastfeast_assets.warehouse.pii_key import (
    KeyChangedError,
    RotationOpenError,
    fingerprint,
    masker_of,
)
from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.dbt.test_person import ensure_even, everything
from fastfeast_assets_tests.landing import DAY, MEMBERS, LandingZone
from fastfeast_assets_tests.postgres.conftest import Load, Query, look

pytestmark = pytest.mark.long

NEW_KEY = "a-new-key-for-tests-0123456789abcdefgh"
THIRD_KEY = "a-third-key-for-tests-0123456789abcdef"
PHONE, GONE_PHONE, ERASED_PHONE = "01012345678", "01099999999", "01088888888"
SAID = frozenset({"_loaded_at", "_load_id"})
VERSIONS = (
    "select version_key, full_name, valid_to, is_current, is_absent"
    " from marts.dim_customer_history order by 1"
)

LoadWith = Callable[[Settings], list[FileReport]]


def person(number: int, phone: str, **changes: Any) -> dict[str, Any]:
    """A customer."""
    named = {"full_name": f"Person {number}", "email": f"person{number}@mail.com"}
    return {**MEMBERS["customers"], "customer_id": number, **named, "phone": phone, **changes}


@pytest.fixture
def rotated(settings: Settings) -> Settings:
    """The settings with the new key, and the former one beside it."""
    return with_keys(settings, NEW_KEY, settings.pii_key.get_secret_value())


def with_keys(settings: Settings, key: str, previous: str | None) -> Settings:
    keys = {"pii_key": SecretStr(key), "pii_key_previous": previous and SecretStr(previous)}
    return settings.model_copy(update=keys)


@pytest.fixture
def load_with(contracts: Mapping[str, Contract]) -> LoadWith:
    """Load whatever is not loaded yet, with some settings."""

    def run(settings: Settings) -> list[FileReport]:
        warehouse = Warehouse(settings)
        return [
            load_file(warehouse, contracts[file.source], file, run_id="t", settings=settings)
            for file in look(settings, contracts).files
        ]

    return run


@pytest.fixture(params=["hkdf", "direct"])
def world(
    request: pytest.FixtureRequest,
    landing: LandingZone,
    load: Load,
    dbt: Dbt,
    settings: Settings,
    connection: psycopg.Connection,
) -> None:
    """Two days; the first file and the one of somebody who was erased are gone by now."""
    if request.param == "direct":
        connection.execute(
            "insert into ops.pii_key (fingerprint, scheme) values (%s, 'direct')",
            [fingerprint(settings)],
        )
    landing.all_batch()
    first = landing.batch("customers", person(1, PHONE), person(2, GONE_PHONE))
    landing.batch("drivers", driver_phone=PHONE)
    landing.batch("customers", person(1, PHONE), person(3, PHONE, gender="x"), day="2026-11-20")
    gone = landing.batch("customers", person(1, PHONE), person(4, ERASED_PHONE), day="2026-11-21")
    landing.batch("customers", person(1, "01234567890"), day="2026-11-22")
    load()
    dbt.run()
    first.unlink()
    gone.unlink()


def rotate(settings: Settings, contracts: Mapping[str, Contract]) -> State:
    """Start the rotation, or translate more."""
    rotation = Rotation(Warehouse(settings), contracts)
    with rotation.reading():
        read(rotation, settings, contracts)
        return rotation.change_over()


def read(rotation: Rotation, settings: Settings, contracts: Mapping[str, Contract]) -> None:
    """Note the pairs of all files of persons."""
    for file in look(settings, contracts).files:
        contract = contracts[file.source]
        if contract.personal_columns:
            with file.path.opened() as stream:
                rotation.read(stream, contract, is_json=file.relative_path.endswith(".json"))


@pytest.mark.usefixtures("world")
def test_everybody_stays_who_they_are(
    landing: LandingZone,
    dbt: Dbt,
    marts: Marts,
    query: Query,
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    settings: Settings,
    rotated: Settings,
    load_with: LoadWith,
) -> None:
    old = masker_of(connection, settings)
    new = Masker(rotated.pii_key_bytes, "hkdf")
    versions = query(VERSIONS)
    with pytest.raises(KeyChangedError, match="rotate-key"):
        load_with(rotated)
    after = rotate(rotated, contracts)
    # Of the two that no file has any more the phone and the e-mail.
    assert dict(after.untranslated) == {"customers": 4}
    text = everything(connection)
    known = text.replace(old.hash(PHONE), "", 1)  # the pair itself
    assert old.hash(PHONE) not in known
    assert text.count(new.hash(PHONE)) >= 6
    assert old.hash(GONE_PHONE) in text
    [pair] = query("select new_hash from ops.hash_pair where old_hash = %s", old.hash(PHONE))
    assert pair["new_hash"] == new.hash(PHONE)
    [refused] = query("select raw_data from ops.quarantine where primary_key = '3'")
    assert refused["raw_data"]["phone"] == new.hash(PHONE)
    assert query(VERSIONS) == versions
    ensure_even(connection, contracts)
    with pytest.raises(RotationOpenError):
        load_with(settings)
    with pytest.raises(RotationOpenError):
        load_with(with_keys(settings, NEW_KEY, None))
    dbt.run()
    dbt.test()
    assert query(VERSIONS) == versions
    # Somebody whose file was gone comes again: the same person, no new version.
    landing.batch("customers", person(1, "01234567890"), person(2, GONE_PHONE), day="2026-11-23")
    load_with(rotated)
    assert old.hash(GONE_PHONE) not in str(query("select * from raw.customers"))
    assert dict(state(connection).untranslated) == {"customers": 2}
    dbt.run()
    dbt.test()
    again = [row for row in query(VERSIONS) if row["version_key"].startswith("2@")]
    assert [(row["version_key"], row["is_absent"]) for row in again] == [(f"2@{DAY}", False)]
    incremental = marts.rows(ignore=SAID)
    dbt.operation("drop_marts")
    dbt.run()
    assert marts.rows(ignore=SAID) == incremental
    finished = Rotation(Warehouse(rotated), contracts).finish()
    assert (finished.started_at, finished.pairs) == (None, 0)
    assert dict(finished.untranslated) == {"customers": 2}
    landing.batch("customers", person(1, "01234567890"), day="2026-11-24")
    load_with(with_keys(settings, NEW_KEY, None))
    assert query("select scheme from ops.pii_key where fingerprint = %s", fingerprint(rotated)) == [
        {"scheme": "hkdf"}
    ]
    rows = query("select old, new from ops.audit_log where action = 'rotate' order by audit_id")
    assert [row["new"]["status"] for row in rows] == ["open", "finished"]


@pytest.mark.usefixtures("world")
def test_the_erased_stay_erased_through_two_rotations(
    landing: LandingZone,
    query: Query,
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    settings: Settings,
    warehouse: Warehouse,
    rotated: Settings,
    load_with: LoadWith,
) -> None:
    """Of one no file is left: the former key is kept for it, and only the present one opens it."""
    for number in ("1", "4"):
        erase(
            warehouse,
            contracts,
            Member("customers", number),
            reason="test",
            has_notes=False,
            is_dry_run=False,
        )
    rotate(rotated, contracts)
    assert query("select count(*) from ops.hash_pair p join ops.suppressed_hash s"
                 " on s.hash in (p.old_hash, p.new_hash)") == [{"count": 0}]  # fmt: skip
    day = 23

    def comes_again(settings: Settings) -> None:
        nonlocal day
        landing.batch("customers", person(50 + day, ERASED_PHONE), day=f"2026-11-{day}")
        landing.batch("drivers", driver_phone="01234567890", day=f"2026-11-{day}")
        reports = load_with(settings)
        assert [report.status for report in reports if report.status != "skipped"] == 2 * [
            "success"
        ]
        found = query(
            "select full_name as name, phone_hash as hash from raw.customers"
            " where _partition_at = %s union all"
            " select driver_name, driver_phone_hash from raw.drivers where _partition_at = %s",
            f"2026-11-{day}",
            f"2026-11-{day}",
        )
        assert found == 2 * [{"name": "[erased]", "hash": None}]
        day += 1

    comes_again(rotated)
    Rotation(Warehouse(rotated), contracts).finish()
    comes_again(with_keys(settings, NEW_KEY, None))
    third = with_keys(settings, THIRD_KEY, NEW_KEY)
    rotate(third, contracts)
    comes_again(third)
    Rotation(Warehouse(third), contracts).finish()
    comes_again(with_keys(settings, THIRD_KEY, None))


@pytest.mark.usefixtures("world")
def test_a_person_is_found_and_erased_while_a_rotation_is_open(
    query: Query,
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    rotated: Settings,
) -> None:
    rotate(rotated, contracts)
    hashers = masker_of(connection, rotated).hashers()
    gone = Value("phone", GONE_PHONE)
    assert person_of(connection, contracts, hashers, gone).members == [Member("customers", "2")]
    for asked in (gone, Member("customers", "1")):
        erase(
            Warehouse(rotated),
            contracts,
            asked,
            reason="test",
            has_notes=False,
            is_dry_run=False,
        )
    assert query("select count(*) from ops.hash_pair p join ops.suppressed_hash s"
                 " on s.hash in (p.old_hash, p.new_hash)") == [{"count": 0}]  # fmt: skip
    assert dict(state(connection).untranslated) == {"customers": 2}


def test_only_the_two_keys_of_a_rotation_will_do(
    landing: LandingZone,
    load: Load,
    contracts: Mapping[str, Contract],
    settings: Settings,
    rotated: Settings,
) -> None:
    with pytest.raises(RotationError, match="no hash was made yet"):
        rotate(rotated, contracts)
    landing.batch("customers")
    load()
    for wrong in (
        settings,
        with_keys(settings, settings.pii_key.get_secret_value(), NEW_KEY),
        with_keys(settings, NEW_KEY, THIRD_KEY),
    ):
        with pytest.raises(RotationError):
            rotate(wrong, contracts)
    with pytest.raises(RotationError, match="no rotation is open"):
        Rotation(Warehouse(rotated), contracts).finish()
    rotate(rotated, contracts)
    with pytest.raises(RotationError):
        rotate(with_keys(settings, THIRD_KEY, NEW_KEY), contracts)


def test_a_rotation_that_was_given_up_leaves_nothing_to_the_next(
    landing: LandingZone,
    load: Load,
    query: Query,
    contracts: Mapping[str, Contract],
    settings: Settings,
    rotated: Settings,
) -> None:
    """Killed while it read files; then somebody thinks of another key."""
    landing.batch("customers")
    load()
    given_up = Rotation(Warehouse(rotated), contracts)
    with given_up.reading():
        read(given_up, rotated, contracts)
        with (
            pytest.raises(RotationError, match="another"),
            Rotation(Warehouse(rotated), contracts).reading(),
        ):
            pass
    assert query("select count(*) from ops.hash_pair") == [{"count": 2}]
    third = with_keys(settings, THIRD_KEY, settings.pii_key.get_secret_value())
    rotate(third, contracts)
    [row] = query("select phone_hash from raw.customers")
    assert row["phone_hash"] == Masker(third.pii_key_bytes, "hkdf").hash(PHONE)
