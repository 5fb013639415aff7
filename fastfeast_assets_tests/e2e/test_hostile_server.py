"""What a company's server may do to a session: refused with a sentence, or of no effect."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
import trustme
from psycopg import sql

from fastfeast_assets.simulate import SimulationPlan, simulate_days
from fastfeast_assets_tests.e2e.company import PASSWORD, Company, company, pooler_of, standby_of
from fastfeast_assets_tests.e2e.conftest import Home

pytestmark = pytest.mark.debian15

ROLE = "loader"
HOSTILE_DEFAULTS = {
    "datestyle": "German, DMY",
    "intervalstyle": "sql_standard",
    "timezone": "Asia/Kolkata",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "bytea_output": "escape",
    "extra_float_digits": "-10",
    "client_encoding": "LATIN1",
    "statement_timeout": "20ms",
    "lock_timeout": "1ms",
    "idle_in_transaction_session_timeout": "1ms",
    "idle_session_timeout": "50ms",
    "search_path": "public, pg_catalog",
}
# Each is called by what the loader, a model or Dagster sends, if it is found before the server's.
TAKEOVERS = """
create table public.taken (what text);
grant all on public.taken to public;
create function public.take(what text) returns void language plpgsql as
    $$ begin insert into public.taken values (what); exception when others then null; end $$;
create function public.hashtextextended(text, int) returns bigint language plpgsql as
    $$ begin perform public.take('hashtextextended'); return 1; end $$;
create function public.pg_advisory_lock(int) returns void language plpgsql as
    $$ begin perform public.take('pg_advisory_lock'); end $$;
create function public.to_char(date, text) returns text language plpgsql as
    $$ begin perform public.take('to_char'); return '1'; end $$;
create function public.times(numeric, int) returns numeric language plpgsql as
    $$ begin perform public.take('numeric * int'); return 0; end $$;
create operator public.* (leftarg = numeric, rightarg = int, function = public.times);
create function public.same(varchar, varchar) returns boolean language plpgsql as
    $$ begin perform public.take('varchar = varchar'); return $1::text = $2::text; end $$;
create operator public.= (leftarg = varchar, rightarg = varchar, function = public.same);
create function public.same_date(timestamp, date) returns boolean language plpgsql as
    $$ begin perform public.take('timestamp = date'); return false; end $$;
create operator public.= (leftarg = timestamp, rightarg = date, function = public.same_date);
create function public.concat_ws(text, text, text) returns text language plpgsql as
    $$ begin perform public.take('concat_ws'); return ''; end $$;
