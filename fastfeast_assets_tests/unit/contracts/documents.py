"""Small contract documents that a test can spoil."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def document(source: str = "shops") -> dict[str, Any]:
    """A valid stream contract with a column of every kind, as plain data."""
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"fastfeast.stream.{source}",
        "name": source,
        "version": "1.0.0",
        "status": "active",
        "description": {"purpose": "Shops."},
        "team": {"name": "shop-keepers"},
        "slaProperties": [{"property": "freshness", "value": 90, "unit": "m"}],
        "servers": [
            {
                "server": "stream",
                "type": "local",
                "path": f"stream/{{date}}/{{hour}}/{source}.json",
                "format": "json",
            }
        ],
        "customProperties": [
            {"property": "cadence", "value": "stream"},
            {"property": "target", "value": f"fact_{source}"},
            {"property": "nullTokens", "value": [""]},
            {"property": "requiredNullTokens", "value": ["N/A"]},
            {
                "property": "quarantine",
                "value": {"warnRows": 1, "warnRatio": 0.1, "failRatio": 0.5},
            },
            {
                "property": "rowRules",
                "value": [
                    {
                        "name": "closed_at_required",
                        "kind": "required_when",
                        "column": "closed_at",
                        "when": {"column": "state", "values": ["closed"]},
                        "description": "A closed shop says since when.",
                    },
                    {
                        "name": "closed_at_not_before_opened",
                        "kind": "not_before",
                        "column": "closed_at",
                        "other": "opened_at",
                        "description": "No shop closes before it opens.",
                    },
                ],
            },
        ],
        "schema": [
            {
                "name": source,
                "logicalType": "object",
                "properties": [
                    prop("shop_id", "string", "varchar(36)", primaryKey=True, required=True),
                    prop("staff", "integer", "smallint", logicalTypeOptions={"minimum": 0}),
                    prop("rent", "number", "numeric(5,2)", logicalTypeOptions={"minimum": 0}),
                    prop("rating", "number", "numeric", logicalTypeOptions={"maximum": 5}),
                    prop("state", "string", "text", enum=[{"value": "open"}, {"value": "closed"}]),
                    prop("is_own", "boolean", "boolean"),
                    prop(
                        "phone",
                        "string",
                        "text",
                        classification="pii",
                        encryptedName="phone_hash",
                        logicalTypeOptions={"pattern": "^01[0125][0-9]{8}$"},
                        customProperties=[{"property": "canonical", "value": "phone"}],
                    ),
                    prop("opened_at", "timestamp", "timestamp", logicalTypeOptions=days()),
                    prop("closed_at", "timestamp", "timestamp", logicalTypeOptions=days()),
                    prop("inspected_on", "date", "date", logicalTypeOptions=days()),
                ],
            }
        ],
    }


def prop(name: str, logical: str, physical: str, **more: Any) -> dict[str, Any]:
    """A property of the schema."""
    return {
        "name": name,
        "description": f"The {name}.",
        "logicalType": logical,
        "physicalType": physical,
        **more,
    }


def days() -> dict[str, str]:
    """The days that dates and timestamps may fall on."""
    return {"minimum": "2000-01-01", "maximum": "2099-12-31"}


def column(contract: dict[str, Any], name: str) -> dict[str, Any]:
    """The property of that name, to be changed in place."""
    properties: list[dict[str, Any]] = contract["schema"][0]["properties"]
    return next(item for item in properties if item["name"] == name)


def custom(contract: dict[str, Any], name: str) -> dict[str, Any]:
    """The custom property of that name, to be changed in place."""
    items: list[dict[str, Any]] = contract["customProperties"]
    return next(item for item in items if item["property"] == name)


def write(folder: Path, contract: dict[str, Any], file: str | None = None) -> Path:
    """Writes the document as the contract file of its source."""
    path = folder / (file or f"{contract['name']}.odcs.yaml")
    path.write_text(yaml.safe_dump(contract, sort_keys=False), encoding="utf-8")
    return path
