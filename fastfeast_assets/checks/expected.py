"""Which partitions must have been loaded by now, from the contracts' service levels. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from fastfeast_assets.contracts.model import Contract

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# How far back missing partitions are named.
LOOK_BACK = {"batch": 7 * DAY, "stream": 48 * HOUR}
DEFAULT_MINUTES = 90


def since_midnight(cron: str) -> timedelta:
    """The time of day of a daily cron schedule; the whole day for any other schedule."""
    match cron.split():
        case [minute, hour, "*", "*", "*"] if minute.isdigit() and hour.isdigit():
            return timedelta(hours=int(hour), minutes=int(minute)) or DAY
    return DAY


def newest_due(contract: Contract, now: datetime) -> datetime:
    """The newest partition that must have been loaded, on the business clock without zone.

    Args:
        contract: A stream's hour is due so many minutes after its end, a day at its deadline.
        now: With the zone of the business clock. A stream's minutes are real ones, also where the
            clock is changed; a deadline is what the clock shows.
    """
    if contract.cadence == "stream":
        return _hours_back(now, HOUR + timedelta(minutes=contract.sla_minutes or DEFAULT_MINUTES))
    clock = now.replace(tzinfo=None)
    today = clock.replace(hour=0, minute=0, second=0, microsecond=0)
    is_due = clock >= today + since_midnight(contract.sla_cron or "")
    return today if is_due else today - DAY


def due_partitions(contract: Contract, now: datetime, first: datetime) -> list[datetime]:
    """The partitions of late that must have been loaded, in order, without zone.

    An hour that the clock skipped is none of them, one that came twice is one.

    Args:
        contract: Of the source.
        now: With the zone of the business clock.
        first: The first partition of the cadence that was ever loaded; nothing was due before.
    """
    newest = newest_due(contract, now)
    if contract.cadence == "stream":
        level = HOUR + timedelta(minutes=contract.sla_minutes or DEFAULT_MINUTES)
        steps = range(LOOK_BACK["stream"] // HOUR)
        due = {_hours_back(now, level + step * HOUR) for step in steps}
    else:
        due = {newest - step * DAY for step in range(LOOK_BACK["batch"] // DAY)}
    return sorted(at for at in due if at >= first)


def _hours_back(now: datetime, time_back: timedelta) -> datetime:
    """The hour that the business clock showed so much real time ago."""
    then = (now.astimezone(UTC) - time_back).astimezone(now.tzinfo)
    return then.replace(minute=0, second=0, microsecond=0, tzinfo=None)


def leading_contracts(
    key: dg.AssetKey, contracts: Mapping[str, Contract], sources: Collection[str]
) -> list[Contract]:
    """The sources whose service level a table has: its own, else the quickest ones behind it.

    Args:
        key: `raw/<source>`, or a model.
        contracts: All contracts by source.
        sources: Those behind the model.
    """
    if key.path[0] == "raw":
        return [contracts[key.path[1]]]
    behind = [contracts[source] for source in sorted(sources) if source in contracts]
    own = [contract for contract in behind if contract.target == key.path[1]]
    streams = [contract for contract in behind if contract.cadence == "stream"]
    return own or streams or behind
