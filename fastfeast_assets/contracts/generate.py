"""Writes the files that follow from the contracts.

Belongs here: which files there are and whether they are up to date. What stands in them is in
`dbt_sources` and `dictionary`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fastfeast_assets.contracts.dbt_sources import render_dbt_sources
from fastfeast_assets.contracts.dictionary import render_dictionary
from fastfeast_assets.contracts.load import load_contracts

PROJECT_ROOT = Path(__file__).parents[2]
DBT_SOURCES = Path("dbt_project/models/staging/_sources.yml")
DICTIONARY = Path("docs/reference/data-dictionary.md")


def generate(root: Path, *, check: bool = False) -> list[Path]:
    """Brings the generated files below `root` up to date.

    Args:
        root: Top directory of the project.
        check: Write nothing, only say what would change.

    Returns:
        The files that changed, or would change.

    Raises:
        ContractError: A contract is wrong.
    """
    contracts = load_contracts()
    rendered = {
        root / DBT_SOURCES: render_dbt_sources(contracts),
        root / DICTIONARY: render_dictionary(contracts),
    }
    changed = [path for path, text in rendered.items() if _current(path) != text]
    if not check:
        for path in changed:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rendered[path], encoding="utf-8")
    return changed


def _current(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def main(arguments: list[str] | None = None) -> int:
    """Runs `generate` for the project this package stands in; 1 when a check found drift."""
    parser = argparse.ArgumentParser(prog="python -m fastfeast_assets.contracts.generate")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on drift")
    parser.add_argument("--root", type=Path, default=PROJECT_ROOT, help="top of the project")
    options = parser.parse_args(arguments)
    changed = generate(options.root, check=options.check)
    for path in changed:
        sys.stdout.write(f"{'out of date' if options.check else 'written'}: {path}\n")
    if changed and options.check:
        sys.stdout.write("Run `python -m fastfeast_assets.contracts.generate`, then commit.\n")
    return 1 if changed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
