"""Which files are ready, which wait, and why: names, dates and times of change only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.mask import NameMasker
from fastfeast_assets.ingest.landing import open_landing
from fastfeast_assets.ingest.landing.discover import Discovery, discover
from fastfeast_assets.ingest.landing.layout import place_of, siblings
from fastfeast_assets.ingest.landing.local_root import LocalPath
from fastfeast_assets.ingest.landing.near_miss import stranger_of
from fastfeast_assets.ingest.landing.shown import MAXIMUM_SHOWN, shown

START = date(2020, 1, 1)
CONTRACTS = load_contracts()
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=ZoneInfo("UTC"))


def look(root: Path, contracts: Mapping[str, Contract], now: datetime = NOW) -> Discovery:
    return discover(
        open_landing(root),
        contracts,
        now=now,
        settle_seconds=2,
        start_date=START,
        scrub=NameMasker(b"key").scrub,
    )


def put(root: Path, relative: str, age: float = 3600.0) -> Path:
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[]")
    moment = NOW.timestamp() - age
    os.utime(path, (moment, moment))
    return path


def test_the_layout_gives_source_and_partition(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    for relative in (
        "master/restaurants.csv",
        "batch/2026-11-20/cities.json",
        "batch/2026-11-20/teams.csv",
        "stream/2026-11-20/08/orders.json",
        "stream/2026-11-20/12/tickets.csv",
    ):
        put(tmp_path, relative)
    files = look(tmp_path, contracts).files
    assert [(file.relative_path, file.partition_key) for file in files] == [
        ("master/restaurants.csv", "2020-01-01"),
        ("batch/2026-11-20/cities.json", "2026-11-20"),
        ("batch/2026-11-20/teams.csv", "2026-11-20"),
        ("stream/2026-11-20/08/orders.json", "2026-11-20-08:00"),
        ("stream/2026-11-20/12/tickets.csv", "2026-11-20-12:00"),
    ]
    assert [file.is_master for file in files] == [True, False, False, False, False]


@pytest.mark.parametrize(("age", "is_ready"), [(0.0, False), (1.9, False), (2.1, True)])
def test_a_file_changed_a_moment_ago_is_left_for_later(
    tmp_path: Path, contracts: Mapping[str, Contract], age: float, is_ready: bool
) -> None:
    put(tmp_path, "master/teams.csv", age)
    found = look(tmp_path, contracts)
    assert (len(found.files), len(found.unsettled)) == ((1, 0) if is_ready else (0, 1))


def test_a_time_of_change_ahead_of_the_clock_does_not_hold_a_file_for_ever(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    put(tmp_path, "master/teams.csv", age=-10 * 365 * 86400.0)
    later = datetime.now(tz=ZoneInfo("UTC")) + timedelta(seconds=3)
    assert len(look(tmp_path, contracts, later).files) == 1


def test_a_folder_of_the_future_waits(tmp_path: Path, contracts: Mapping[str, Contract]) -> None:
    put(tmp_path, "stream/2026-11-20/12/orders.json")
    put(tmp_path, "stream/2026-11-20/13/orders.json")
    put(tmp_path, "batch/2026-11-21/teams.csv")
    found = look(tmp_path, contracts)
    assert [file.relative_path for file in found.files] == ["stream/2026-11-20/12/orders.json"]
    assert [finding.relative_path for finding in found.future] == [
        "batch/2026-11-21/teams.csv",
        "stream/2026-11-20/13/orders.json",
    ]


def test_a_folder_before_the_first_partition_is_reported(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    put(tmp_path, "batch/2019-12-31/teams.csv")
    [finding] = look(tmp_path, contracts).refused
    assert "FASTFEAST_START_DATE" in finding.reason
    assert "2019-12-31" in finding.reason


def test_a_link_within_the_landing_zone_is_a_file(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    target = put(tmp_path, ".versions/teams-2.csv")
    (tmp_path / "master").mkdir()
    (tmp_path / "master/teams.csv").symlink_to(target)
    [file] = look(tmp_path, contracts).files
    assert file.relative_path == "master/teams.csv"
    assert file.path == LocalPath(str(target), is_link=True)


def test_an_absent_landing_zone_is_empty(tmp_path: Path, contracts: Mapping[str, Contract]) -> None:
    assert look(tmp_path / "nowhere", contracts) == Discovery()


def test_names_that_are_no_utf8_are_reported(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/caf\xe9.csv", os.O_CREAT))
    [finding] = look(tmp_path, contracts).unknown
    assert finding.relative_path == "caf\\udce9.csv"


def both(found: Discovery) -> tuple[list[str], dict[str, str]]:
    files = [file.relative_path for file in found.files]
    return files, {finding.relative_path: finding.reason for finding in found.refused}


@pytest.mark.parametrize(
    ("source", "preferred", "other"), [("customers", "csv", "json"), ("cities", "json", "csv")]
)
def test_of_two_formats_the_one_that_the_contract_names_first_is_loaded(
    tmp_path: Path, contracts: Mapping[str, Contract], source: str, preferred: str, other: str
) -> None:
    name = f"batch/2026-11-20/{source}"
    put(tmp_path, f"{name}.{other}")
    put(tmp_path, f"batch/2026-11-19/{source}.{other}")
    put(tmp_path, "batch/2026-11-20/teams.csv")
    assert both(look(tmp_path, contracts))[0] == [
        f"batch/2026-11-19/{source}.{other}",
        *sorted([f"{name}.{other}", "batch/2026-11-20/teams.csv"]),
    ]
    put(tmp_path, f"{name}.{preferred}")
    files, refused = both(look(tmp_path, contracts))
    assert files == [
        f"batch/2026-11-19/{source}.{other}",
        *sorted([f"{name}.{preferred}", "batch/2026-11-20/teams.csv"]),
    ]
    assert refused == {
        f"{name}.{other}": (
            f"{source}.{preferred} is loaded instead: the contract names {preferred} first;"
            " remove one of the two"
        )
    }


def test_nothing_takes_the_place_of_a_preferred_file_that_is_being_written(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    put(tmp_path, "batch/2026-11-20/customers.json")
    put(tmp_path, "batch/2026-11-20/customers.csv", age=0)
    found = look(tmp_path, contracts)
    assert [file.relative_path for file in found.unsettled] == ["batch/2026-11-20/customers.csv"]
    assert both(found)[0] == []
    assert set(both(found)[1]) == {"batch/2026-11-20/customers.json"}
    put(tmp_path, "batch/2026-11-20/customers.json", age=0)
    put(tmp_path, "batch/2026-11-20/customers.csv")
    found = look(tmp_path, contracts)
    assert found.unsettled == []
    assert both(found)[0] == ["batch/2026-11-20/customers.csv"]


def test_a_preferred_name_without_a_file_behind_it_holds_nothing_back(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    put(tmp_path, "batch/2026-11-20/customers.json")
    (tmp_path / "batch/2026-11-20/customers.csv").symlink_to("nowhere")
    files, refused = both(look(tmp_path, contracts))
    assert files == ["batch/2026-11-20/customers.json"]
    assert refused == {"batch/2026-11-20/customers.csv": "a link to nothing"}


def test_siblings_are_the_other_formats_of_a_place(contracts: Mapping[str, Contract]) -> None:
    customers, orders = contracts["customers"], contracts["orders"]
    day = "batch/2026-11-20/customers"
    assert siblings(f"{day}.csv", customers) == (f"{day}.json",)
    assert siblings(f"{day}.json", customers) == (f"{day}.csv",)
    assert siblings("master/customers.csv", customers) == ()
    assert siblings("stream/2026-11-20/08/orders.json", orders) == ()


@pytest.mark.parametrize(
    "folder",
    [
        "stream/2026-11-20/ 5",
        "stream/2026-11-20/5",
        "stream/2026-11-20/+9",
        "stream/2026-11-20/-9",
        "stream/2026-11-20/24",
        "stream/2026-11-20/\u0660\u0668",
        "stream/2026-11-20/08 ",
        "stream/2026-11-20/08\n",
        "stream/2026-11-20/1_",
        "stream/2026-11- 2/08",
        "stream/2026-1-20/08",
        "stream/\u0662\u0660\u0662\u0666-\u0661\u0661-\u0662\u0660/08",
        "stream/2026-W47-5/08",
        "stream/20261120/08",
        "stream/2026-02-29/08",
        "stream/0000-11-20/08",
        "stream/0005-11-20/08",
        "stream/2026-11-20",
        "stream/2026-11-20/08/08",
        "Stream/2026-11-20/08",
        "stream",
    ],
)
def test_a_name_is_what_it_parses_back_to_or_unknown(
    tmp_path: Path, contracts: Mapping[str, Contract], folder: str
) -> None:
    put(tmp_path, f"{folder}/orders.json")
    found = look(tmp_path, contracts)
    assert (found.files, found.future, found.refused) == ([], [], [])
    [finding] = found.unknown
    assert finding.near == "orders"
    assert "stream/" in finding.reason


def test_the_last_hour_of_all_waits(tmp_path: Path, contracts: Mapping[str, Contract]) -> None:
    put(tmp_path, "stream/9999-12-31/23/orders.json")
    put(tmp_path, "batch/9999-12-31/teams.csv")
    put(tmp_path, "batch/1000-01-01/teams.csv")
    found = look(tmp_path, contracts)
    assert (len(found.future), len(found.refused), found.files) == (2, 1, [])


@given(
    st.one_of(st.text(), st.from_regex(r"\d{4}-\d{2}-\d{2}", fullmatch=True)),
    st.one_of(st.text(), st.from_regex(r"\s?[+-]?\d{1,2}", fullmatch=True)),
    st.one_of(st.text(), st.sampled_from(["orders", "Orders", "ticket_events"])),
)
def test_every_name_has_a_place_or_a_reason(day: str, hour: str, name: str) -> None:
    relative = f"stream/{day}/{hour}/{name}.json"
    place = place_of(relative, CONTRACTS, START)
    if place is not None:
        assert f"stream/{place.at:%Y-%m-%d/%H}/{place.source}.json" == relative
    else:
        assert stranger_of(relative, CONTRACTS).reason
    assert shown(relative, str).isprintable()


def test_names_are_shown_without_personal_values_on_one_short_line(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    put(tmp_path, "batch/2026-11-20/mona.adel@mail.com/orders.json")
    put(tmp_path, "batch/2026-11-20/01012345678.csv")
    put(tmp_path, "a\x1b[2J\n\u202eb.txt")
    put(tmp_path, f"{'ü' * 120}/{'é' * 120}.txt")
    names = [finding.relative_path for finding in look(tmp_path, contracts).unknown]
    text = "".join(names)
    assert "mona" not in text
    assert "01012345678" not in text
    assert text.isprintable()
    assert "a\\x1b[2J\\n\\u202eb.txt" in names
    assert max(map(len, names)) == MAXIMUM_SHOWN
    assert any(name.endswith("é.txt") for name in names)
