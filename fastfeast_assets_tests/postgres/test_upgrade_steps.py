"""From a table that is there to one that is wanted: each kind of change, done or refused."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fastfeast_assets.checks.reconciliation import balances
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse import Warehouse, migrate
from fastfeast_assets.warehouse.identity_guard import ensure
from fastfeast_assets.warehouse.load import load_file
from fastfeast_assets.warehouse.roles.readers import SHOWN
from fastfeast_assets.warehouse.upgrade.errors import (
    MigrationError,
    NewerWarehouseError,
    UpgradeNeededError,
    WarehouseBusyError,
)
from fastfeast_assets.warehouse.upgrade.manifest import ManifestMissingError
from fastfeast_assets.warehouse.version import this_version
from fastfeast_assets_tests.landing import LandingZone, order
from fastfeast_assets_tests.postgres.conftest import Load, Query, look

TABLE = """
create table marts.fact_order (
    order_id varchar(36) primary key, region_id integer not null, amount numeric(10,2) not null,
    note text, _partition_at timestamp not null,
    constraint positive check (amount >= 0)
);
create table marts.fact_ticket (ticket_id integer primary key, order_id varchar(36) not null
    references marts.fact_order (order_id));
create index on marts.fact_order (region_id);
create view analytics.amounts as select sum(amount) as amount from marts.fact_order;
create view analytics.doubled as select 2 * amount as amount from analytics.amounts;
insert into marts.fact_order values
    ('00000000-0000-4000-8000-000000000001', 1, 5.00, 'x', '2026-11-19 08:00'),
    ('pruned', 1, 7.50, null, '2026-08-10');
insert into marts.fact_ticket values (1, 'pruned');
"""


class Project:
    """A dbt project with two marts, as its manifest tells."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "target").mkdir(parents=True)
        (folder / "dbt_project.yml").write_text("name: p\n")
        key = _column("order_id", "varchar(36)", "not_null", "primary_key")
        self.orders = _model(
            "fact_order",
            key,
            _column("region_id", "integer", "not_null"),
            _column("amount", "numeric(10,2)", "not_null"),
            _column("note", "text"),
            _column("_partition_at", "timestamp", "not_null"),
        )
        self.orders["constraints"] = [_constraint("check", expression="amount >= 0", columns=[])]
        self.orders["config"]["indexes"] = [{"columns": ["region_id"]}]
        parent = _constraint("foreign_key", to="ref('fact_order')", to_columns=["order_id"])
        self.tickets = _model(
            "fact_ticket",
            _column("ticket_id", "integer", "not_null", "primary_key"),
            _column("order_id", "varchar(36)", "not_null"),
        )
        self.tickets["columns"]["order_id"]["constraints"].append(parent)

    def column(self, name: str) -> dict[str, Any]:
        """A column of the orders."""
        found: dict[str, Any] = self.orders["columns"][name]
        return found

    def add(self, name: str, data_type: str, *constraints: str, **meta: Any) -> None:
        """A column of the orders more."""
        self.orders["columns"][name] = _column(name, data_type, *constraints, **meta)

    def write(self) -> Path:
        """Compile it; gives its folder."""
        nodes = {"model.p.fact_order": self.orders, "model.p.fact_ticket": self.tickets}
        content = {"metadata": {"project_name": "p"}, "nodes": nodes, "macros": {}}
        (self.folder / "target" / "manifest.json").write_text(json.dumps(content))
        return self.folder


def _model(name: str, *columns: dict[str, Any]) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "unique_id": f"model.p.{name}",
        "schema": "marts",
        "alias": name,
        "raw_code": "",
        "config": {"materialized": "incremental", "meta": {}},
        "columns": {column["name"]: column for column in columns},
        "constraints": [],
    }


def _column(name: str, data_type: str, *constraints: str, **meta: Any) -> dict[str, Any]:
    return {
        "name": name,
        "data_type": data_type,
        "meta": meta,
        "constraints": [_constraint(kind) for kind in constraints],
    }


def _constraint(kind: str, **values: Any) -> dict[str, Any]:
    rest: dict[str, Any] = {"name": None, "expression": None, "to": None, "to_columns": []}
    return {"type": kind, **rest, **values}


class Bench:
    """A warehouse with two marts, and what `migrate` makes of them."""

    def __init__(
        self, connection: psycopg.Connection, contracts: Mapping[str, Contract], project: Project
    ) -> None:
        self.connection, self.contracts, self.project = connection, contracts, project
        connection.execute(TABLE)
        self.by_itself()

    def by_itself(self) -> None:
        """What the next command does."""
        migrate.migrate(self.connection, self.contracts, project=self.project.write())

    def agreed(self) -> None:
        """What `fastfeast upgrade --yes` does."""
        folder = self.project.write()
        migrate.migrate(self.connection, self.contracts, project=folder, is_agreed=True)

    def steps(self) -> list[str]:
        """What `fastfeast upgrade` shows."""
        folder = self.project.write()
        with migrate.look(self.connection, self.contracts, project=folder) as plan:
            return [step.text for step in plan.steps]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode()).fetchall()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture
