"""Landing zones in an object store: listing, watching, reading, and what goes wrong there."""

from __future__ import annotations

import tracemalloc
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import fsspec
import pytest
from fsspec.spec import AbstractBufferedFile

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.errors import FileChangedError, FileRejectedError, StoreError
from fastfeast_assets.ingest.judge.mask import NameMasker
from fastfeast_assets.ingest.landing import open_landing
from fastfeast_assets.ingest.landing.discover import Discovery, LandingFile, discover
from fastfeast_assets.ingest.landing.identity import ZoneIdentity
from fastfeast_assets.ingest.landing.object_path import ObjectPath, status_of
from fastfeast_assets.ingest.landing.object_root import ObjectRoot
from fastfeast_assets.ingest.landing.shown import MAXIMUM_SHOWN
from fastfeast_assets.ingest.landing.watch import SWEEP_SECONDS, YOUNG_SECONDS
from fastfeast_assets.ingest.read.csv_reader import CsvReader
from fastfeast_assets.ingest.read.json_reader import JsonReader
from fastfeast_assets.ingest.read.source import content_of, text_of
from fastfeast_assets_tests.landing import DAY, LandingZone, ObjectZone

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=ZoneInfo("UTC"))
PRESENT = NOW.timestamp()
ORDERS = f"stream/{DAY}/08/orders.json"


@pytest.fixture
def zone() -> Iterator[ObjectZone]:
    """A prefix in memory."""
    zone = ObjectZone(f"memory://{uuid.uuid4().hex}/landing")
    yield zone
    if zone.store.exists(zone.root):
        zone.store.rm(zone.root, recursive=True)


def look(
    zone: ObjectZone, contracts: Mapping[str, Contract], folders: list[str] | None = None
) -> Discovery:
    return discover(
        open_landing(zone.address),
        contracts,
        now=NOW,
        settle_seconds=3600,
        start_date=date(2020, 1, 1),
        scrub=NameMasker(b"key").scrub,
        folders=folders,
    )


def only(zone: ObjectZone, contracts: Mapping[str, Contract]) -> LandingFile:
    [file] = look(zone, contracts).files
    return file


def test_the_layout_gives_source_and_partition(
    zone: ObjectZone, contracts: Mapping[str, Contract]
) -> None:
    for relative in (
        "master/restaurants.csv",
        "batch/2026-11-20/cities.json",
        "stream/2026-11-20/08/orders.json",
        "stream/2026-11-20/08/.orders.json",
        "stream/2026-11-20/13/orders.json",
        "batch/2026-11-20/metadata.json",
    ):
        zone.put(relative, "[]")
    for stranger in ("notes.txt", "stream/a.csv", "old/2026/deep/x", "batch/2026-11-20/x.csv"):
        zone.put(stranger, "")
    found = look(zone, contracts)
    assert [(file.relative_path, file.partition_key, file.size) for file in found.files] == [
        ("master/restaurants.csv", "2020-01-01", 2),
        ("batch/2026-11-20/cities.json", "2026-11-20", 2),
        ("stream/2026-11-20/08/orders.json", "2026-11-20-08:00", 2),
    ]
    assert [finding.relative_path for finding in found.future] == [
        "stream/2026-11-20/13/orders.json"
    ]
    assert {finding.relative_path for finding in found.unknown} == {
        "notes.txt",
        "stream/a.csv",
        "old/2026/deep/x",
        "batch/2026-11-20/x.csv",
    }


def test_names_are_judged_as_in_a_directory(
    zone: ObjectZone, contracts: Mapping[str, Contract]
) -> None:
    near = ("stream/2026-11-20/8/orders.json", "stream/2026-11-20/08/Orders.json", "teams.csv")
    deep = "/".join("d" * 300)
    for relative in (*near, "batch/2026-11-20/mona.adel@mail.com", deep):
        zone.put(relative, "")
    found = look(zone, contracts)
    assert found.files == []
    assert {finding.relative_path for finding in found.near_misses} == set(near)
    assert len(found.strangers) == 2
    assert not any("mona" in finding.relative_path for finding in found.strangers)
    assert max(len(finding.relative_path) for finding in found.strangers) == MAXIMUM_SHOWN


