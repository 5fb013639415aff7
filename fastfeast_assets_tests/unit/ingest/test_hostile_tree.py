"""Folders and links that cannot be looked at cost only themselves, and are named."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing import open_landing
from fastfeast_assets.ingest.landing.discover import Discovery, discover
from fastfeast_assets.ingest.landing.local_folder import DEEPEST, TOO_DEEP, depth_of

GOOD = "stream/2026-11-20/08/orders.json"
NOBODY = 65534


@pytest.fixture
def root() -> Iterator[Path]:
    """A landing zone that every user may read, with one good file."""
    root = Path(tempfile.mkdtemp(prefix="ff-"))
    root.chmod(0o755)
    (root / GOOD).parent.mkdir(parents=True)
    (root / GOOD).write_text("[]")
    yield root
    _remove_deep(root)
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(0o755)
    shutil.rmtree(root, ignore_errors=True)


@contextmanager
def as_anybody() -> Iterator[None]:
    """Rights count, as they do not for root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def look(
    root: Path, contracts: Mapping[str, Contract], folders: list[str] | None = None
) -> Discovery:
    return discover(
        open_landing(root),
        contracts,
        now=datetime.now(UTC).replace(year=2027),
        settle_seconds=0,
        start_date=date(2020, 1, 1),
        scrub=str,
        folders=folders,
    )


def refused(found: Discovery) -> dict[str, str]:
    assert [file.relative_path for file in found.files] == [GOOD]
    return {finding.relative_path: finding.reason for finding in found.refused}


def watched(root: Path, contracts: Mapping[str, Contract]) -> dict[str, str]:
    """What a look at the folders that a watch names shows."""
    return refused(look(root, contracts, open_landing(root).watch().folders(time.time())))


@pytest.mark.parametrize("mode", [0o000, 0o311, 0o644])
def test_a_folder_that_may_not_be_listed_is_reported(
    root: Path, contracts: Mapping[str, Contract], mode: int
) -> None:
    closed = root / "stream/2026-11-20/09"
    (closed / "inner").mkdir(parents=True)
    (closed / "orders.json").write_text("[]")
    closed.chmod(mode)
    with as_anybody():
        for found in (refused(look(root, contracts)), watched(root, contracts)):
            assert found
            for path, reason in found.items():
                assert path.startswith("stream/2026-11-20/09")
                assert "Permission denied; grant read and search" in reason
        named = look(root, contracts, ["stream/2026-11-20/09"])
        assert named.refused
        closed_root = look(closed, contracts)
    assert [finding.relative_path for finding in closed_root.refused][:1] in (
        ["."],
        ["inner"],
        ["orders.json"],
    )
    closed.chmod(0o755)
    with as_anybody():
        assert len(look(root, contracts).files) == 2


def test_a_watch_sees_a_folder_as_soon_as_it_may_be_listed(
    root: Path, contracts: Mapping[str, Contract]
) -> None:
    closed = root / "stream/2026-11-19"
    (closed / "08").mkdir(parents=True)
    closed.chmod(0o000)
    for folder in (closed, root / "stream", root):
        os.utime(folder, (1e9, 1e9))
    now = time.time()
    with as_anybody():
        watch = open_landing(root).watch()
        folders = watch.folders(now)
        assert "stream/2026-11-19" in folders
        watch.looked(folders, [], now)
        assert "stream/2026-11-19" in watch.folders(now + 1), "it is no quiet one"
    closed.chmod(0o755)
    os.utime(closed, (1e9, 1e9))
    with as_anybody():
        assert "stream/2026-11-19/08" in watch.folders(now + 2)


def test_names_of_no_concern_may_be_closed(root: Path, contracts: Mapping[str, Contract]) -> None:
    for name in ("lost+found", ".trash"):
        (root / name).mkdir()
        (root / name).chmod(0o000)
    with as_anybody():
        assert refused(look(root, contracts)) == {}