def bench(
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    project: Project,
    landing: LandingZone,
    load: Load,
) -> Bench:
    landing.stream("orders", order(1))
    load()
    return Bench(connection, contracts, project)


WAITING = (
    "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
)
ORDERS = "select order_id, region_id, amount from marts.fact_order order by order_id"
COLUMNS = (
    "select column_name, data_type, is_nullable from information_schema.columns"
    " where table_schema = 'marts' and table_name = 'fact_order' order by ordinal_position"
)
CONSTRAINTS = (
    "select pg_get_constraintdef(oid) from pg_constraint where contype = 'f'"
    " and conrelid = 'marts.fact_ticket'::regclass"
)
DIGESTED = "select count(*) from ops.consumed_load where consumer = 'fact_order'"


def test_what_only_adds_is_done_by_the_way(bench: Bench, project: Project) -> None:
    bench.connection.execute("alter table marts.fact_order add mine text not null default ''")
    bench.connection.execute("alter table marts.fact_order alter mine drop default")
    bench.connection.execute(
        "insert into ops.consumed_load (consumer, load_id) select consumer, log_id"
        " from ops.pipeline_file_log, unnest(array['fact_order', 'transform']) consumer"
    )
    assert bench.steps() == []
    before = bench.rows(ORDERS)
    project.add("tip", "numeric(10,2)")
    project.add("net", "numeric(10,2)", "not_null", default="amount - 1")
    project.column("region_id")["constraints"] = []
    project.orders["config"]["indexes"].append({"columns": ["amount"], "unique": True})
    project.orders["constraints"] = [_constraint("check", expression="amount > 0", columns=[])]
    linked = project.tickets["columns"]["order_id"]["constraints"]
    linked[-1]["expression"] = "on update cascade"
    assert len(bench.steps()) == 9
    bench.by_itself()
    assert bench.steps() == []
    assert bench.rows(ORDERS) == before
    assert bench.rows(COLUMNS)[1:] == [
        ("region_id", "integer", "YES"),
        ("amount", "numeric", "NO"),
        ("note", "text", "YES"),
        ("_partition_at", "timestamp without time zone", "NO"),
        ("mine", "text", "YES"),
        ("tip", "numeric", "YES"),
        ("net", "numeric", "NO"),
    ]
    assert bench.rows("select sum(net) from marts.fact_order") == [(Decimal("10.50"),)]
    assert bench.rows(CONSTRAINTS) == [
        ("FOREIGN KEY (order_id) REFERENCES marts.fact_order(order_id) ON UPDATE CASCADE",)
    ]
    assert bench.rows("select * from analytics.doubled") == [(Decimal("25.00"),)]
    # The mart looks at its loads again, and a transform is due.
    assert bench.rows("select count(*) from ops.consumed_load") == [(0,)]


def test_renamed_retyped_and_dropped_after_a_look(bench: Bench, project: Project) -> None:
    columns = project.orders["columns"]
    columns["remark"] = {**columns.pop("note"), "name": "remark", "meta": {"was": "note"}}
    project.column("amount")["data_type"] = "numeric(12,3)"
    del columns["region_id"]
    project.orders["config"] |= {"indexes": [], "meta": {"dropped": ["region_id"]}}
    before = bench.rows("select order_id, amount, note from marts.fact_order order by 1")
    with pytest.raises(UpgradeNeededError, match="column note becomes remark, and 2 more"):
        bench.by_itself()
    assert bench.rows("select amount from analytics.amounts") == [(Decimal("12.50"),)]
    bench.agreed()
    after = bench.rows("select order_id, amount, remark from marts.fact_order order by 1")
    assert after == before
    assert [name for name, *_ in bench.rows(COLUMNS)] == [
        "order_id",
        "amount",
        "remark",
        "_partition_at",
    ]
    # Until dbt makes them anew.
    views = bench.rows("select viewname from pg_views where schemaname = 'analytics' order by 1")
    assert [name for (name,) in views] == sorted(SHOWN)
    assert bench.rows("select new ->> 'version' from ops.audit_log") == [(this_version(),)]


def _required(project: Project) -> None:
    project.add("tip", "numeric(10,2)", "not_null")


def _lossy(project: Project) -> None:
    project.column("amount")["data_type"] = "integer"


def _cut(project: Project) -> None:
    project.column("order_id")["data_type"] = "varchar(3)"