create aggregate public.max(varchar) (sfunc = varchar_larger_taken, stype = varchar);
"""
HELPER = """
create function public.varchar_larger_taken(varchar, varchar) returns varchar language plpgsql as
    $$ begin perform public.take('max'); return $2; end $$;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Company]:
    """The server."""
    with company() as server:
        server.new_role(ROLE)
        yield server


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a small day, with names in letters that few encodings have."""
    directory = tmp_path_factory.mktemp("files")
    simulate_days(
        SimulationPlan(out=directory, start=date(2026, 11, 18), hours=(8,), orders_per_hour=40)
    )
    restaurants = directory / "batch" / "2026-11-18" / "restaurants.json"
    text = restaurants.read_text().replace('"restaurant_name": "', '"restaurant_name": "مطعم ')
    restaurants.write_text(text)
    return directory


@pytest.fixture(scope="module")
def truth(new_home: Callable[..., Home], landing: Path) -> dict[str, list[str]]:
    """What stands in the marts when nobody is hostile."""
    home = new_home()
    shutil.copytree(landing, home.landing, dirs_exist_ok=True)
    home.run("ingest")
    marts = home.marts()
    assert any("مطعم" in row for row in marts["dim_restaurant"])
    return marts


@pytest.fixture
def open_home(new_home: Callable[..., Home], landing: Path) -> Callable[..., Home]:
    """A home whose warehouse is a URL, with those files in its landing zone."""

    def make(url: str, **variables: str) -> Home:
        made = new_home(warehouse_url=url)
        home = Home(made.directory, warehouse_url=url, variables=variables)
        shutil.copytree(landing, home.landing, dirs_exist_ok=True)
        return home

    return make


def test_defaults_and_neighbours_change_nothing(
    server: Company, open_home: Callable[..., Home], truth: dict[str, list[str]]
) -> None:
    server.new_database("hostile", ROLE)
    server.new_database("hostile_dagster", ROLE)
    for database in ("hostile", "hostile_dagster"):
        with server.admin(database) as connection:
            connection.execute("create role neighbour" if database == "hostile" else "select 1")
            connection.execute("grant create on schema public to public")
            connection.execute("set role neighbour")
            connection.execute(HELPER)
            connection.execute(TAKEOVERS.encode())
            connection.execute("reset role")
            for name, value in HOSTILE_DEFAULTS.items():
                given = sql.SQL(value) if name == "search_path" else sql.Literal(value)
                connection.execute(
                    sql.SQL("alter role {} in database {} set {} = {}").format(
                        sql.Identifier(ROLE), sql.Identifier(database), sql.Identifier(name), given
                    )
                )
    home = open_home(
        server.url(ROLE, "hostile"),
        PGDATESTYLE="SQL, DMY",
        PGTZ="Asia/Tokyo",
        PGCLIENTENCODING="LATIN1",
    )
    refused = home.start("ingest")
    _, said = refused.communicate(timeout=120)
    assert refused.returncode == 1
    assert "everybody may create in public" in said
    assert "revoke create on schema public from public" in said
    with server.admin("hostile") as connection:
        assert schemas(connection) == []
        # The administrator keeps neighbours out, but what they made is still there.
        connection.execute("revoke create on schema public from public")
    home.run("ingest")
    with server.admin("hostile") as connection:
        connection.execute("alter role loader in database hostile reset all")
        assert connection.execute("select what from public.taken").fetchall() == []
    with server.admin("hostile_dagster") as connection:
        assert connection.execute("select what from public.taken").fetchall() == []
        assert connection.execute("select count(*) > 0 from dagster.runs").fetchone() == (True,)
    assert home.marts() == truth


def test_a_service_with_several_hosts_and_checked_certificates(
    server: Company, open_home: Callable[..., Home], truth: dict[str, list[str]]
) -> None:
    """All of it reaches dbt and Dagster: the port of the first host leads nowhere."""
    server.new_database("many", ROLE)
    services = server.directory / "services.conf"
    services.write_text(
        f"[warehouse]\nhost=127.0.0.1,localhost\nport=1,{server.port}\nuser={ROLE}\n"
        f"password={PASSWORD}\ndbname=many\nsslmode=verify-full\nsslrootcert={server.authority}\n"
        "target_session_attrs=read-write\nkeepalives_idle=7\nchannel_binding=require\n"
    )
    home = open_home("postgresql:///?service=warehouse", PGSERVICEFILE=str(services))
    home.run("ingest")
    assert (home.directory / "dbt" / "pg_service.conf").read_text().count("keepalives_idle=7") == 1
    with server.admin("many") as connection:
        assert connection.execute("select count(*) > 0 from dagster.runs").fetchone() == (True,)
    variables = {"PGSERVICEFILE": str(services)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        assert home.marts() == truth


@pytest.mark.parametrize("sslmode", ["verify-full", "verify-ca"])
def test_a_stranger_is_not_trusted_by_anybody(
    server: Company, open_home: Callable[..., Home], sslmode: str
) -> None:
    database = f"tls_{sslmode.partition('-')[2]}"
    server.new_database(database, ROLE)
    other = server.directory / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    url = server.url(ROLE, database, sslmode=sslmode, sslrootcert=str(server.authority))
    home = open_home(url)
    home.run("url")
    # As dbt: with what its process is given, once with our authority and once with another.
    code = f"""if True:
        import os, psycopg2
        from pathlib import Path
        from fastfeast_assets.settings import load_settings
        from fastfeast_assets.warehouse import Warehouse
        given = Warehouse(load_settings()).dbt_environment()
        os.environ.update(given)
        file = Path(given["PGSERVICEFILE"])
        def connect():
            login = {{name: given["FASTFEAST_PG_" + name.upper()] for name in
                ("host", "port", "user", "password", "dbname")}}
            return psycopg2.connect(**login, connect_timeout=10, application_name="dbt")
        connection = connect()
        assert connection.info.ssl_in_use
        cursor = connection.cursor()
        cursor.execute("select current_setting('search_path'), current_setting('client_encoding')")
        assert cursor.fetchone() == ("pg_catalog, pg_temp", "UTF8")
        file.write_text(file.read_text().replace({str(server.authority)!r}, {str(other)!r}))
        try:
            connect()
        except psycopg2.OperationalError as error:
            assert "certificate verify failed" in str(error), error
        else:
            raise AssertionError("a stranger was trusted")
    """
    subprocess.run([sys.executable, "-c", code], env=home.environment, check=True, timeout=120)


def schemas(connection: psycopg.Connection) -> list[str]:
    """Those of ours in a database."""
    rows = connection.execute(
        "select nspname from pg_namespace where nspname in ('raw', 'ops', 'marts', 'dagster')"
    )
    return [name for (name,) in rows]


def refusal(home: Home) -> str:
    """What `ingest` says when it refuses to begin."""
    process = home.start("ingest")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, out + err
    assert "Traceback" not in out + err
    assert PASSWORD not in out + err
    return " ".join(err.split())


@pytest.mark.parametrize(
    ("more", "after", "expected"),
    [
        ("encoding 'LATIN1' locale 'C' template template0", "", "has the encoding LATIN1"),
        ("encoding 'SQL_ASCII' locale 'C' template template0", "", "has the encoding SQL_ASCII"),
        ("", "alter database {} set default_transaction_read_only = on", "may only read"),
        ("connection limit 5", "", "allows 5 connections"),
        ("", "revoke temporary on database {} from public", "may not make temporary tables"),
        ("", "create schema marts; create table marts.theirs ()", "schema marts belongs to root"),
    ],
    ids=["latin1", "ascii", "read only", "few connections", "no temporary tables", "foreign"],
)
def test_what_cannot_work_is_refused_before_the_first_write(
    server: Company,
    open_home: Callable[..., Home],
    request: pytest.FixtureRequest,
    more: str,
    after: str,
    expected: str,
) -> None:
    database = "refused_" + request.node.callspec.id.replace(" ", "_")
    server.new_database(database, ROLE, more)
    with server.admin(database) as connection:
        if after:
            connection.execute(after.format(database).encode())
    home = open_home(server.url(ROLE, database))
    assert expected in refusal(home)
    findings = home.run("doctor", "--json", expect=1)
    assert expected in findings
    with server.admin(database) as connection:
        assert set(schemas(connection)) <= {"marts"}


def test_a_standby_is_refused_and_several_hosts_find_the_primary(
    server: Company, open_home: Callable[..., Home]
) -> None:
    server.new_database("followed", ROLE)
    with standby_of(server) as port:
        url = server.url(ROLE, "followed")
        standby = url.replace(f":{server.port}/", f":{port}/")
        assert "is a standby" in refusal(open_home(standby))
        both = url.replace("127.0.0.1:", f"127.0.0.1:{port},127.0.0.1:")
        home = open_home(f"{both}?target_session_attrs=read-write")
        assert f":{server.port}/" in home.run("url")
        with server.admin("followed") as connection:
            assert "raw" in schemas(connection)


@pytest.mark.parametrize(
    ("mode", "ignored", "expected"),
    [
        ("transaction", "", "a pooler stands before the database"),
        ("transaction", "options,extra_float_digits", "a pooler stands between"),
        ("session", "options,extra_float_digits", "a pooler stands between"),
    ],
)
def test_a_pooler_that_loses_what_is_set_is_refused(
    server: Company, open_home: Callable[..., Home], mode: str, ignored: str, expected: str
) -> None:
    with server.admin() as connection:
        connection.execute("drop database if exists pooled")
        connection.execute("create database pooled")
    with pooler_of(server, mode=mode, ignored=ignored) as port:
        home = open_home(f"postgresql://root@127.0.0.1:{port}/pooled")
        assert expected in refusal(home)
    with server.admin("pooled") as connection:
        assert schemas(connection) == []


def test_a_pooler_that_shares_sessions_is_found_although_the_path_is_right(
    server: Company, open_home: Callable[..., Home]
) -> None:
    """Role and database may have our path by themselves."""
    with server.admin() as connection:
        connection.execute("create database shared")
        connection.execute("alter database shared set search_path = pg_catalog, pg_temp")
    with pooler_of(server, mode="transaction", ignored="options,extra_float_digits") as port:
        home = open_home(f"postgresql://root@127.0.0.1:{port}/shared")
        assert "shares sessions out by transaction" in refusal(home)
    with pooler_of(server, mode="session", ignored="options,extra_float_digits") as port:
        home = open_home(f"postgresql://root@127.0.0.1:{port}/shared")
        home.run("url")
