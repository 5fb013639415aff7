"""The landing sensors: they compare landing zone and ledger, and launch what is missing.

Belongs here: what a tick says to Dagster. Looking is in `landing_look`, the rules in `decide`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing

import dagster as dg

from fastfeast_assets.assets.landing import NAMED, STRANGERS_KEY, findings_page
from fastfeast_assets.assets.lineage import Lineage
from fastfeast_assets.assets.ops import OPS_TABLES
from fastfeast_assets.assets.raw import raw_key
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.automation.claims import recent_claims, unfinished_claims
from fastfeast_assets.automation.decide import Decision, Launch, decide
from fastfeast_assets.automation.jobs import INGEST_JOBS
from fastfeast_assets.automation.landing_look import LandingLook, Look
from fastfeast_assets.automation.selection import OwnChecks, checks_of, with_foundations
from fastfeast_assets.automation.sensor_state import MAXIMUM_REPORTED, SensorState, digest_of
from fastfeast_assets.checks.landing_names import warn_of
from fastfeast_assets.contracts.model import Cadence, Contract
from fastfeast_assets.ingest.landing.discover import Finding
from fastfeast_assets.settings import Blueprint

SENSORS: Mapping[Cadence, str] = {"batch": "landing_batch", "stream": "landing_stream"}
# The daemon looks every 5 s at the most; a floor of 5 s here would at times make it 10.
INTERVAL_SECONDS = 1
# Sources of the day come first, so that the facts of its hours find their members; backfills and
# what goes by the clock, which have priority 0, come after both.
PRIORITY: Mapping[Cadence, str] = {"batch": "2", "stream": "1"}
SHORTEST_PAUSE_SECONDS = 0.25
# Looking takes at most a tenth of the time.
SHARE_OF_PAUSE = 9


def build_landing_sensor(
    cadence: Cadence,
    contracts: Mapping[str, Contract],
    blueprint: Blueprint,
    lineage: Lineage,
    own_checks: OwnChecks,
    *,
    patience_seconds: float,
) -> dg.SensorDefinition:
    """The sensor of a cadence.

    The daemon begins a tick every 5 s at the most. A tick that finds nothing to launch therefore
    goes on looking for a while, so that a file waits for its run and not for the next tick.

    Args:
        cadence: Of its sources; the one of the batch sources also reports strangers.
        contracts: All contracts by source.
        blueprint: Business clock and first partition.
        lineage: Of the models that a load of some sources changes.
        own_checks: The checks that come with each table.
        patience_seconds: How long a tick goes on looking.
    """
    look_again = LandingLook(cadence)

    @dg.sensor(
        name=SENSORS[cadence],
        job_name=INGEST_JOBS[cadence],
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"New and changed landing files of the {cadence} sources, by comparing the landing"
            " zone with the ledger; loads them and builds what stands behind them, in one run."
        ),
    )
    def landing(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        platform.ensure_identity()
        state = SensorState.read(context.cursor, time.time())

        # Looking again finds the same ones again.
        problems: dict[Finding, None] = {}
        strangers: dict[Finding, None] = {}

        def consider() -> tuple[Look, Decision]:
            look = look_again(platform)
            problems.update(dict.fromkeys(look.problems))
            strangers.update(dict.fromkeys(look.strangers))
            decision = decide(
                look.pending,
                unfinished_claims(context.instance) if look.pending else [],
                state,
                cadence=cadence,
                contracts=contracts,
                blueprint=blueprint,
                now=time.time(),
                is_whole=look.is_whole,
                # Only what was tried before can have been given up.
                recent=recent_claims(context.instance) if look.pending and state.attempts else [],
            )
            return look, decision

        look, decision = _patiently(consider, patience_seconds)
        to_mend, reported = _news(problems, decision.state.reported)
        others, reported = _news(strangers, reported)
        for finding in (*to_mend, *others):
            context.log.warning(f"{finding.relative_path} is not loaded: {finding.reason}")
        requests = _requests(platform, decision.launches, lineage, own_checks)
        after = SensorState(decision.state.serial, decision.state.attempts, reported)
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else skip_reason(look, decision),
            cursor=after.write(),
            asset_events=_events(to_mend, others),
        )

    return landing


def _patiently(
    consider: Callable[[], tuple[Look, Decision]], seconds: float
) -> tuple[Look, Decision]:
    """Look until there is something to launch and nothing that is just being written beside it.

    Files that are dropped one after the other thus go into one run.
    """
    end = time.monotonic() + seconds
    while True:
        started = time.monotonic()
        look, decision = consider()
        has_all = decision.launches and not look.unsettled
        ended = time.monotonic()
        pause = max(SHORTEST_PAUSE_SECONDS, SHARE_OF_PAUSE * (ended - started))
        if has_all or ended + pause > end:
            return look, decision
        time.sleep(pause)


def _requests(
    platform: Platform, launches: Sequence[Launch], lineage: Lineage, own_checks: OwnChecks
) -> list[dg.RunRequest]:
    if not launches:
        return []
    tables = [dg.AssetKey(["ops", name]) for name in OPS_TABLES]
    requests: list[dg.RunRequest] = []
    with closing(platform.warehouse.connect(autocommit=True)) as connection:
        for launch in launches:
            load = launch.load
            models = with_foundations(connection, lineage, lineage.behind(load.sources))
            keys = [*map(raw_key, load.sources), *tables, *models]
            requests.append(
                dg.RunRequest(
                    run_key=launch.run_key,
                    asset_selection=keys,
                    asset_check_keys=checks_of(keys, own_checks),
                    tags={
                        **load.tags,
                        "dagster/priority": PRIORITY[load.cadence],
                        "fastfeast/files": str(launch.files),
                        "fastfeast/attempt": str(launch.attempt),
                        # The sensor itself tries again, when it still lacks something by then.
                        "dagster/max_retries": "0",
                    },
                )
            )
    return requests


def skip_reason(look: Look, decision: Decision) -> str:
    """Why a tick launches nothing, for the person who reads the tick."""
    reasons = [
        ("still being written", [file.relative_path for file in look.unsettled]),
        ("a run is at work on", decision.in_flight),
        ("run failed, tried again soon", decision.backing_off),
        (
            "given up, for somebody terminated its run; it is loaded once its file changes or"
            " somebody materializes it",
            decision.given_up,
        ),
        ("runs keep failing, see the last one; tried again every hour", decision.failing),
        ("dated in the future", [finding.relative_path for finding in look.future]),
    ]
    parts = [f"{text}: {_some(names)}" for text, names in reasons if names]
    if decision.postponed:
        parts.append(f"{decision.postponed} files wait, enough runs are under way")
    if not look.is_whole:
        parts.append("the landing zone is large; the rest of it is looked at next")
    return "; ".join(parts) or "nothing new"


def _some(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _news(
    problems: Iterable[Finding], reported: Sequence[str]
) -> tuple[list[Finding], tuple[str, ...]]:
    """The findings that have not been reported, and all that have been by now.

    When the memory is full nothing more is reported, rather than the same things for ever.
    """
    known = set(reported)
    marks = {digest_of([f.relative_path, f.reason]): f for f in problems}
    news = {mark: finding for mark, finding in marks.items() if mark not in known}
    room = MAXIMUM_REPORTED - len(reported)
    news = dict(list(news.items())[:room])
    return list(news.values()), (*reported, *news)


def _events(
    to_mend: Sequence[Finding], others: Sequence[Finding]
) -> list[dg.AssetObservation | dg.AssetCheckEvaluation]:
    """What the news mean for `landing/unknown`: a look at a part of the zone can only warn."""
    news = [*to_mend, *others]
    if not news:
        return []
    page = dg.MetadataValue.md(findings_page(news))
    seen = dg.AssetObservation(STRANGERS_KEY, metadata={"files": len(news), "found": page})
    return [seen, warn_of(to_mend)] if to_mend else [seen]
