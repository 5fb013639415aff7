"""Which models a run must build, on graphs drawn for the purpose."""

from __future__ import annotations

import dagster as dg
import pytest

from fastfeast_assets.assets.lineage import Lineage

# A diamond over orders, a batch-only and a stream-only model, one of both, one of the ledger.
PARENTS = {
    "staging/stg_orders": ["raw/orders"],
    "staging/stg_teams": ["raw/teams"],
    "staging/stg_events": ["raw/events"],
    "intermediate/left": ["staging/stg_orders", "ops/quarantine"],
    "intermediate/right": ["staging/stg_orders"],
    "marts/fact_order": ["intermediate/left", "intermediate/right", "marts/dim_date"],
    "marts/dim_team": ["staging/stg_teams"],
    "marts/fact_event": ["staging/stg_events"],
    "marts/dim_date": [],
    "analytics/teams_of_orders": ["marts/fact_order", "marts/dim_team"],
    "analytics/files": ["ops/pipeline_file_log"],
}
OF_ORDERS = {
    "staging/stg_orders",
    "intermediate/left",
    "intermediate/right",
    "marts/fact_order",
    "analytics/teams_of_orders",
    "analytics/files",
}


def key(text: str) -> dg.AssetKey:
    return dg.AssetKey(text.split("/"))


def names(keys: list[dg.AssetKey]) -> list[str]:
    return [found.to_user_string() for found in keys]


LINEAGE = Lineage({key(name): [key(p) for p in parents] for name, parents in PARENTS.items()})


@pytest.mark.parametrize(
    ("sources", "behind"),
    [
        (["orders"], OF_ORDERS),
        (
            ["teams"],
            {
                "staging/stg_teams",
                "marts/dim_team",
                "analytics/teams_of_orders",
                "analytics/files",
            },
        ),
        (["events"], {"staging/stg_events", "marts/fact_event", "analytics/files"}),
        (["unheard_of"], {"analytics/files"}),
    ],
)
def test_exactly_what_is_downstream_is_built_once(sources: list[str], behind: set[str]) -> None:
    """The ledger hangs together with every source; no way leads through it."""
    found = names(LINEAGE.behind(sources))
    assert set(found) == behind
    assert len(found) == len(behind)


def test_a_load_counts_as_transformed_when_all_behind_it_is_built() -> None:
    assert LINEAGE.left_behind(LINEAGE.behind(["orders"])) == ["events", "teams"]
    part = [found for found in LINEAGE.behind(["orders"]) if found != key("intermediate/right")]
    assert LINEAGE.left_behind(part) == ["events", "orders", "teams"]
    assert LINEAGE.left_behind(list(map(key, PARENTS))) == []


def test_what_a_model_is_made_from() -> None:
    found = LINEAGE.foundations([key("analytics/teams_of_orders"), key("marts/fact_order")])
    assert set(names(found)) == {
        "marts/dim_date",
        "marts/dim_team",
        "intermediate/left",
        "intermediate/right",
        "staging/stg_orders",
        "staging/stg_teams",
    }
    assert names(LINEAGE.calendar()) == ["marts/dim_date"]


def test_where_orphans_wait() -> None:
    assert names(LINEAGE.facts()) == ["intermediate/left", "intermediate/right", "marts/fact_order"]


def test_the_way_from_a_fact_to_a_view() -> None:
    found = LINEAGE.between([key("marts/fact_order")], key("analytics/teams_of_orders"))
    assert names(found) == [
        "analytics/teams_of_orders",
        "intermediate/left",
        "intermediate/right",
        "marts/fact_order",
    ]
    assert LINEAGE.between([key("marts/none")], key("analytics/teams_of_orders")) == []
