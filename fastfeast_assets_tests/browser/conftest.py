"""Fixtures of tests that click through Dagster's UI: one real `fastfeast dev`, one Chromium.

The tests share the console and therefore run in order. Each one works on sources and hours of its
own, so that the latest results of another are not touched.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from fastfeast_assets.simulate import DirtRates, SimulationPlan, simulate_days
from fastfeast_assets_tests.e2e.conftest import COMMAND, Home
from fastfeast_assets_tests.waiting import free_port

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"),
    *("--disable-component-update", "--no-first-run", "--disable-quic"),
)
SCREENSHOTS = os.environ.get("SCREENSHOTS_TO")
MAXIMUM_PICTURE_BYTES = 300_000
START_SECONDS = 180
PATIENCE_MS = 180_000
expect.set_options(timeout=PATIENCE_MS)

LOADED_HOURS = range(8, 20)
SPOILED_HOUR = LOADED_HOURS[-1]
SPOILED = DirtRates(unknown_category=0.3, negative_amount=0.2)
LATE_HOURS = range(20, 24)


@dataclass(frozen=True)
class Console:
    """A running console and the installation behind it.

    Attributes:
        home: Home directory, landing zone and warehouse.
        url: Where the console answers.
        day: The day that is loaded, but for its last hours.
        late: A landing zone with the files of those hours.
    """

    home: Home
    url: str
    day: date
    late: Path

    def land(self, source_file: str, hour: int) -> Path:
        """Let a file of the last hours land, complete at once; gives its path below the zone."""
        relative = Path("stream") / str(self.day) / f"{hour:02d}" / source_file
        target = self.home.landing / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.late / relative, target.with_name(f".{source_file}"))
        target.with_name(f".{source_file}").rename(target)
        return relative

    def loaded_rows(self, relative: Path) -> int | None:
        """Rows in raw of a landing file by the ledger, or None when it has not been loaded."""
        with psycopg.connect(self.home.url()) as connection:
            row = connection.execute(
                "select valid_records from ops.pipeline_file_log"
                " where file_path = %s and status = 'success' and is_loaded",
                [relative.as_posix()],
            ).fetchone()
        return row[0] if row else None

    def runs_of_backfill(self, backfill: str) -> int:
        """How many runs a backfill has launched."""
        with psycopg.connect(self.home.url("dagster")) as connection:
            row = connection.execute(
                "select count(*) from run_tags where key = 'dagster/backfill' and value = %s",
                [backfill],
            ).fetchone()
        assert row is not None
        return int(row[0])


def simulate(out: Path, day: date, hours: range, dirt: DirtRates) -> None:
    """Hours of one company's day."""
    simulate_days(
        SimulationPlan(
            out=out,
            start=day,
            hours=tuple(hours),
            seed=7,
            orders_per_hour=60,
            ticket_rate=0.4,
            dirt=dirt,
        )
    )


@pytest.fixture(scope="session")
def console() -> Iterator[Console]:
    """A simulated day, ingested, under a real `fastfeast dev` with its sensors running.

    It is started in a directory whose `.env` would spoil everything if anybody read it.
    """
    # Not below pytest's own directory: a Unix socket's path may have 107 characters.
    home = Home(Path(tempfile.mkdtemp(prefix="ff-")))
    late = home.directory / "late"
    day = datetime.now(UTC).date() - timedelta(days=1)
    spoiled = home.directory / "spoiled"
    simulate(home.landing, day, LOADED_HOURS, DirtRates())
    simulate(late, day, LATE_HOURS, DirtRates())
    simulate(spoiled, day, LOADED_HOURS[-1:], SPOILED)
    orders = f"stream/{day}/{SPOILED_HOUR}/orders.json"
    shutil.copyfile(spoiled / orders, home.landing / orders)
    home.run("ingest")
    elsewhere = home.directory / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".env").write_text(
        f"FASTFEAST_PII_KEY={'not-the-key-' * 4}\nFASTFEAST_LANDING={elsewhere}\n"
    )
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (home.directory / "dev.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "dev", "--port", str(port)],
            env={**home.environment, "FRESHNESS_DAEMON_INTERVAL_SECONDS": "5"},
            cwd=elsewhere,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(lambda: answers(url), process, home.directory / "dev.log")
        yield Console(home, url, day, late)
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=60)
        # A code server may outlive it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        home.run("stop")
        shutil.rmtree(home.directory, ignore_errors=True)


def answers(url: str) -> bool:
    """Whether the web server is there; it comes up after the code location has been loaded."""
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=5) as response:  # noqa: S310
            return bool(response.status == 200)
    except OSError:
        return False


def wait_for(is_ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until it is so; a process that ended or takes too long fails the test with its log."""
    end = time.monotonic() + START_SECONDS
    while not is_ready():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        try:
            process.wait(timeout=0.25)
        except subprocess.TimeoutExpired:
            continue


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, console: Console) -> Iterator[Page]:
    """A fresh window on the console; a script that breaks or a server error fails the test."""
    context = chromium.new_context(
        base_url=console.url,
        viewport={"width": 1400, "height": 900},
        timezone_id="UTC",
        locale="en-GB",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "response",
        lambda response: troubles.append(response.url) if response.status >= 500 else None,
    )
    yield page
    context.close()
    assert not troubles


@pytest.fixture
def picture(page: Page) -> Callable[[str], None]:
    """Takes a picture for the documentation, when `SCREENSHOTS_TO` names a directory."""

    def take(name: str) -> None:
        if SCREENSHOTS:
            page.wait_for_load_state("networkidle")
            image = page.screenshot(animations="disabled")
            assert len(image) < MAXIMUM_PICTURE_BYTES
            (Path(SCREENSHOTS) / f"{name}.png").write_bytes(image)

    return take
