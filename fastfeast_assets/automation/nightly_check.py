"""The nightly check: a slice of all rows each night, and what failed before until it passes.

Its results are those of the same checks as behind loads. Either way a check looks at every key that
it knows to fail, so that neither makes it green while one does.
"""

from collections.abc import Collection

import dagster as dg

from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.assets.row_checks import RowChecks, check_rows
from fastfeast_assets.automation.jobs import CHECK_JOB

NEXT_STEP = "See docs/runbooks/rows-do-not-add-up.md; `fastfeast check` looks at them again."


def build_check_job(checks: Collection[dg.AssetCheckKey]) -> dg.JobDefinition:
    """The job of one step.

    Args:
        checks: Those that are tests of the dbt project.
    """
    by_name = {key.name: key for key in checks}

    @dg.op(description="Test a thirtieth of all rows, and what failed before.")
    def check_slice_of_rows(
        context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> None:
        found = check_rows(platform)
        for evaluation in evaluations(found, by_name):
            context.instance.report_runless_asset_event(evaluation)
        context.log.info(f"slice {found.slice}: {len(found.ran)} tests")
        if not found.is_well:
            names = [test.test for test in found.failed if test.is_error] + found.not_run
            raise dg.Failure(f"{len(names)} tests do not pass: {', '.join(names)}. {NEXT_STEP}")

    @dg.job(
        name=CHECK_JOB,
        description="A thirtieth of all rows is tested, and what failed before until it passes.",
    )
    def check_slice() -> None:
        check_slice_of_rows()

    return check_slice


def evaluations(
    found: RowChecks, by_name: dict[str, dg.AssetCheckKey]
) -> list[dg.AssetCheckEvaluation]:
    """The result of each check whose test has run.

    Args:
        found: What the tests say.
        by_name: The checks that there are, by the name of their test.
    """
    failed = {test.test: test for test in found.failed}
    results = []
    for name in sorted(found.ran & set(by_name)):
        key, test = by_name[name], failed.get(name)
        is_error = name in found.not_run or (test is not None and test.is_error)
        description, metadata = "It broke off: the log of the run says why.", {}
        if test is not None:
            description = f"{test.failed_rows} rows fail. {NEXT_STEP}"
            metadata = {
                "failed_rows": dg.MetadataValue.int(test.failed_rows),
                "first_keys": dg.MetadataValue.text(", ".join(test.keys)),
                "since": dg.MetadataValue.text(f"{test.first_failed_at:%Y-%m-%d %H:%M %Z}"),
            }
        results.append(
            dg.AssetCheckEvaluation(
                asset_key=key.asset_key,
                check_name=name,
                passed=test is None and name not in found.not_run,
                severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
                description=description if test is not None or is_error else None,
                metadata=metadata,
            )
        )
    return results
