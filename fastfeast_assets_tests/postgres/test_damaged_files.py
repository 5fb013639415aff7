"""Damaged files: what stands there is loaded, refused with a reason, or costs the file alone."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.ingest.judge.verdict import Judge, Verdict
from fastfeast_assets.ingest.read.chunks import TextChunk
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse, ledger
from fastfeast_assets_tests.landing import (
    DAY,
    MEMBERS,
    LandingZone,
    Row,
    csv_text,
    json_text,
    order,
    ticket,
)
from fastfeast_assets_tests.postgres.conftest import Load, Query, look

CUSTOMERS = f"batch/{DAY}/customers.csv"
ORDERS = f"stream/{DAY}/08/orders.json"
TICKETS = f"stream/{DAY}/08/tickets.csv"


def customer(number: int, name: str = "Mona Adel") -> Row:
    return {
        **MEMBERS["customers"],
        "customer_id": number,
        "full_name": name,
        "email": f"person{number}@mail.com",
        "phone": f"0101234{number:04d}",
    }


def customers(*rows: Row) -> list[str]:
    """Lines of a CSV, its header first; a quote in a name is written as it is."""
    header, *_ = csv_text(list(rows)).splitlines()
    return [header, *(",".join(str(value) for value in row.values()) for row in rows)]


def as_file(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def test_two_stray_quotes_swallow_nobody(
    landing: LandingZone, load: Load, query: Query, settings: Settings
) -> None:
    lines = customers(
        customer(201, '"Mona'), customer(202), customer(203), customer(204, '"Omar Z"')
    )
    landing.put(CUSTOMERS, as_file(lines))
    report = load()[CUSTOMERS]
    assert (report.status, report.total, report.valid, report.quarantined) == ("success", 4, 3, 1)
    masker = Masker(settings.pii_key_bytes, "hkdf")
    assert query("select customer_id, email_hash from raw.customers order by 1") == [
        {"customer_id": number, "email_hash": masker.hash(f"person{number}@mail.com")}
        for number in (202, 203, 204)
    ]
    [refused] = query("select * from ops.quarantine")
    assert refused["row_number"] == 1
    assert refused["primary_key"] is None
    assert refused["reasons"] == [
        {"column": "customer_id", "rule": "row", "value": "not well quoted"}
    ]
    everything = str(query("select * from raw.customers")) + str(refused)
    assert "person20" not in everything
    assert "0101234" not in everything


def test_a_stray_quote_and_a_quoted_field_far_behind_lose_no_row(
    landing: LandingZone, load: Load, query: Query
) -> None:
    rows = [customer(number) for number in range(40)]
    rows[4]["full_name"] = '"Mona'
    rows[29]["full_name"] = '"Omar Z"'
    landing.put(CUSTOMERS, as_file(customers(*rows)))
    report = load()[CUSTOMERS]
    assert (report.total, report.valid, report.quarantined) == (40, 39, 1)
    assert query("select line_count, other_lines from ops.pipeline_file_log") == [
        {"line_count": 41, "other_lines": 1}
    ]
    assert {row["customer_id"] for row in query("select customer_id from raw.customers")} == (
        set(range(40)) - {4}
    )


def test_every_line_of_a_csv_is_in_the_account(
    landing: LandingZone, load: Load, query: Query
) -> None:
    good = '1,"a team\nover two lines"'
    landing.put(f"batch/{DAY}/teams.csv", f'\nteam_id,team_name\n{good}\n\n2,"b\n3,c\n9\n4,d\n')
    report = load()[f"batch/{DAY}/teams.csv"]
    assert (report.status, report.valid, report.quarantined) == ("success", 3, 2)
    assert query("select line_count, other_lines from ops.pipeline_file_log") == [
        {"line_count": 9, "other_lines": 4}
    ]


def test_json_has_no_lines_to_account_for(landing: LandingZone, load: Load, query: Query) -> None:
    landing.stream("orders", order())
    load()
    assert query("select line_count, other_lines from ops.pipeline_file_log") == [
        {"line_count": None, "other_lines": None}
    ]


@pytest.mark.parametrize("cut", [1, 2, 10, 30, 60])
def test_a_file_cut_in_its_last_line_is_failed_and_loads_nothing(
    landing: LandingZone, load: Load, query: Query, cut: int
) -> None:
    landing.put(TICKETS, csv_text([ticket(1), ticket(2)])[:-cut])
    report = load()[TICKETS]
    assert report.status == "failed"
    assert "truncated: line 3" in (report.failure_reason or "")
    assert query("select count(*) from raw.tickets") == [{"count": 0}]
    assert query("select failure_kind from ops.pipeline_file_log") == [{"failure_kind": "rejected"}]


def test_the_rest_of_a_broken_line_is_no_key(
    landing: LandingZone, load: Load, query: Query
) -> None:
    lines = customers(customer(7), customer(8))
    broken = lines[1].replace("Mona Adel,", "Mona\n712,", 1)
    landing.put(CUSTOMERS, as_file([lines[0], broken, lines[2], f"{lines[2]},1,2"]))
    report = load()[CUSTOMERS]
    assert (report.valid, report.quarantined) == (1, 3)
    assert query("select distinct primary_key from ops.quarantine") == [{"primary_key": None}]


def test_bad_bytes_in_a_file_of_few_rows_cost_their_rows(
    landing: LandingZone, load: Load, query: Query
) -> None:
    rows = [ticket(number) for number in range(4)]
    landing.put(TICKETS, csv_text(rows).encode().replace(b"Resolved", b"Resol\xffed", 2))
    report = load()[TICKETS]
    assert (report.status, report.valid, report.quarantined) == ("success", 2, 2)


def test_bad_bytes_where_nobody_contracted_them_are_no_fault(
    landing: LandingZone, load: Load, query: Query
) -> None:
    landing.put(TICKETS, csv_text([ticket(n, remark="x") for n in range(9)]).encode())
    landing.put(
        TICKETS, csv_text([ticket(n, remark="x") for n in range(40)]).encode()[:-2] + b"\xff\n"
    )
    report = load()[TICKETS]
    assert (report.status, report.valid, report.quarantined) == ("success", 40, 0)


def test_an_exception_that_nobody_foresaw_costs_its_file_alone(
    landing: LandingZone,
    load: Load,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    judge = Judge.judge

    def fail_over_tickets(self: Judge, chunk: TextChunk) -> Verdict:
        if "agent_id" in chunk.cells and "status" in chunk.cells:
            raise RecursionError("mona.adel@mail.com is too deep")
        return judge(self, chunk)

    monkeypatch.setattr(Judge, "judge", fail_over_tickets)
    landing.stream("tickets", ticket())
    landing.stream("orders", order())
    reports = load()
    assert reports[ORDERS].status == "success"
    assert reports[TICKETS].status == "failed"
    [entry] = query("select * from ops.pipeline_file_log where status = 'failed'")
    assert entry["failure_kind"] == "RecursionError"
    assert "a defect of this program: RecursionError in " in entry["failure_reason"]
    assert "mona" not in entry["failure_reason"] + caplog.text
    assert load() == {}

    monkeypatch.setattr(ledger, "code_version", lambda: "another")
    assert load()[TICKETS].status == "failed"
    monkeypatch.undo()
    assert load()[TICKETS].status == "success"
    assert load() == {}


def test_the_failure_of_a_server_is_not_laid_at_the_door_of_the_file(
    landing: LandingZone, load: Load, query: Query, warehouse: Warehouse
) -> None:
    landing.stream("orders", order())
    with warehouse.connect(autocommit=True) as connection:
        connection.execute("alter table raw.orders rename to gone")
        with pytest.raises(Exception, match="does not exist"):
            load()
        connection.execute("alter table raw.gone rename to orders")
    assert query("select * from ops.pipeline_file_log") == []
    assert load()[ORDERS].status == "success"


def test_the_same_file_in_another_format_takes_the_place_of_the_first(
    landing: LandingZone,
    load: Load,
    query: Query,
    settings: Settings,
    contracts: Mapping[str, Contract],
    warehouse: Warehouse,
) -> None:
    teams = [{"team_id": number, "team_name": "json"} for number in (1, 2)]
    landing.put(f"batch/{DAY}/teams.json", json_text(teams))
    assert load()[f"batch/{DAY}/teams.json"].valid == 2
    path = landing.batch("teams", {"team_id": 1, "team_name": "csv"})
    assert load()[f"batch/{DAY}/teams.csv"].valid == 1
    assert query("select team_id, team_name from raw.teams") == [{"team_id": 1, "team_name": "csv"}]
    assert {row["key"] for row in query("select key from ops.removed_key")} == {"1", "2"}
    assert query("select file_path from ops.pipeline_file_log where is_loaded") == [
        {"file_path": f"batch/{DAY}/teams.csv"}
    ]
    path.unlink()
    found = look(settings, contracts)
    with warehouse.connect() as connection:
        [pending] = ledger.pending(connection, found.files)
    assert pending.relative_path == f"batch/{DAY}/teams.json"
    assert load()[f"batch/{DAY}/teams.json"].valid == 2
    assert query("select team_name from raw.teams") == [{"team_name": "json"}] * 2
