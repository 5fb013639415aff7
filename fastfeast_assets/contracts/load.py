"""Reads the contracts of all sources and checks them against each other.

Belongs here: the directory of contract files and what needs more than one of them. A single
file is the business of `odcs`.
"""

from __future__ import annotations

from pathlib import Path

from fastfeast_assets.contracts.model import Contract, ContractError
from fastfeast_assets.contracts.odcs import parse_contract

SOURCES_DIRECTORY = Path(__file__).parent / "sources"
SUFFIX = ".odcs.yaml"

__all__ = ["SOURCES_DIRECTORY", "SUFFIX", "ContractError", "load_contracts"]


def load_contracts(directory: Path | None = None) -> dict[str, Contract]:
    """The contracts of all sources, by source name in alphabetical order.

    Args:
        directory: Where the `<source>.odcs.yaml` files are; by default those of this package.

    Raises:
        ContractError: A file is wrong, or two of them do not fit together.
    """
    folder = directory if directory is not None else SOURCES_DIRECTORY
    contracts: dict[str, Contract] = {}
    files: dict[str, str] = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        contract = parse_contract(_text(path), path.name)
        if contract.source in contracts:
            raise ContractError(
                path.name,
                f"the source {contract.source} already has a contract in {files[contract.source]}",
                "Delete one of the two or rename its source",
            )
        contracts[contract.source] = contract
        files[contract.source] = path.name
    if not contracts:
        raise ContractError(
            str(folder), "there is no contract in this directory", f"Add <source>{SUFFIX} files"
        )
    for source, contract in contracts.items():
        _check_file_name(contract, files[source])
        _check_references(contract, contracts, files[source])
    _check_targets(contracts, files)
    return dict(sorted(contracts.items()))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ContractError(path.name, "it is not UTF-8 text", "Save it as UTF-8") from error


def _check_file_name(contract: Contract, file: str) -> None:
    if file != contract.source + SUFFIX:
        raise ContractError(
            file,
            f"it holds the source {contract.source}",
            f"Name the file {contract.source}{SUFFIX}",
        )


def _check_references(contract: Contract, contracts: dict[str, Contract], file: str) -> None:
    for column in contract.references:
        reference = column.reference
        parent = contracts.get(reference.source) if reference is not None else None
        if reference is None or parent is None:
            raise ContractError(
                file,
                f"it refers to the unknown source {reference.source if reference else ''}",
                f"Use one of {', '.join(contracts)}",
                column=column.name,
            )
        if parent.key.name != reference.column:
            raise ContractError(
                file,
                f"it refers to {reference.source}.{reference.column}, which is not the key",
                f"Refer to {reference.source}.{parent.key.name}",
                column=column.name,
            )
        if parent.key.physical_type != column.physical_type:
            raise ContractError(
                file,
                f"it is {column.physical_type} and the key it refers to is"
                f" {parent.key.physical_type}",
                "Give both the same physical type",
                column=column.name,
            )
        if parent.key.canonical != column.canonical:
            raise ContractError(
                file,
                f"its canonical form is {column.canonical or 'none'} and that of the key it refers"
                f" to is {parent.key.canonical or 'none'}",
                "Give both the same custom property canonical",
                column=column.name,
            )


def _check_targets(contracts: dict[str, Contract], files: dict[str, str]) -> None:
    seen: dict[str, str] = {}
    for source, contract in contracts.items():
        if contract.target in seen:
            raise ContractError(
                files[source],
                f"the target {contract.target} is also that of {seen[contract.target]}",
                "Give each source a target of its own",
            )
        seen[contract.target] = source
