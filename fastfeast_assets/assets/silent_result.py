"""A result that records nothing: how a run leaves a partition as missing as it is.

Belongs here: the one way around Dagster's rule that a step's output records every partition of the
run. Leaving the output out instead would skip all steps behind it.
"""

from collections.abc import Sequence

import dagster as dg

# Dagster's own mark, for assets that log their events themselves; it is not public.
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION


def silent_result(checks: Sequence[dg.AssetCheckResult] = ()) -> dg.MaterializeResult[None]:
    """A result for which Dagster records no materialization; steps behind it run."""
    metadata = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
    return dg.MaterializeResult(metadata=metadata, check_results=checks)
