"""Writes the software bill of materials of the runtime lock, as CycloneDX in JSON.

`python deploy/package/sbom.py dist/fastfeast.cdx.json`. The tool describes the whole environment;
here stays what the lock has, with the hashes that it has. The same lock gives the same bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from lock import locked, normal

ROOT = "root-component"


def bill() -> dict[str, Any]:
    """The bill as it should be.

    Raises:
        ValueError: A package of the lock is not installed in its version, or the bill is not valid.
    """
    command = [str(Path(sys.executable).with_name("cyclonedx-py")), "environment", sys.executable]
    told = subprocess.run(  # noqa: S603
        [*command, "--pyproject", "pyproject.toml", "--output-reproducible", "--no-validate"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found: dict[str, Any] = json.loads(told)
    wanted = locked()
    found["components"] = [
        _described(component, hashes)
        for component in found["components"]
        if (hashes := wanted.get((normal(component["name"]), component["version"]))) is not None
    ]
    if len(found["components"]) != len(wanted):
        raise ValueError("not all packages of the runtime lock are installed: run `make setup`")
    kept = {ROOT, *(component["bom-ref"] for component in found["components"])}
    found["dependencies"] = [
        {**item, "dependsOn": [ref for ref in item.get("dependsOn", []) if ref in kept]}
        for item in found["dependencies"]
        if item["ref"] in kept
    ]
    for tool in found["metadata"]["tools"]["components"]:
        tool.pop("externalReferences", None)
    trouble = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(found))
    if trouble is not None:
        raise ValueError(f"the bill is not valid: {trouble}")
    return found


def _described(component: dict[str, Any], hashes: list[str]) -> dict[str, Any]:
    """A package by its name for other tools (purl), with the files that may be installed of it."""
    files = [{"alg": "SHA-256", "content": content} for content in hashes]
    # Addresses of an index would only be true of one place.
    reference = {"type": "distribution", "url": component["purl"], "hashes": files}
    described = {**component, "externalReferences": [reference]}
    if "licenses" not in component and (text := metadata(component["name"])["License"]):
        # By a name of its own, which the tool leaves out.
        described["licenses"] = [{"license": {"name": text, "acknowledgement": "declared"}}]
    return described


def main() -> None:
    """Write it to the file that is named."""
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(bill(), indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
