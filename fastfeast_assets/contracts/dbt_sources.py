"""The dbt source `raw`: every raw table with its columns, for the staging models.

Belongs here: the text of `models/staging/_sources.yml`. Tests are declared beside the models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from fastfeast_assets.contracts.ddl import HASH_LENGTH, stored_description
from fastfeast_assets.contracts.model import Column, Contract
from fastfeast_assets.contracts.technical import TECHNICAL_COLUMNS

_HEADER = (
    "# Generated from fastfeast_assets/contracts/sources by"
    " `python -m fastfeast_assets.contracts.generate`; do not edit.\n"
)


def render_dbt_sources(contracts: Mapping[str, Contract]) -> str:
    """The properties file of the dbt source `raw`."""
    document = {
        "version": 2,
        "sources": [
            {
                "name": "raw",
                "schema": "raw",
                "description": "Valid rows of the landing files, typed, personal values hashed.",
                "tables": [_table(contract) for contract in contracts.values()],
            }
        ],
    }
    return _HEADER + yaml.safe_dump(document, sort_keys=False, width=96, allow_unicode=True)


def _table(contract: Contract) -> dict[str, Any]:
    return {
        "name": contract.source,
        "description": contract.description,
        "config": {
            "meta": {
                "owner": contract.owner,
                "cadence": contract.cadence,
                "target": contract.target,
            }
        },
        "columns": [
            *(_column(column) for column in contract.columns),
            *(
                {
                    "name": column.name,
                    "data_type": column.physical_type,
                    "description": column.description,
                }
                for column in TECHNICAL_COLUMNS
            ),
        ],
    }


def _column(column: Column) -> dict[str, Any]:
    rendered: dict[str, Any] = {
        "name": column.stored_as,
        "data_type": f"char({HASH_LENGTH})" if column.is_personal else column.physical_type,
        "description": stored_description(column),
    }
    if column.is_personal:
        rendered["config"] = {"meta": {"is_personal": True}}
    return rendered
