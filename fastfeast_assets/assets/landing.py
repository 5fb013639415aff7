"""The landing files as external assets: where lineage begins. Dagster never makes them.

Belongs here: their specs, the observation that is logged when a file has been loaded, and the page
about what is not loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from fastfeast_assets.assets.markdown import markdown_table
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.landing.discover import Finding, LandingFile

if TYPE_CHECKING:
    from fastfeast_assets.warehouse.load import FileReport

NAMED = 20
STRANGERS_KEY = dg.AssetKey(["landing", "unknown"])
LAYOUTS = {
    "batch": "batch/YYYY-MM-DD/{name} every day, and once master/{source}.csv",
    "stream": "stream/YYYY-MM-DD/HH/{name} every hour",
}


def landing_key(source: str) -> dg.AssetKey:
    """The asset key of a source's landing files."""
    return dg.AssetKey(["landing", source])


def build_landing_specs(contracts: Iterable[Contract]) -> list[dg.AssetSpec]:
    """One external asset a source, and one for what belongs to none."""
    strangers = dg.AssetSpec(
        STRANGERS_KEY,
        description=(
            "What stands in the landing zone and is not loaded: names that are none of the layout,"
            " links out of the zone, folders that may not be listed. Observed once each."
        ),
        group_name="landing",
        owners=["team:data-platform"],
        kinds={"file"},
    )
    return [*map(_spec, contracts), strangers]


def _spec(contract: Contract) -> dg.AssetSpec:
    names = " or ".join(f"{contract.source}.{suffix}" for suffix in contract.formats)
    layout = LAYOUTS[contract.cadence].format(name=names, source=contract.source)
    return dg.AssetSpec(
        landing_key(contract.source),
        description=f"Files of {contract.title}: `{layout}`. {contract.description}",
        group_name="landing",
        owners=[f"team:{contract.owner}"],
        kinds={"file"},
        metadata={"contract_version": contract.version, "cadence": contract.cadence},
    )


def findings_page(findings: Sequence[Finding]) -> str:
    """The first findings as a table, and how many more there are."""
    rows = [(item.relative_path, item.reason) for item in findings[:NAMED]]
    if (rest := len(findings) - NAMED) > 0:
        rows.append((f"and {rest} more", "fastfeast ingest --json lists all"))
    return markdown_table(("path", "why it is not loaded"), rows)


def observe(file: LandingFile, report: FileReport) -> dg.AssetObservation:
    """What was seen of a landing file when it was loaded."""
    return dg.AssetObservation(
        landing_key(file.source),
        metadata={
            "path": file.relative_path,
            "partition": file.partition_key,
            "bytes": file.size,
            "hash": report.file_hash or "unread",
            "landed_at": dg.MetadataValue.timestamp(
                datetime.fromtimestamp(file.landed_ns / 1e9, tz=UTC)
            ),
            "status": report.status,
        },
    )