def test_links_in_circles_are_reported(root: Path, contracts: Mapping[str, Contract]) -> None:
    hour = root / "stream/2026-11-20/08"
    (hour / "tickets.csv").symlink_to("tickets.csv")
    (hour / "a").symlink_to("b")
    (hour / "b").symlink_to("a")
    (hour / "up").symlink_to("..")
    (root / "batch").symlink_to("stream")
    (root / "master").symlink_to("master")
    os.symlink("0", hour / "chain")
    for number in range(1100):
        os.symlink(str(number + 1), hour / str(number))
    (hour / "1100").write_text("")
    circles = f"{hour.relative_to(root)}"
    for found in (refused(look(root, contracts)), watched(root, contracts)):
        for path in ("tickets.csv", "a", "b", "chain"):
            assert "symbolic links" in found[f"{circles}/{path}"]
        assert "symbolic links" in found["master"]
        assert found["batch"] == found[f"{circles}/up"]
        assert found["batch"] == "a link to a folder; put the folder itself here"


def test_a_landing_zone_that_is_a_link_in_circles_is_empty(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    circle = tmp_path / "landing"
    circle.symlink_to(circle)
    assert look(circle, contracts).files == []
    assert open_landing(circle).trouble() is not None
    assert open_landing(tmp_path).relative(str(circle)) == "landing"


def test_links_into_folders_are_followed_by_no_look(
    root: Path, contracts: Mapping[str, Contract], tmp_path: Path
) -> None:
    """A run over one hour once read through a linked folder that no other look had seen."""
    outside = tmp_path / "09"
    outside.mkdir()
    (outside / "orders.json").write_text("[]")
    (root / "stream/2026-11-20/09").symlink_to(outside)
    (root / "stream/2026-11-21").symlink_to(root / "stream/2026-11-20")
    folders = ["stream/2026-11-20/09", "stream/2026-11-21/08", "stream/2026-11-20/08"]
    assert refused(look(root, contracts, folders)) == {}
    assert len(refused(look(root, contracts))) == 2


def test_folders_one_in_the_other_are_looked_into_so_deep_only(
    root: Path, contracts: Mapping[str, Contract]
) -> None:
    """With 1,100 levels the walk once ended in a RecursionError, and nothing loaded."""
    descriptor = os.open(root, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    expected = {"/".join("d" * (DEEPEST + 1)): TOO_DEEP}
    assert refused(look(root, contracts)) == expected
    assert watched(root, contracts) == expected
    folders = open_landing(root).watch().folders(time.time())
    assert max(map(depth_of, folders)) == DEEPEST


def _remove_deep(root: Path) -> None:
    """Neither `os.walk` nor `shutil.rmtree` gets to the bottom of this."""
    depth, here = 0, os.getcwd()
    os.chdir(root)
    while os.path.isdir("d"):
        os.chdir("d")
        depth += 1
    for _ in range(depth):
        os.chdir("..")
        os.rmdir("d")
    os.chdir(here)


def test_paths_that_are_too_long_are_reported(
    tmp_path: Path, contracts: Mapping[str, Contract]
) -> None:
    name = "n" * 250
    root = tmp_path.joinpath(*[name] * 10)
    (root / GOOD).parent.mkdir(parents=True)
    (root / GOOD).write_text("[]")
    descriptor = os.open(root, os.O_RDONLY)
    for _ in range(DEEPEST - 1):
        os.mkdir(name, dir_fd=descriptor)
        inner = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(os.open("orders.json", os.O_CREAT, dir_fd=inner))
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    found = refused(look(root, contracts))
    assert found
    assert all("File name too long" in reason for reason in found.values())


def test_a_look_at_many_strangers_costs_each_once(
    root: Path, contracts: Mapping[str, Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step is a call of the system for one name."""
    steps = 0
    real = os.lstat

    def counted(path: str) -> os.stat_result:
        nonlocal steps
        steps += 1
        return real(path)

    monkeypatch.setattr("fastfeast_assets.ingest.landing.local_root.os.lstat", counted)
    taken = []
    for many in (500, 1000):
        for number in range(many):
            (root / f"{number}.strange").touch()
        steps = 0
        assert len(look(root, contracts).unknown) == many
        taken.append(steps)
    # Not only `lstat` of the files goes through here: the links above each folder do, too.
    assert taken[1] - taken[0] == 500
