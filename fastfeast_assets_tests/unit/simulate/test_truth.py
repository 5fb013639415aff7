"""The report tells the truth: an independent reading of the files by the contracts agrees."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.simulate import DirtRates, SimulationReport, demand
from fastfeast_assets_tests.unit.simulate.helpers import CLEAN, DAY, NEXT_DAY, read_rows, simulated
from fastfeast_assets_tests.unit.simulate.judge import key_of, rejected_rows

STREAMS = ("orders", "tickets", "ticket_events")
HEAVY = DirtRates().scaled(5)


@pytest.fixture(scope="module")
def contracts() -> Mapping[str, Contract]:
    return load_contracts()


def waiting_rows(
    out: Path, report: SimulationReport, contracts: Mapping[str, Contract], *, until: str
) -> dict[str, int]:
    """Counts, file by file, the sound rows without a parent, with members listed by `until`."""
    known: dict[str, set[str | None]] = {source: set() for source in contracts}
    for file in report.files:
        if not file.path.startswith("stream") and file.path < f"batch/{until}/~":
            contract = contracts[file.source]
            rows = read_rows(out / file.path)
            known[file.source] |= {key_of(contract, row) for row in rows}
    waiting: dict[str, int] = {}
    for source in STREAMS:
        contract = contracts[source]
        for file in report.files:
            if file.source != source:
                continue
            rows = read_rows(out / file.path)
            sound = [
                row for row, bad in zip(rows, rejected_rows(contract, rows), strict=True) if not bad
            ]
            held = [row for row in sound if _has_no_parent(contract, row, known)]
            waiting[file.path] = len(held)
            lost = {key_of(contract, row) for row in held}
            known[source] |= {key_of(contract, row) for row in sound} - lost
    return waiting


def _has_no_parent(
    contract: Contract, row: dict[str, object], known: Mapping[str, set[str | None]]
) -> bool:
    for column in contract.references:
        key = key_of(contract, row, column.name)
        if column.reference and key is not None and key not in known[column.reference.source]:
            return True
    return False


@pytest.mark.parametrize("update_rate", [0.0, 0.3])
@pytest.mark.parametrize("chunk_orders", [70, 50_000])
def test_rejected_rows_are_those_reported(
    tmp_path: Path,
    contracts: Mapping[str, Contract],
    monkeypatch: pytest.MonkeyPatch,
    update_rate: float,
    chunk_orders: int,
) -> None:
    monkeypatch.setattr(demand, "CHUNK_ORDERS", chunk_orders)
    report = simulated(tmp_path, dirt=HEAVY, update_rate=update_rate)
    for file in report.files:
        verdicts = rejected_rows(contracts[file.source], read_rows(tmp_path / file.path))
        assert sum(verdicts) == file.rejected, file
    assert report.rejected > 100


@pytest.mark.parametrize("update_rate", [0.0, 0.3])
def test_orphans_are_those_reported(
    tmp_path: Path, contracts: Mapping[str, Contract], update_rate: float
) -> None:
    report = simulated(
        tmp_path, hours=(0, 1, 2), days=2, dirt=HEAVY, late_rate=0.2, update_rate=update_rate
    )
    first = waiting_rows(tmp_path, report, contracts, until=str(DAY))
    later = waiting_rows(tmp_path, report, contracts, until=str(NEXT_DAY))
    today = [file for file in report.files if f"stream/{DAY}" in file.path]
    for file in today:
        assert first[file.path] == file.late + file.lasting_orphans, file
        assert later[file.path] == file.lasting_orphans, file
    assert sum(file.late for file in today) > 50
    assert sum(file.inherited_orphans for file in today) > 50


def test_clean_rows_break_no_rule_and_find_all_parents(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    report = simulated(tmp_path, dirt=CLEAN, late_rate=0.0, hours=tuple(range(24)))
    for file in report.files:
        contract = contracts[file.source]
        rows = read_rows(tmp_path / file.path)
        assert not any(rejected_rows(contract, rows)), file
    assert set(waiting_rows(tmp_path, report, contracts, until=str(DAY)).values()) == {0}
    assert len({file.source for file in report.files}) == 16


def test_members_refer_to_listed_parents(tmp_path: Path, contracts: Mapping[str, Contract]) -> None:
    simulated(tmp_path, dirt=CLEAN)
    for contract in contracts.values():
        for column in contract.references if contract.cadence == "batch" else ():
            assert column.reference is not None
            parents = read_rows(tmp_path / f"master/{column.reference.source}.csv")
            known = {row[column.reference.column] for row in parents}
            children = read_rows(tmp_path / f"master/{contract.source}.csv")
            assert {row[column.name] for row in children} <= known
