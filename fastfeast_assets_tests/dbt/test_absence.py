"""Members that the newest snapshot of their source does not list."""

from __future__ import annotations

from fastfeast_assets_tests.dbt.conftest import Dbt, Marts
from fastfeast_assets_tests.landing import MEMBERS, LandingZone
from fastfeast_assets_tests.postgres.conftest import Load, Query

CUSTOMER = MEMBERS["customers"]


def absences(query: Query, table: str = "dim_team") -> dict[int, int | None]:
    """Key -> day since which the member is absent."""
    key = f"{table.removeprefix('dim_')}_id"
    rows = query(f"select {key} as key, is_absent, absent_since from {table} order by 1")  # noqa: S608
    assert all(row["is_absent"] == (row["absent_since"] is not None) for row in rows)
    return {row["key"]: row["absent_since"] and row["absent_since"].day for row in rows}


def test_every_dimension_marks_whom_the_newest_snapshot_does_not_list(
    landing: LandingZone, load: Load, dbt: Dbt, marts: Marts, query: Query
) -> None:
    for source, member in MEMBERS.items():
        key = next(iter(member))
        landing.batch(source, member, {**member, key: 2}, day="2026-11-19")
        landing.batch(source, day="2026-11-20")
    load()
    dbt.run()
    marked = [table for table, rows in marts.rows().items() if rows and "is_absent" in rows[0]]
    dimensions = {table for table in marked if not table.endswith("_history")}
    assert len(dimensions) == len(MEMBERS)
    assert {str(absences(query, table)) for table in dimensions} == {"{1: None, 2: 20}"}
    dbt.test()


def test_the_mark_of_absence_follows_late_corrected_and_refused_snapshots(
    landing: LandingZone, load: Load, dbt: Dbt, query: Query, marts: Marts
) -> None:
    def land(day: int, *keys: int | str) -> dict[int, int | None]:
        rows = [{"team_id": key, "team_name": "T"} for key in keys]
        landing.batch("teams", *rows, day=f"2026-11-{day:02d}")
        load()
        dbt.run()
        return absences(query)

    landing.put("master/teams.csv", "team_id,team_name\n1,T\n2,T\n")
    landing.batch("agents", team_id=3)
    load()
    dbt.run()
    assert absences(query) == {1: None, 2: None, 3: None}
    assert land(15, 1) == {1: None, 2: 15, 3: None}
    settled = marts.written()["dim_team"]
    assert land(16, 1) == {1: None, 2: 15, 3: None}
    assert marts.written()["dim_team"] == settled
    assert land(14, 1) == {1: None, 2: 14, 3: None}
    assert land(15, 1, 2) == {1: None, 2: 16, 3: None}
    assert land(16, 1, 2) == {1: None, 2: None, 3: None}
    assert land(17, 1, 4) == {1: None, 2: 17, 3: None, 4: None}
    # Its only row is withdrawn: it is as if it had never been.
    assert land(17, 1) == {1: None, 2: 17, 3: None}
    assert land(18, 1) == {1: None, 2: 17, 3: None}
    dbt.test()


def test_a_refused_row_lists_its_member(
    landing: LandingZone, load: Load, dbt: Dbt, query: Query
) -> None:
    other = {**CUSTOMER, "customer_id": 2}
    landing.batch("customers", CUSTOMER, other, {**other, "customer_id": 3, "phone": "bad"})
    landing.batch("customers", CUSTOMER, {**other, "phone": "bad"}, day="2026-11-20")
    load()
    dbt.run()
    assert absences(query, "dim_customer") == {1: None, 2: None, 3: 20}
    landing.batch("customers", CUSTOMER, day="2026-11-21")
    load()
    dbt.run()
    assert absences(query, "dim_customer") == {1: None, 2: 21, 3: 20}


def test_a_refused_row_without_a_key_proves_nobody_absent(
    landing: LandingZone, load: Load, dbt: Dbt, query: Query
) -> None:
    def land(day: int, *lines: str) -> dict[int, int | None]:
        rows = "".join(f"{line}\n" for line in ("team_id,team_name", *lines))
        landing.put(f"batch/2026-11-{day:02d}/teams.csv", rows)
        load()
        dbt.run()
        return absences(query)

    assert land(15, "1,A", "2,B", "3,C") == {1: None, 2: None, 3: None}
    assert land(16, "1,A", '2,"B', "3,C") == {1: None, 2: None, 3: None}
    assert land(17, "1,A", "x,B", "3,C,3") == {1: None, 2: None, 3: None}
    assert land(18, "1,A", "3,C") == {1: None, 2: 18, 3: None}
    # Damaged again: who was absent before stays so, who is not listed now is not known to be.
    assert land(19, "1,A", '3,"C') == {1: None, 2: 18, 3: None}
    assert land(17, "1,A", "3,C") == {1: None, 2: 17, 3: None}
    assert land(16, "1,A", "2,B", "3,C") == {1: None, 2: 17, 3: None}
    dbt.test()


def test_an_absent_member_is_not_rewritten_when_others_refer_to_it(
    landing: LandingZone, load: Load, dbt: Dbt, query: Query, marts: Marts
) -> None:
    landing.all_batch()
    landing.batch("regions", {**MEMBERS["regions"], "region_id": 2}, day="2026-11-20")
    load()
    dbt.run()
    assert absences(query, "dim_region") == {1: 20, 2: None}
    before = marts.written()["dim_region"]
    landing.batch("customers", full_name="N", day="2026-11-20")
    landing.batch("cities", country="E", day="2026-11-20")
    load()
    dbt.run()
    assert marts.written()["dim_region"] == before