def _no_number(project: Project) -> None:
    project.column("note")["data_type"] = "integer"


def _zoned(project: Project) -> None:
    project.column("_partition_at")["data_type"] = "timestamptz"


def _empty(project: Project) -> None:
    project.column("note")["constraints"] = [_constraint("not_null")]


def _other_key(project: Project) -> None:
    project.column("order_id")["constraints"] = []
    project.column("amount")["constraints"] = [_constraint("primary_key")]
    project.tickets["columns"]["order_id"]["constraints"] = []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_required, "1 rows that raw no longer holds would have nothing in it"),
        (_lossy, "1 values would not be the same any more"),
        (_cut, "2 values would not be the same any more"),
        (_no_number, "not every value can be integer"),
        (_zoned, "depends on a time zone"),
        (_empty, "1 rows have nothing in it"),
        (_other_key, "another primary key"),
    ],
)
def test_what_would_lose_something_is_refused(
    bench: Bench, project: Project, change: Callable[[Project], None], problem: str
) -> None:
    project.add("before", "text")
    change(project)
    for attempt in (bench.by_itself, bench.agreed):
        before = bench.rows(COLUMNS)
        with pytest.raises(MigrationError, match=f"cannot become one .*{problem}.*was changed"):
            attempt()
        assert bench.rows(COLUMNS) == before


def test_names_that_change_places_and_words_that_sql_knows(bench: Bench, project: Project) -> None:
    """A former name of several, a new type at once, a default that names what is renamed."""
    columns = project.orders["columns"]
    renamed = {"name": "order", "data_type": "varchar(99)", "meta": {"was": ["gone", "note"]}}
    columns["order"] = {**columns.pop("note"), **renamed}
    # Its former name is that of a column that stays: nothing is renamed.
    project.add("where", "text", was="region_id", default="coalesce(\"order\", 'none')")
    project.add("Mixed", "timestamptz(3)", default="'2026-01-01 00:00Z'")
    bench.connection.execute("create table public.own (id varchar(36) references marts.fact_order)")
    assert [text.partition(": ")[2] for text in bench.steps()] == [
        "column note becomes order",
        "column order text becomes character varying(99)",
        "new column where text, coalesce(\"order\", 'none') where raw tells nothing",
        "new column Mixed timestamp(3) with time zone, '2026-01-01 00:00Z' where raw tells nothing",
    ]
    bench.agreed()
    assert bench.rows('select "order", "where", region_id from marts.fact_order order by 1') == [
        ("x", "x", 1),
        (None, "none", 1),
    ]
    assert bench.steps() == []


def test_what_something_else_rests_on_is_named(bench: Bench, project: Project) -> None:
    bench.connection.execute("alter table marts.fact_order add unique (region_id, order_id)")
    bench.connection.execute(
        "create table public.own (r integer, o varchar(36),"
        " foreign key (r, o) references marts.fact_order (region_id, order_id))"
    )
    project.add("tip", "text")
    with pytest.raises(
        MigrationError, match=r"without unique.*PostgreSQL refuses it .SQLSTATE 2BP01"
    ):
        bench.by_itself()


def test_a_manifest_that_tells_nothing(bench: Bench, project: Project) -> None:
    project.write()
    manifest = project.folder / "target" / "manifest.json"
    manifest.write_text("{")
    for text in ("is damaged", "does not exist", "has changed since it was parsed"):
        with pytest.raises(ManifestMissingError, match=f"{text}.*run `make setup`"):
            migrate.migrate(bench.connection, bench.contracts, project=project.folder)
        if text == "is damaged":
            manifest.unlink()
        else:
            project.write()
            os.utime(manifest, (0, 0))


def test_a_view_of_somebody_else_is_not_dropped(bench: Bench, project: Project) -> None:
    bench.connection.execute("create view public.own as select * from analytics.doubled")
    project.column("amount")["data_type"] = "numeric(12,2)"
    with pytest.raises(MigrationError, match=r"public.own reads it, which dbt does not make"):
        bench.agreed()
    assert bench.rows("select * from public.own") == [(Decimal("25.00"),)]


def test_what_the_rows_do_not_allow_changes_nothing(bench: Bench, project: Project) -> None:
    project.orders["constraints"] = [_constraint("unique", columns=["region_id"])]
    before = bench.rows(COLUMNS)
    project.add("tip", "text")
    with pytest.raises(MigrationError, match=r"rows of the table do not allow it .SQLSTATE 23505"):
        bench.by_itself()
    assert bench.rows(COLUMNS) == before