@pytest.mark.parametrize("folders", [None, ["batch/2026-11-20"]])
def test_of_two_formats_the_one_that_the_contract_names_first_is_loaded(
    zone: ObjectZone, contracts: Mapping[str, Contract], folders: list[str] | None
) -> None:
    for source in ("cities", "customers"):
        for suffix in ("csv", "json"):
            zone.put(f"batch/2026-11-20/{source}.{suffix}", "[]")
    found = look(zone, contracts, folders)
    assert [file.relative_path for file in found.files] == [
        "batch/2026-11-20/cities.json",
        "batch/2026-11-20/customers.csv",
    ]
    assert {finding.relative_path for finding in found.refused} == {
        "batch/2026-11-20/cities.csv",
        "batch/2026-11-20/customers.json",
    }


def test_doctor_names_no_object(zone: ObjectZone, monkeypatch: pytest.MonkeyPatch) -> None:
    zone.put("mona.adel@mail.com", "")

    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("no route")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem._open", fail)
    trouble = open_landing(zone.address).trouble()
    assert trouble is not None
    assert trouble.text == "an object in it cannot be opened: no route"


def test_an_object_is_settled_when_it_is_listed(
    zone: ObjectZone, contracts: Mapping[str, Contract]
) -> None:
    zone.put(ORDERS, "[]")
    found = look(zone, contracts)
    assert [len(found.files), len(found.unsettled)] == [1, 0]
    assert abs(found.files[0].landed_ns / 1e9 - datetime.now(UTC).timestamp()) < 60


def test_an_empty_prefix_is_empty(zone: ObjectZone, contracts: Mapping[str, Contract]) -> None:
    assert look(zone, contracts) == Discovery()
    trouble = open_landing(zone.address).trouble()
    assert trouble is not None
    assert trouble.is_absent
    zone.put(ORDERS, "[]")
    assert open_landing(zone.address).trouble() is None


def test_neighbours_with_a_longer_name_are_another_landing_zone(
    zone: ObjectZone, contracts: Mapping[str, Contract]
) -> None:
    ObjectZone(f"{zone.address}-old").put(ORDERS, "[]")
    assert look(zone, contracts) == Discovery()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("orders.json", b'[{"a": "x", "b": NaN}, {"a": "\xff", "b": 2}]'),
        ("orders.json", b'\xef\xbb\xbf{"a": 1, "b": 2}\n{"a": 3, "b": 4}'),
        ("tickets.csv", b'a,b\n1,"x\ny"\n\xfe,2\n' + b"3,4\n" * 400_000),
    ],
)
def test_objects_read_as_files_do(
    zone: ObjectZone,
    contracts: Mapping[str, Contract],
    tmp_path: Path,
    name: str,
    content: bytes,
) -> None:
    def read(root: Path | str) -> tuple[str, list[object]]:
        found = discover(
            open_landing(root),
            contracts,
            now=datetime.now(UTC),
            settle_seconds=0,
            start_date=date(2020, 1, 1),
            scrub=str,
        )
        [file] = found.files
        column = contracts["teams"].column("team_name")
        columns = [replace(column, name=letter) for letter in "ab"]
        with file.path.opened() as stream:
            file.path.ensure_unchanged(stream, file.fingerprint)
            digest = content_of(stream).hash
            with text_of(stream) as text:
                reader = (
                    JsonReader(text, ("a", "b"), 50_000)
                    if name.endswith("json")
                    else CsvReader(text, columns, 50_000)
                )
                chunks = list(reader.chunks())
            file.path.ensure_unchanged(stream, file.fingerprint)
        return digest, [(chunk.first_row, chunk.cells, chunk.faults) for chunk in chunks]

    for place in (zone, LandingZone(tmp_path)):
        place.put(f"stream/{DAY}/08/{name}", content)
    assert read(zone.address) == read(tmp_path)


def test_an_empty_object_is_refused(zone: ObjectZone, contracts: Mapping[str, Contract]) -> None:
    zone.put(ORDERS, "")
    with (
        only(zone, contracts).path.opened() as stream,
        pytest.raises(FileRejectedError, match="0 bytes"),
        text_of(stream),
    ):
        pass


