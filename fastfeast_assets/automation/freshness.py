"""How fresh each table must be: one map from asset to policy, from the contracts' service levels.

A policy sees only when a table was last materialized; whether its data are young is for the checks
of `checks.service_levels` to say.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

import dagster as dg

from fastfeast_assets.assets.lineage import Lineage
from fastfeast_assets.automation.jobs import SLA_VIEW
from fastfeast_assets.checks.expected import leading_contracts, since_midnight
from fastfeast_assets.contracts.model import Contract

HOUR = timedelta(hours=1)
WATCHED = frozenset({"raw", "marts", "analytics"})
# Promised: never older than 10 minutes. It is refreshed every 5, which takes a while itself: past 7
# a refresh is late.
SLA_VIEW_MINUTES = 10
LATE_REFRESH_MINUTES = 7
# Built once a day; nothing in it depends on files.
DAILY = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=49), warn_window=timedelta(hours=25)
)


def freshness_policies(
    keys: Iterable[dg.AssetKey],
    contracts: Mapping[str, Contract],
    lineage: Lineage,
    timezone: str,
) -> dict[dg.AssetKey, dg.FreshnessPolicy]:
    """The policy of each raw, mart and analytics table.

    Args:
        keys: Of all assets; those of other layers get none.
        contracts: All contracts by source.
        lineage: Which sources stand behind a model.
        timezone: Business clock.
    """
    return {
        key: _policy(key, contracts, lineage, timezone) for key in keys if key.path[0] in WATCHED
    }


def with_freshness(
    asset: dg.AssetsDefinition, policies: Mapping[dg.AssetKey, dg.FreshnessPolicy]
) -> dg.AssetsDefinition:
    """The same assets, each with its policy."""
    return asset.map_asset_specs(
        lambda spec: (
            spec.replace_attributes(freshness_policy=policies[spec.key])
            if spec.key in policies
            else spec
        )
    )


def _policy(
    key: dg.AssetKey, contracts: Mapping[str, Contract], lineage: Lineage, timezone: str
) -> dg.FreshnessPolicy:
    if key == SLA_VIEW:
        return dg.FreshnessPolicy.time_window(
            fail_window=timedelta(minutes=SLA_VIEW_MINUTES),
            warn_window=timedelta(minutes=LATE_REFRESH_MINUTES),
        )
    if key.path[0] == "analytics" and not lineage.sources(key):
        return _window([item for item in contracts.values() if item.cadence == "stream"])
    behind = leading_contracts(key, contracts, lineage.sources(key))
    if not behind:
        return DAILY
    if any(contract.cadence == "stream" for contract in behind):
        return _window(behind)
    return _deadline(behind, timezone)


def _window(contracts: Iterable[Contract]) -> dg.FreshnessPolicy:
    """Streams: an hour's folder at the latest so many minutes after the end of the hour.

    Between the earliest load of an hour and the latest of the next there is an hour more.
    """
    minutes = [contract.sla_minutes for contract in contracts if contract.sla_minutes is not None]
    within = timedelta(minutes=min(minutes, default=90))
    return dg.FreshnessPolicy.time_window(fail_window=within + HOUR, warn_window=within)


def _deadline(contracts: Iterable[Contract], timezone: str) -> dg.FreshnessPolicy:
    """Snapshots: loaded by the deadline of the day, which begins at midnight."""
    crons = [contract.sla_cron for contract in contracts if contract.sla_cron is not None]
    cron = max(crons, key=since_midnight, default="0 1 * * *")
    return dg.FreshnessPolicy.cron(
        deadline_cron=cron, lower_bound_delta=since_midnight(cron), timezone=timezone
    )