def test_a_new_column_is_required_once_it_is_filled(bench: Bench, project: Project) -> None:
    bench.connection.execute("delete from marts.fact_ticket")
    bench.connection.execute("delete from marts.fact_order where order_id = 'pruned'")
    _required(project)
    for _ in range(2):
        bench.by_itself()
        assert bench.rows(COLUMNS)[-1] == ("tip", "numeric", "YES")
    bench.connection.execute("update marts.fact_order set tip = 1")
    bench.by_itself()
    assert bench.rows(COLUMNS)[-1] == ("tip", "numeric", "NO")


def test_who_is_at_work_is_waited_for(
    bench: Bench,
    project: Project,
    settings: Settings,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A transform, or a load that has looked at the version; not for long, and without a trace."""
    monkeypatch.setattr(migrate, "WAIT_SECONDS", 1)
    with warehouse.transform_lock():
        bench.by_itself()
    project.add("tip", "text")
    before = bench.rows(COLUMNS)
    with warehouse.transform_lock(), pytest.raises(WarehouseBusyError):
        bench.by_itself()
    with warehouse.connect() as loading:
        ensure(loading, settings)
        with pytest.raises(WarehouseBusyError):
            bench.by_itself()
        assert bench.rows(COLUMNS) == before
    with warehouse.transform_lock():
        pass
    bench.by_itself()
    assert bench.steps() == []


def test_a_load_of_an_older_version_that_looked_before_the_upgrade(
    settings: Settings,
    warehouse: Warehouse,
    contracts: Mapping[str, Contract],
    landing: LandingZone,
    connection: psycopg.Connection,
) -> None:
    """It waits for the upgrade, sees in its own transaction what that did, and loads nothing."""
    landing.batch("teams")
    [file] = look(settings, contracts).files
    found: list[Exception] = []

    def load() -> None:
        try:
            load_file(warehouse, contracts["teams"], file, run_id="x", settings=settings)
        except NewerWarehouseError as error:
            found.append(error)

    thread = threading.Thread(target=load)
    with warehouse.connect() as upgrading:
        upgrading.execute("lock table ops.schema_migration in access exclusive mode")
        thread.start()
        while connection.execute(WAITING).fetchone() is None:
            assert thread.is_alive()
        upgrading.execute(
            "insert into ops.warehouse_version (version, migration) values ('9.1', 1)"
        )
    thread.join()
    assert "this warehouse is of fastfeast 9.1, migration" in str(found[0])
    assert f"this is fastfeast {this_version()}" in str(found[0])
    assert connection.execute("select from ops.pipeline_file_log").fetchone() is None
    with pytest.raises(NewerWarehouseError):
        migrate.migrate(connection, contracts)


def test_raw_follows_its_contract(
    connection: psycopg.Connection,
    contracts: Mapping[str, Contract],
    landing: LandingZone,
    load: Load,
    query: Query,
) -> None:
    """Wider, renamed, gone; the checksums of loads stay as long as they can be compared."""
    landing.stream("orders", order(1))
    load()
    orders = contracts["orders"]
    changed: dict[str, dict[str, Any] | None] = {
        "delivery_fee": {"name": "fee", "stored_as": "fee", "was": ("delivery_fee",)},
        "customer_id": {"physical_type": "bigint"},
        "payment_method": None,
    }
    columns = [
        replace(column, **values)
        for column in orders.columns
        if (values := changed.get(column.name, {})) is not None
    ]
    tip = replace(orders.column("delivery_fee"), name="tip", stored_as="tip", required=True)
    new = {**contracts, "orders": replace(orders, columns=(tip, *columns))}
    with pytest.raises(UpgradeNeededError, match="column delivery_fee becomes fee"):
        migrate.migrate(connection, new)
    migrate.migrate(connection, new, is_agreed=True)
    [balance] = balances(connection, new["orders"], [1])
    assert balance.is_even
    assert query(
        "select fee, tip, row_checksum is null as unknown from raw.orders, ops.pipeline_file_log"
    ) == [{"fee": Decimal("12.00"), "tip": None, "unknown": False}]
    query(
        "insert into raw.orders (order_id, _partition_at, _source_file, _file_hash, _row_number,"
        " _run_id, _load_id, customer_id, restaurant_id, driver_id, region_id, order_amount, fee,"
        " discount_amount, total_amount, order_status, order_created_at)"
        " select 'y', _partition_at, '', '', 1, '', 2, 5000000000, 1, 1, 1, 1, 1, 1, 1, 'Pending',"
        " now() from raw.orders returning 1"
    )
    finer = [
        replace(c, scale=3, physical_type="numeric(11,3)") if c.name == "fee" else c
        for c in (tip, *columns)
    ]
    newer = {**contracts, "orders": replace(orders, columns=tuple(finer))}
    migrate.migrate(connection, newer, is_agreed=True)
    assert query("select row_checksum from ops.pipeline_file_log") == [{"row_checksum": None}]
