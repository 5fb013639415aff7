"""Makes what is kept of a release by its own commands: `make release-fixture`.

The version is that of the code; of an earlier one nothing is touched.
"""

from __future__ import annotations

import json
import lzma
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from fastfeast_assets.warehouse.version import this_version
from fastfeast_assets_tests.e2e.conftest import Home
from fastfeast_assets_tests.landing import LandingZone
from fastfeast_assets_tests.releases import history
from fastfeast_assets_tests.releases.kept import PROGRAMS, Release, Rows, marts_of

FACTS = ("fact_order", "fact_ticket", "fact_ticket_event")
PROVENANCE = ("_load_id", "_pruned_at")


def main() -> None:
    """Write the folder of this version."""
    release = Release(Path(__file__).parent / this_version())
    release.folder.mkdir(exist_ok=True)
    with _home() as home, _home() as fresh:
        landing = LandingZone(home.landing)
        history.august(landing)
        home.run("ingest")
        history.september(landing)
        home.run("ingest")
        kept = datetime.now(UTC).date() - date.fromisoformat(history.PRUNED_BEFORE)
        home.run("prune", "--what", "raw", "--keep-days", str(kept.days), "--yes")
        history.october(landing)
        home.run("ingest")
        history.correction(landing)
        home.run("ingest")
        home.run("check", "--all")
        shutil.copytree(home.landing, fresh.landing, dirs_exist_ok=True)
        (fresh.landing / ".fastfeast-landing-id").unlink()
        fresh.run("ingest")
        rows = marts_of(home.url())
        _compare(rows, marts_of(fresh.url()))
        release.truth.write_text(json.dumps(rows, indent=1) + "\n")
        _dump(home, release)
        with tarfile.open(release.landing, "w:gz") as archive:
            archive.add(home.landing, ".")
    for file in sorted(release.folder.iterdir()):
        print(f"{file.stat().st_size:>9,} {file}")  # noqa: T201 - a command's output


def _compare(rows: Rows, fresh: Rows) -> None:
    """The facts are those of a fresh load of the landing zone, but for the order that is kept."""
    for fact in FACTS:
        one, other = (
            [
                {name: value for name, value in row.items() if name not in PROVENANCE}
                for row in found[fact]
                if (fact, row["order_id"] if fact == "fact_order" else "")
                != ("fact_order", history.KEPT_ORDER)
            ]
            for found in (rows, fresh)
        )
        assert one == other, fact


def _dump(home: Home, release: Release) -> None:
    options = ["--no-owner", "--no-privileges", "--dbname", home.url()]
    done = subprocess.run(
        [str(PROGRAMS / "pg_dump"), *options], check=True, capture_output=True, env=home.environment
    )
    release.dump.write_bytes(lzma.compress(done.stdout, preset=9 | lzma.PRESET_EXTREME))


@contextmanager
def _home() -> Iterator[Home]:
    home = Home(Path(tempfile.mkdtemp(prefix="ff-")))
    home.landing.mkdir()
    try:
        yield home
    finally:
        home.run("stop")
        shutil.rmtree(home.directory, ignore_errors=True)


if __name__ == "__main__":
    main()
