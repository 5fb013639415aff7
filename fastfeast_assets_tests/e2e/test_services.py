"""The units of `deploy/systemd`: their commands with other places, as systemd would start them."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from fastfeast_assets.settings import Settings
from fastfeast_assets.simulate import SimulationPlan, simulate_days
from fastfeast_assets.warehouse.pii_key import fingerprint
from fastfeast_assets_tests.conftest import PII_KEY
from fastfeast_assets_tests.e2e.company import Company, company
from fastfeast_assets_tests.e2e.conftest import COMMAND, PROJECT
from fastfeast_assets_tests.waiting import answers_at, free_port, until

UNITS = sorted((PROJECT / "deploy" / "systemd").glob("*.service"))
ROLE = "loader"
FOREIGN = (
    f"FASTFEAST_PII_KEY={'not-the-key-' * 4}\nFASTFEAST_TIMEZONE=Asia/Tokyo\n"
    "FASTFEAST_LANDING=/nowhere\nDAGSTER_HOME=/nowhere\n"
)
NO_KEY = "FASTFEAST_TIMEZONE=Asia/Tokyo\nFASTFEAST_LANDING=/nowhere\n"
MOST_EXPOSED = 30


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_valid_and_exposes_little(unit: Path) -> None:
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("there is no systemd here")
    judged = subprocess.run(
        [analyse, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout[-2000:]
    verified = subprocess.run(
        [analyse, "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    # Their programs are not installed here.
    lines = [line for line in verified.stderr.splitlines() if unit.name in line]
    assert [line for line in lines if "is not executable" not in line] == []


@dataclass(frozen=True)
class Installation:
    """A checkout and a state directory, with files of somebody else's settings lying in both."""

    checkout: Path
    state: Path
    landing: Path
    configuration: Path
    port: int
    viewer_port: int

    def moved(self, text: str) -> str:
        """A text of a unit, with our places in it."""
        for place, other in (
            ("/opt/fastfeast/.venv/bin", Path(sys.executable).parent),
            ("/opt/fastfeast", self.checkout),
            ("/var/lib/fastfeast", self.state),
            ("/etc/fastfeast", self.configuration),
            ("--port 3000", f"--port {self.port}"),
            ("--port 3001", f"--port {self.viewer_port}"),
        ):
            text = text.replace(place, str(other))
        return text

    @contextmanager
    def started(self, unit: Path) -> Iterator[None]:
        """A unit's service."""
        said: dict[str, list[str]] = {}
        for line in self.moved(unit.read_text()).splitlines():
            name, is_set, value = line.partition("=")
            if is_set and not line.startswith("#"):
                said.setdefault(name, []).append(value)
        environment = self.base_environment()
        environment |= dict(item.split("=", 1) for item in said["Environment"])
        for file in said["EnvironmentFile"]:
            lines = Path(file).read_text().splitlines()
            environment |= dict(line.split("=", 1) for line in lines)
        credentials = self.state / f"credentials-{unit.stem}"
        credentials.mkdir()
        for credential in said["LoadCredential"]:
            name, _, place = credential.partition(":")
            shutil.copy(place, credentials / name)
        environment["CREDENTIALS_DIRECTORY"] = str(credentials)
        [directory] = said["WorkingDirectory"]
        for command in said["ExecStartPre"]:
            subprocess.run(shlex.split(command), check=True, cwd=directory, env=environment)
        [command] = said["ExecStart"]
        with (self.state / f"{unit.stem}.log").open("w") as log:
            process = subprocess.Popen(
                shlex.split(command),
                env=environment,
                cwd=directory,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=60)

    def base_environment(self) -> dict[str, str]:
        """What systemd gives by itself, and the way to this checkout, as if it were installed."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.state),
            "PYTHONPATH": str(self.checkout),
            "FASTFEAST_SETTLE_SECONDS": "0.1",
        }


@pytest.fixture
def server() -> Iterator[Company]:
    with company() as server:
        server.new_role(ROLE)
        server.new_database("fastfeast", ROLE)
        yield server


@pytest.fixture
def installation(tmp_path: Path, server: Company) -> Installation:
    checkout, state, configuration = (tmp_path / name for name in ("checkout", "state", "etc"))
    for name in ("fastfeast_assets", "dbt_project"):
        ignored = shutil.ignore_patterns("__pycache__", "logs")
        shutil.copytree(PROJECT / name, checkout / name, ignore=ignored)
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(PROJECT / name, checkout)
    (state / "dagster").mkdir(parents=True)
    for directory in (checkout, state):
        (directory / ".env").write_text(FOREIGN)
    (state / "dagster" / ".env").write_text(NO_KEY)
    landing = tmp_path / "landing"
    landing.mkdir()
    (configuration / "credentials").mkdir(parents=True)
    (configuration / "fastfeast.env").write_text(
        f"FASTFEAST_LANDING={landing}\nFASTFEAST_TIMEZONE=Africa/Cairo\n"
    )
    secrets: Mapping[str, str] = {
        "FASTFEAST_PII_KEY": PII_KEY,
        "FASTFEAST_WAREHOUSE_URL": server.url(ROLE, "fastfeast"),
    }
    for name, secret in secrets.items():
        (configuration / "credentials" / name).write_text(f"{secret}\n")
    return Installation(checkout, state, landing, configuration, free_port(), free_port())


@pytest.mark.debian15
def test_the_services_work_by_their_own_settings_alone(
    installation: Installation, server: Company
) -> None:
    log = installation.state / "fastfeast-daemon.log"
    with ExitStack() as stack:
        for unit in UNITS:
            stack.enter_context(installation.started(unit))
        simulate_days(
            SimulationPlan(
                out=installation.landing, start=date(2026, 11, 18), hours=(8,), orders_per_hour=20
            )
        )

        def has_facts() -> bool:
            with server.admin("fastfeast") as connection:
                known = connection.execute("select to_regclass('marts.fact_order') is not null")
                if known.fetchone() != (True,):
                    return False
                row = connection.execute("select exists (select from marts.fact_order)")
                return row.fetchone() == (True,)

        until(has_facts, "facts", 240, pause=1.0, log=log)
        for port in (installation.port, installation.viewer_port):
            until(lambda: answers_at(port), "a web server", 120, log=log)  # noqa: B023
    with server.admin("fastfeast") as connection:
        row = connection.execute(
            "select (select array_agg(fingerprint) from ops.pii_key),"
            " (select array_agg(distinct timezone) from ops.identity)"
        ).fetchone()
    settings = Settings.model_validate({"pii_key": PII_KEY})
    assert row == ([fingerprint(settings)], ["Africa/Cairo"])
    for file in installation.state.rglob("*"):
        if file.is_file() and "credentials-" not in str(file):
            text = file.read_text(errors="replace")
            assert PII_KEY not in text, file
            assert "staple" not in text, file


@pytest.mark.debian15
def test_another_key_where_a_service_works_is_refused(installation: Installation) -> None:
    [unit] = [unit for unit in UNITS if "daemon" in unit.name]
    (installation.state / "dagster" / ".env").write_text(
        "\n".join(line for line in FOREIGN.splitlines() if "DAGSTER_HOME" not in line)
    )
    (installation.configuration / "fastfeast.env").write_text(f"FASTFEAST_PII_KEY={PII_KEY}\n")
    log = installation.state / "fastfeast-daemon.log"
    with installation.started(unit):
        until(lambda: "is another key than that of the environment" in log.read_text(), "no", 60)
    assert "not-the-key" not in log.read_text()


def test_another_key_in_the_checkout_is_refused(installation: Installation) -> None:
    """Without the line of the units that names their own file."""
    environment = {**installation.base_environment(), "FASTFEAST_PII_KEY": PII_KEY}
    refused = subprocess.run(
        [sys.executable, "-c", COMMAND, "status"],
        env=environment,
        cwd=installation.state,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "another key than the one in force" in refused.stderr
    assert str(installation.checkout / ".env") in refused.stderr.replace("\n", "")
    assert "not-the-key" not in refused.stderr