def test_a_change_while_reading_is_noticed(
    zone: ObjectZone, contracts: Mapping[str, Contract]
) -> None:
    zone.put(ORDERS, "[]")
    file = only(zone, contracts)
    with file.path.opened() as stream:
        zone.put(ORDERS, "[ ]")
        with pytest.raises(FileChangedError, match="changed"):
            file.path.ensure_unchanged(stream, file.fingerprint)
        zone.remove(ORDERS)
        with pytest.raises(FileChangedError, match="gone"):
            file.path.ensure_unchanged(stream, file.fingerprint)
    with pytest.raises(FileChangedError, match="gone"), file.path.opened():
        pass


def test_paths_may_be_given_as_urls() -> None:
    root = open_landing("memory://exports/landing")
    assert root.relative(f"memory://exports/landing/{ORDERS}") == ORDERS
    assert root.relative(ORDERS) == ORDERS


@pytest.mark.parametrize(
    ("entry", "fingerprint", "seconds"),
    [
        (
            {"size": 3, "ETag": '"ab"', "LastModified": datetime(2026, 11, 20, tzinfo=UTC)},
            '3:"ab"',
            1795132800,
        ),
        ({"size": 3, "etag": "CJ", "updated": "2026-11-20T00:00:00.25Z"}, "3:CJ", 1795132800.25),
        ({"size": 3, "created": 1795132800.5}, "3:1795132800", 1795132800.5),
        ({"size": 3}, "3:0", 0),
    ],
)
def test_every_client_has_names_of_its_own(
    entry: dict[str, Any], fingerprint: str, seconds: float
) -> None:
    status = status_of(entry)
    assert status.fingerprint == fingerprint
    assert status.landed_ns == seconds * 1e9


class Store:
    """A store of many days that counts what it is asked, or fails."""

    def __init__(self, days: int = 0) -> None:
        self.days = [f"day{number}" for number in range(days)]
        self.requests = 0
        self.error: Exception | None = None
        self.error_of_open: Exception | None = None

    def asked(self) -> None:
        self.requests += 1
        if self.error is not None:
            raise self.error

    def ls(self, key: str, **options: Any) -> list[dict[str, Any]]:
        self.asked()
        if key.endswith("stream"):
            names = [date.fromordinal(730_000 + number) for number in range(len(self.days))]
            return [{"name": f"{key}/{name}", "type": "directory"} for name in names]
        return [{"name": f"{key}/stream", "type": "directory"}]

    def find(self, key: str, **options: Any) -> dict[str, dict[str, Any]]:
        self.asked()
        names = [f"{key}/{hour:02d}/{name}" for hour in range(24) for name in ("a", "b", "c")]
        return {n: {"name": n, "type": "file", "size": 2, "ETag": "x"} for n in names}

    def open(self, key: str, *args: Any, **options: Any) -> Any:
        if self.error_of_open is not None:
            raise self.error_of_open
        raise AssertionError(key)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> tuple[ObjectRoot, Store]:
    """A landing zone of 100,080 objects."""
    store = Store(days=1390)
    root = ObjectRoot("memory://bucket/landing")
    monkeypatch.setattr(root, "_store", store)
    return root, store


def test_looking_again_costs_requests_for_recent_days_only(
    many: tuple[ObjectRoot, Store],
) -> None:
    root, store = many
    watch = root.watch("stream")
    folders = watch.folders(PRESENT)
    assert len(folders) == 1 + 1390
    assert sum(1 for _ in root.files(folders)) == 1390 * 72 > 100_000
    watch.looked(folders, [], PRESENT)
    store.requests = 0
    again = watch.folders(PRESENT + 60)
    list(root.files(again))
    assert again == ["stream"]
    assert store.requests <= 3
    assert len(watch.folders(PRESENT + SWEEP_SECONDS)) == 1391


