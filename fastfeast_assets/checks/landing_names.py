"""Is every name in the landing zone a known one? The check on `landing/unknown`.

Only a look at the whole zone makes it pass: hourly by its job, and at each ingestion by command. A
sensor looks at what is new alone, and so can only make it warn.
"""

from collections.abc import Sequence

import dagster as dg

from fastfeast_assets.assets.landing import STRANGERS_KEY, findings_page
from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.ingest.landing.discover import Discovery, Finding

NAMES_ARE_KNOWN = "names_are_known"
NAMES_KEY = dg.AssetCheckKey(STRANGERS_KEY, NAMES_ARE_KNOWN)
NEXT_STEP = "Rename, move or remove them. `fastfeast ingest` and `fastfeast status` name them, too."


def build_names_check() -> dg.AssetChecksDefinition:
    """The check as a step that looks at the whole landing zone."""

    @dg.asset_check(
        asset=STRANGERS_KEY,
        name=NAMES_ARE_KNOWN,
        description=(
            "No file has a name that reads like a contracted one and is none, and none is refused"
            " for what or where it is. Other unknown names are counted."
        ),
    )
    def names_are_known(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
        judged = judge_names(platform.look())
        return dg.AssetCheckResult(
            passed=judged.passed,
            severity=judged.severity,
            description=judged.description,
            metadata=judged.metadata,
        )

    return names_are_known


def judge_names(found: Discovery) -> dg.AssetCheckEvaluation:
    """Passes when nothing reads like a contracted name and nothing is refused.

    Args:
        found: Of the whole landing zone.
    """
    problems = found.problems
    description = (
        f"{len(found.near_misses)} names read like contracted ones, {len(found.refused)} files or"
        f" folders are refused. {NEXT_STEP}"
        if problems
        else "Nothing reads like a contracted name, nothing is refused."
    )
    return _evaluation(problems, description, {"other_unknown_names": len(found.strangers)})


def warn_of(news: Sequence[Finding]) -> dg.AssetCheckEvaluation:
    """The check as it is while these near misses and refused files have just been seen."""
    description = f"{len(news)} more than before. {NEXT_STEP} The hourly check lists them all."
    return _evaluation(news, description, {})


def _evaluation(
    problems: Sequence[Finding], description: str, counts: dict[str, int]
) -> dg.AssetCheckEvaluation:
    near_misses = sum(problem.near is not None for problem in problems)
    return dg.AssetCheckEvaluation(
        asset_key=STRANGERS_KEY,
        check_name=NAMES_ARE_KNOWN,
        passed=not problems,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={
            "near_misses": near_misses,
            "refused": len(problems) - near_misses,
            **counts,
            "found": dg.MetadataValue.md(findings_page(problems)),
        },
    )
