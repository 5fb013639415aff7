"""Are the data as young as promised, and is no file missing? Checks beside the freshness policies.

A policy sees when a table was last materialized. A backfill of an old day, or a run that loaded
nothing, satisfies it. So these checks look at the partitions that have been loaded and at the
newest moment that the rows tell of, on the business clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from fastfeast_assets.assets.lineage import RAW, Lineage
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.checks.contract_checks import name_some
from fastfeast_assets.checks.expected import (
    DEFAULT_MINUTES,
    HOUR,
    LOOK_BACK,
    due_partitions,
    leading_contracts,
    newest_due,
)
from fastfeast_assets.checks.ledger_facts import LedgerFacts, read_facts
from fastfeast_assets.contracts.model import Contract

DATA_AGE = "data_age"
FILES_ON_TIME = "files_on_time"
STEP = "service_levels"
# Beyond what the service level explains: nobody orders for this long at night.
QUIET = timedelta(hours=1)
MOMENT = "%Y-%m-%d %H:%M"
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def service_level_specs(
    keys: Sequence[dg.AssetKey], contracts: Mapping[str, Contract]
) -> list[dg.AssetCheckSpec]:
    """The specs: data age of every table, missing files of every raw table."""
    age = "The newest partition that is due has been loaded, and the newest event is as young."
    specs = [dg.AssetCheckSpec(DATA_AGE, asset=key, description=age) for key in keys]
    for key in keys:
        if key.path[0] == RAW:
            contract = contracts[key.path[1]]
            promise = (
                f"within {contract.sla_minutes} minutes of the end of each hour"
                if contract.cadence == "stream"
                else f"by the deadline of each day (`{contract.sla_cron}`)"
            )
            description = f"A file of every partition of late has been loaded {promise}."
            specs.append(dg.AssetCheckSpec(FILES_ON_TIME, asset=key, description=description))
    return specs


def build_service_level_checks(
    keys: Sequence[dg.AssetKey], contracts: Mapping[str, Contract], lineage: Lineage
) -> dg.AssetChecksDefinition:
    """All these checks as one step, which reads the ledger once.

    Args:
        keys: Raw, mart and analytics tables.
        contracts: All contracts by source.
        lineage: Which sources stand behind a model.
    """
    specs = service_level_specs(keys, contracts)

    @dg.multi_asset_check(name=STEP, specs=specs, can_subset=True)
    def service_levels(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.AssetCheckResult]:
        now = datetime.now(platform.settings.zone)
        with closing(platform.warehouse.connect(autocommit=True)) as connection:
            start, clock = platform.settings.start_date, now.replace(tzinfo=None)
            facts = read_facts(connection, contracts, start, clock)
        for check in sorted(context.selected_asset_check_keys):
            leading = leading_contracts(
                check.asset_key, contracts, lineage.sources(check.asset_key)
            )
            if check.name == DATA_AGE:
                yield data_age(check.asset_key, leading, facts, now)
            else:
                yield files_on_time(check.asset_key, leading[0], facts, now)

    return service_levels


def data_age(
    key: dg.AssetKey, leading: Sequence[Contract], facts: LedgerFacts, now: datetime
) -> dg.AssetCheckResult:
    """Passes when what is due has reached the table, or nothing has ever been loaded.

    Args:
        key: Of the table.
        leading: The sources whose service level it has; none for a calendar.
        facts: What the ledger and the facts hold.
        now: With the zone of the business clock.
    """
    newest_of = facts.newest_loaded if key.path[0] == RAW else facts.newest_digested
    known = [contract for contract in leading if contract.cadence in facts.first]
    metadata: dict[str, Any] = {}
    behind: list[str] = []
    for contract in known:
        due, newest = newest_due(contract, now), newest_of.get(contract.source)
        metadata[f"newest_{contract.source}"] = _text(newest)
        if newest is None or newest < due:
            behind.append(f"{contract.source}: newest is {_text(newest)}, due is {due:{MOMENT}}")
    event_at = facts.newest_event.get(key.path[1])
    is_old = False
    if event_at is not None and leading:
        level = timedelta(minutes=leading[0].sla_minutes or DEFAULT_MINUTES)
        age = now.replace(tzinfo=None) - event_at
        is_old = age > level + HOUR + QUIET
        metadata["newest_event"] = _text(event_at)
        metadata["newest_event_age_minutes"] = round(age.total_seconds() / 60)
    if behind:
        description = "; ".join(name_some(behind)) + _hint(known, newest_of, now)
    elif is_old:
        description = f"All files are there, but their newest row is of {event_at:{MOMENT}}."
    elif metadata:
        description = "As young as promised."
    else:
        description = "Nothing has been loaded yet, or nothing in it comes from files."
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=DATA_AGE,
        passed=not behind and not is_old,
        severity=ERROR if behind else WARN,
        description=description,
        metadata=metadata,
    )


def _text(moment: datetime | None) -> str:
    return "none" if moment is None else f"{moment:{MOMENT}}"


def _hint(known: Sequence[Contract], newest_of: Mapping[str, datetime], now: datetime) -> str:
    """What to make of it when not one of the sources has anything of late."""
    moments = [newest_of[c.source] for c in known if c.source in newest_of]
    late = now.replace(tzinfo=None) - LOOK_BACK[known[0].cadence]
    if not moments or max(moments) >= late:
        return ""
    return (
        f". The newest files are of {max(moments):{MOMENT}}: if they are an export of old days,"
        " this stays red until files of today are loaded"
    )


def files_on_time(
    key: dg.AssetKey, contract: Contract, facts: LedgerFacts, now: datetime
) -> dg.AssetCheckResult:
    """Passes when a file of every partition that is due has been loaded.

    Args:
        key: Of the raw table.
        contract: Of its source.
        facts: What the ledger holds.
        now: With the zone of the business clock.
    """
    first = facts.first.get(contract.cadence)
    due = due_partitions(contract, now, first) if first is not None else []
    loaded = facts.loaded.get(contract.source, frozenset())
    missing = [at for at in due if at not in loaded]
    metadata: dict[str, Any] = {
        "due": len(due),
        "missing": len(missing),
        "missing_partitions": name_some(_text(at) for at in reversed(missing)),
    }
    if missing:
        metadata["next_step"] = (
            "See with `fastfeast status` whether the file came and failed; otherwise ask the"
            " exporter for it. It is loaded as soon as it lands; one that was withdrawn when its"
            " content changes, or by `fastfeast reprocess`."
        )
    hint = _hint([contract], facts.newest_loaded, now) if missing else ""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=FILES_ON_TIME,
        passed=not missing,
        severity=ERROR,
        description=f"{len(missing)} of {len(due)} partitions that are due are missing{hint}",
        metadata=metadata,
    )
