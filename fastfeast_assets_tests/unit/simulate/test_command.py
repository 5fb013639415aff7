"""The command line: help that teaches, a summary, clear errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fastfeast_assets.simulate import DirtKind, hour
from fastfeast_assets.simulate.command import simulate
from fastfeast_assets_tests.unit.simulate.helpers import DAY, contents, read_rows, simulated

app = typer.Typer(rich_markup_mode="rich")
app.command()(simulate)
runner = CliRunner(env={"COLUMNS": "160", "NO_COLOR": "1", "TERM": "dumb"})


def invoke(*arguments: str) -> tuple[int, str]:
    result = runner.invoke(app, list(arguments))
    text = re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯─]", " ", result.output)
    return result.exit_code, " ".join(text.split())


def test_help_teaches() -> None:
    code, text = invoke("--help")
    assert code == 0
    for option in ("--date", "--hours", "--seed", "--orders-per-hour", "--out", "--updates"):
        assert option in text
    for kind in DirtKind:
        assert f"--{kind.value.replace('_', '-')}" in text
    assert "fastfeast simulate --date 2026-11-20" in text


def test_it_writes_what_the_api_writes(tmp_path: Path) -> None:
    code, text = invoke(
        *("--date", str(DAY), "--hours", "11-12", "--out", str(tmp_path / "command"), "--flat"),
        *("--orders-per-hour", "300", "--customers", "60", "--drivers", "20"),
        *("--restaurants", "12", "--agents", "9"),
    )
    assert code == 0, text
    report = simulated(tmp_path / "api")
    assert contents(tmp_path / "command") == contents(tmp_path / "api")
    orders = [file for file in report.files if file.source == "orders"]
    assert f"{report.rows:,} rows in {len(report.files)} files" in text
    assert re.search(rf" orders 2 {sum(file.rows for file in orders)} ", text)
    for kind in report.dirt:
        assert kind in text


def test_each_file_can_be_summarised(tmp_path: Path) -> None:
    code, text = invoke("--date", str(DAY), "--hours", "3", "--out", str(tmp_path), "--per-file")
    assert code == 0
    assert all(path in text for path in contents(tmp_path))


def test_clean_but_for_one_kind(tmp_path: Path) -> None:
    code, text = invoke(
        *("--date", str(DAY), "--hours", "12", "--out", str(tmp_path)),
        *("--dirt", "0", "--duplicate-row", "0.5"),
    )
    assert code == 0
    assert "duplicate_row" in text
    assert "null_required" not in text
    rows = read_rows(tmp_path / f"stream/{DAY}/12/orders.json")
    assert len(rows) == pytest.approx(1.5 * len({row["order_id"] for row in rows}), abs=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--date", "20.11.2026"], "--date is a day like 2026-11-20, not '20.11.2026'"),
        (["--date", "2026-02-30"], "--date is a day like"),
        (["--since", "soon"], "--since is a day like"),
        (["--hours", "25"], "hours go from 0 to 23, not 25"),
        (["--orphan", "-0.5"], "the rate of orphan is a share from 0 to 1, not -0.5"),
        (["--updates", "-1"], "the rate of updates is a share from 0 to 1, not -1.0"),
        (["--dirt", "-1"], "the dirt factor is 0 or more, not -1.0"),
        (["--dirt", "99"], "keep their sum at 1 or below"),
        (["--days", "0"], "days is 1 or more, not 0"),
        (["--orders-per-hour", "many"], "Invalid value for '--orders-per-hour'"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused_and_nothing_is_written(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, text = invoke("--date", str(DAY), "--out", str(tmp_path / "landing"), *arguments)
    assert code == 2
    assert message in text
    assert not (tmp_path / "landing").exists()


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    code, text = invoke("--date", str(DAY), "--out", str(tmp_path / "file"))
    assert code == 1
    assert "Cannot write" in text
    assert "Not a directory" in text


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hour, "make_chunk", fail)
    code, text = invoke("--date", str(DAY), "--hours", "1", "--out", str(tmp_path))
    assert code == 1
    assert "No space left on device" in text
