"""What a run is made of beside the tables that it is about: their checks, and what they rest on."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import dagster as dg
import psycopg

from fastfeast_assets.assets.lineage import Lineage

# The checks that are made together with each table.
OwnChecks = Mapping[dg.AssetKey, Sequence[dg.AssetCheckKey]]


def checks_of(keys: Iterable[dg.AssetKey], own_checks: OwnChecks) -> list[dg.AssetCheckKey]:
    """The checks of a run over some tables; without them Dagster adds those of the clock."""
    return [check for key in keys for check in own_checks.get(key, ())]


def with_foundations(
    connection: psycopg.Connection, lineage: Lineage, models: Collection[dg.AssetKey]
) -> list[dg.AssetKey]:
    """Some models; in a warehouse without some that they are made from, all that it lacks along.

    In a warehouse that is in use nothing is lacking; the first run builds it all, because tests of
    the models look at each other's tables too.
    """
    if not absent(connection, lineage.foundations(models)):
        return sorted(models)
    return sorted({*models, *absent(connection, lineage.models)})


def absent(connection: psycopg.Connection, keys: Iterable[dg.AssetKey]) -> list[dg.AssetKey]:
    """Those of the tables and views that the warehouse does not have."""
    by_name = {".".join(key.path): key for key in keys}
    rows = connection.execute(
        "select name from unnest(%s::text[]) as name where to_regclass(name) is null",
        [list(by_name)],
    ).fetchall()
    return [by_name[row[0]] for row in rows]