def test_days_of_the_present_and_days_with_work_are_looked_at_again(zone: ObjectZone) -> None:
    for day in ("2020-01-01", "2025-01-01", "2026-11-19", "2026-11-20"):
        zone.put(f"stream/{day}/08/orders.json", "[]")
    zone.put("master/teams.csv", "")
    root = open_landing(zone.address)
    watch = root.watch("stream")
    watch.looked(watch.folders(PRESENT), ["stream/2025-01-01/08/orders.json"], PRESENT)
    days = ["stream", "stream/2025-01-01", "stream/2026-11-19", "stream/2026-11-20"]
    assert sorted(watch.folders(PRESENT + 1)) == days
    watch.looked(days, [], PRESENT + 2)
    assert sorted(watch.folders(PRESENT + 3)) == days, "more may come where there was work just now"
    zone.put("stream/2024-01-01/08/orders.json", "[]")
    assert watch.folders(PRESENT + 4)[0] == "stream/2024-01-01", "what was never seen comes first"
    later = PRESENT + YOUNG_SECONDS - 1
    watch.looked(watch.folders(later), [], later)
    assert "stream/2024-01-01" not in watch.folders(later)
    assert sorted(root.watch("", ["stream"]).folders(PRESENT)) == ["", "master"]


@pytest.mark.parametrize("error", [PermissionError("Access Denied"), RuntimeError("no route\nx")])
def test_a_store_that_cannot_be_used_is_no_fault_of_a_file(
    many: tuple[ObjectRoot, Store], error: Exception
) -> None:
    root, store = many
    store.error = store.error_of_open = error
    text = str(error).splitlines()[0]
    with pytest.raises(StoreError, match=f"memory://bucket/landing cannot be listed: {text}$"):
        list(root.files())
    with (
        pytest.raises(StoreError, match=f"bucket/x cannot be opened: {text}$|cannot be listed"),
        ObjectPath(store, "bucket/x", "").opened(),
    ):
        pass
    trouble = root.trouble()
    assert trouble is not None
    assert not trouble.is_absent
    assert "rights" in trouble.advice


def test_an_object_that_may_not_be_read_is_refused_and_doctor_says_so(
    many: tuple[ObjectRoot, Store],
) -> None:
    root, store = many
    store.error_of_open = PermissionError("Access Denied")
    path = next(root.files()).path
    with pytest.raises(FileRejectedError, match="grant the right to read it"), path.opened():
        pass
    trouble = root.trouble()
    assert trouble is not None
    assert "grant the right to read it" in trouble.text


class Endless(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """Holds one large object of zeros that is made as it is read."""

    protocol = "endless"
    size = 200 << 20
    on_fetch: Callable[[], None] = staticmethod(lambda: None)

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        return {"name": path, "size": self.size, "type": "file", "ETag": "x"}

    def _open(self, path: str, mode: str = "rb", **options: Any) -> AbstractBufferedFile:
        return Zeros(self, path, mode, size=self.size, **options)


class Zeros(AbstractBufferedFile):  # type: ignore[misc]
    """Its content."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        self.fs.on_fetch()
        return bytes(end - start)


def test_memory_does_not_depend_on_the_size_of_an_object() -> None:
    path = ObjectPath(Endless(), "x", f'{Endless.size}:"x"')
    tracemalloc.start()
    try:
        with path.opened() as stream:
            content_of(stream)
            assert stream.tell() == Endless.size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20


def test_a_read_that_fails_because_the_object_changed_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise OSError("pre-condition failed")

    store = Endless()
    same, other = (ObjectPath(store, "x", f"{Endless.size}:{tag}") for tag in ("x", "y"))
    monkeypatch.setattr(Endless, "on_fetch", staticmethod(fail))
    for path, expected in ((same, StoreError), (other, FileChangedError)):
        with path.opened() as stream, pytest.raises(expected):
            content_of(stream)


def test_the_same_url_on_another_server_is_another_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    zone = ObjectRoot("s3://exports/landing")
    assert zone.identity() == ZoneIdentity(None, zone.address, "s3://exports/landing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://ann:secret@minio.example:9000")
    assert zone.identity().place == "s3://exports/landing at minio.example:9000"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://other.example/")
    assert zone.identity().place == "s3://exports/landing at other.example"
    assert not zone.leave_mark("id")
