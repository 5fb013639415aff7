"""Every kind of damage occurs when asked for, is counted, and is absent at rate 0."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fastfeast_assets.simulate import DirtKind, DirtRates, demand
from fastfeast_assets.simulate.dirt import REJECTED_KINDS, REPAIRED_KINDS
from fastfeast_assets_tests.unit.simulate.helpers import (
    CLEAN,
    DAY,
    contents,
    read_rows,
    simulated,
    stream_rows,
)

NEEDS_NULLS = (DirtKind.FLOAT_IDS, DirtKind.BARE_NAN)


@pytest.mark.parametrize("kind", [kind for kind in DirtKind if kind not in NEEDS_NULLS])
def test_a_kind_occurs_alone_when_only_its_rate_is_high(tmp_path: Path, kind: DirtKind) -> None:
    rate = 1.0 if kind is DirtKind.PHONE_LOST_ZERO else 0.5
    report = simulated(tmp_path, dirt=replace(CLEAN, **{kind.value: rate}), seed=4)
    assert set(report.dirt) == {kind}
    simulated(tmp_path / "clean", dirt=CLEAN, seed=4)
    clean = contents(tmp_path / "clean")
    for file in report.files:
        assert ((tmp_path / file.path).read_bytes() != clean[file.path]) == bool(file.dirt)
        expected = sum(file.dirt.values()) if kind in REJECTED_KINDS else 0
        assert file.rejected == expected


def test_clean_files_carry_nothing(tmp_path: Path) -> None:
    report = simulated(tmp_path, dirt=CLEAN, late_rate=0.0)
    assert report.dirt == {}
    assert all(f.rejected == f.late == f.lasting_orphans == 0 for f in report.files)


def test_rejected_and_repaired_kinds_are_all_kinds_but_orphans() -> None:
    assert {*REJECTED_KINDS, *REPAIRED_KINDS, DirtKind.ORPHAN} == set(DirtKind)


def test_a_null_makes_the_whole_integer_column_floats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the chunks before the one with the null."""
    monkeypatch.setattr(demand, "CHUNK_ORDERS", 20)
    rates = replace(CLEAN, null_required=0.05, float_ids=1.0, bare_nan=1.0)
    report = simulated(tmp_path, dirt=rates, hours=(12,))
    text = (tmp_path / f"stream/{DAY}/12/orders.json").read_text()
    for column in ("customer_id", "restaurant_id", "driver_id", "region_id"):
        values = [row[column] for row in read_rows(tmp_path / f"stream/{DAY}/12/orders.json")]
        has_null = any(value != value for value in values)
        assert {type(value) for value in values} == {float if has_null else int}
    assert text.count("NaN") == next(
        file.dirt[DirtKind.BARE_NAN] for file in report.files if file.source == "orders"
    )
    assert ": NaN" in text
    assert report.dirt[DirtKind.FLOAT_IDS] > 0


def test_nulls_can_be_written_as_null_and_ids_stay_integers(tmp_path: Path) -> None:
    simulated(tmp_path, dirt=replace(CLEAN, null_required=0.1))
    rows = stream_rows(tmp_path, "orders")
    assert {type(row["customer_id"]) for row in rows} == {int, type(None)}


def test_repeated_rows_are_the_same_text(tmp_path: Path) -> None:
    report = simulated(tmp_path, dirt=replace(CLEAN, duplicate_row=0.2), hours=(12,))
    lines = (tmp_path / f"stream/{DAY}/12/tickets.csv").read_text().splitlines()
    tickets = next(file for file in report.files if file.source == "tickets")
    assert len(lines) - len(set(lines)) == tickets.dirt[DirtKind.DUPLICATE_ROW] > 0


def test_agents_phones_lose_their_zero_in_the_daily_file_only(tmp_path: Path) -> None:
    simulated(tmp_path, dirt=replace(CLEAN, phone_lost_zero=1.0))
    master = read_rows(tmp_path / "master/agents.csv")
    daily = read_rows(tmp_path / f"batch/{DAY}/agents.csv")
    assert [row["agent_phone"] for row in master] == [f"0{row['agent_phone']}" for row in daily]
    assert {len(row["agent_phone"]) for row in daily} == {10}


def test_phones_as_floats(tmp_path: Path) -> None:
    simulated(tmp_path, dirt=replace(CLEAN, phone_float=0.5))
    phones = [row["phone"] for row in read_rows(tmp_path / "master/customers.csv")]
    floats = [phone for phone in phones if phone.endswith(".0")]
    assert len(floats) == len(phones) // 2
    assert all(phone.startswith("1") and len(phone) == 12 for phone in floats)


def test_rates_scale() -> None:
    rates = DirtRates(orphan=0.1)
    assert rates.scaled(2).orphan == pytest.approx(0.2)
    assert rates.scaled(0) == CLEAN
    assert rates.scaled(2).float_ids == 1.0


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_rate_is_a_share(rate: float) -> None:
    with pytest.raises(ValueError, match="rate of orphan is a share from 0 to 1"):
        DirtRates(orphan=rate)


def test_a_row_carries_one_kind_at_most() -> None:
    with pytest.raises(ValueError, match=r"add up to 1\.\d\d"):
        DirtRates(null_required=0.6, orphan=0.6)
    with pytest.raises(ValueError, match="factor is 0 or more"):
        DirtRates().scaled(-1)
