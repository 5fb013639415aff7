"""One Open Data Contract Standard document turned into a `Contract`.

Belongs here: what a single file says and whether it makes sense by itself. What needs several
files (references, two files for one source) is in `load`; columns are in `odcs_column`,
row rules in `odcs_rules`.
"""

from __future__ import annotations

import re
from typing import TypeVar

import yaml
from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject, Team
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ValidationError

from fastfeast_assets.contracts.extensions import (
    ColumnExtensions,
    SourceExtensions,
    as_mapping,
)
from fastfeast_assets.contracts.model import Column, Contract, ContractError
from fastfeast_assets.contracts.odcs_column import parse_column
from fastfeast_assets.contracts.odcs_rules import parse_row_rules

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

_SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TEAM_NAME = re.compile(r"[a-z][a-z0-9-]*")
_FORMATS = ("csv", "json")

Extensions = TypeVar("Extensions", bound=BaseModel)


def parse_contract(text: str, file: str) -> Contract:
    """The contract that a YAML document holds.

    Args:
        text: The document.
        file: Name of its file, for error messages.

    Raises:
        ContractError: The document is not valid, or says something that cannot be used.
    """
    document = _read(text, file)
    source = document.name or ""
    if not _SOURCE_NAME.fullmatch(source):
        raise ContractError(
            file,
            f"the source name {source!r} is not a plain identifier",
            "Set `name` to lower-case letters, digits and underscores, starting with a letter,"
            " 40 characters at most",
        )
    table = _table(document, source, file)
    extensions = _extensions(SourceExtensions, document, file, column=None)
    columns = _columns(table, file)
    sla_minutes, sla_cron = _service_level(document, extensions.cadence, file)
    return Contract(
        source=source,
        title=table.businessName or source,
        description=_description(document, table, file),
        version=_version(document, file),
        owner=_owner(document, file),
        cadence=extensions.cadence,
        target=extensions.target,
        formats=_formats(document, source, file),
        columns=columns,
        row_rules=parse_row_rules(extensions.row_rules, columns, file),
        null_tokens=tuple(extensions.null_tokens),
        required_null_tokens=tuple(
            token.strip().lower() for token in extensions.required_null_tokens
        ),
        keep_extra=_kept(extensions.keep_extra, columns, file),
        quarantine_warn_rows=extensions.quarantine.warn_rows,
        quarantine_warn_ratio=extensions.quarantine.warn_ratio,
        quarantine_fail_ratio=extensions.quarantine.fail_ratio,
        sla_minutes=sla_minutes,
        sla_cron=sla_cron,
    )


def _version(document: OpenDataContractStandard, file: str) -> str:
    try:
        return str(Version(document.version or ""))
    except InvalidVersion as error:
        raise ContractError(
            file,
            f"the version {document.version!r} cannot be compared with others",
            "Set `version` to numbers with points, such as 1.2.0, and raise it with each change",
        ) from error


def _read(text: str, file: str) -> OpenDataContractStandard:
    # The package's own from_string ignores misspelt keys, which would switch a rule off unseen;
    # and it parses with the pure Python loader, ten times slower than the one of libyaml.
    try:
        data = yaml.load(text, Loader=SafeLoader)
        return OpenDataContractStandard.model_validate(data, extra="forbid")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark is not None else ""
        raise ContractError(file, f"it is not valid YAML{line}", "Correct the syntax") from error
    except ValidationError as error:
        place, what = _first_problem(error)
        raise ContractError(
            file,
            f"{place}: {what}",
            "Correct the key; `datacontract lint` knows the standard",
        ) from error


def _first_problem(error: ValidationError) -> tuple[str, str]:
    first = error.errors(include_url=False, include_input=False)[0]
    return ".".join(str(part) for part in first["loc"]) or "the document", first["msg"]


def _table(document: OpenDataContractStandard, source: str, file: str) -> SchemaObject:
    tables = document.schema_ or []
    if len(tables) != 1 or tables[0].name != source:
        raise ContractError(
            file,
            f"`schema` must hold one object named {source}",
            "Write one file a source, the schema object named as the source",
        )
    return tables[0]


def _description(document: OpenDataContractStandard, table: SchemaObject, file: str) -> str:
    purpose = document.description.purpose if document.description else None
    if not purpose:
        raise ContractError(
            file, "it does not say what the source is", "Write `description.purpose`"
        )
    return " ".join([purpose, *filter(None, [table.dataGranularityDescription])])


def _owner(document: OpenDataContractStandard, file: str) -> str:
    name = document.team.name if isinstance(document.team, Team) else None
    if not name or not _TEAM_NAME.fullmatch(name):
        raise ContractError(
            file,
            "it names no owner",
            "Set `team.name` to lower-case letters, digits and hyphens",
        )
    return name


def _formats(document: OpenDataContractStandard, source: str, file: str) -> tuple[str, ...]:
    """The formats in the order of the servers; `master/` has a format of its own."""
    found: list[tuple[bool, str]] = []
    for server in document.servers or []:
        if server.format not in _FORMATS:
            raise ContractError(
                file,
                f"server {server.server}: the format {server.format!r} cannot be read",
                f"Use one of {', '.join(_FORMATS)}",
            )
        if not (server.path or "").endswith(f"/{source}.{server.format}"):
            raise ContractError(
                file,
                f"server {server.server}: the path {server.path!r} is not a file of the source",
                f"End the path in /{source}.{server.format}",
            )
        found.append(((server.path or "").startswith("master/"), server.format))
    if not found:
        raise ContractError(file, "it says nowhere where files land", "List them in `servers`")
    dated = [name for is_master, name in found if not is_master]
    return tuple(dict.fromkeys(dated or [name for _, name in found]))


def _service_level(
    document: OpenDataContractStandard, cadence: str, file: str
) -> tuple[int | None, str | None]:
    levels = {level.property: level for level in document.slaProperties or []}
    freshness = levels.get("freshness")
    minutes = freshness.value if freshness is not None and freshness.unit == "m" else None
    if cadence == "stream" and isinstance(minutes, int):
        return minutes, None
    availability = levels.get("timeOfAvailability")
    if cadence == "batch" and availability is not None and availability.schedule:
        return None, availability.schedule
    wanted = (
        "`freshness` in whole minutes, unit m"
        if cadence == "stream"
        else "`timeOfAvailability` with a cron `schedule`"
    )
    raise ContractError(
        file, f"it promises no service level for a {cadence} source", f"Add {wanted}"
    )


def _columns(table: SchemaObject, file: str) -> tuple[Column, ...]:
    columns: list[Column] = []
    for item in table.properties or []:
        name = item.name or ""
        extensions = _extensions(ColumnExtensions, item, file, column=name)
        columns.append(parse_column(item, extensions, file))
    for attribute in ("name", "stored_as"):
        seen: set[str] = set()
        for column in columns:
            value = getattr(column, attribute)
            if value in seen:
                raise ContractError(
                    file,
                    f"the name {value} is used twice",
                    "Give each column, and each hash of one, a name of its own",
                    column=column.name,
                )
            seen.add(value)
    keys = [column for column in columns if column.is_key]
    if len(keys) != 1:
        named = ", ".join(column.name for column in keys) or "none"
        raise ContractError(
            file,
            f"it needs exactly one primary key and has {named}",
            "Set `primaryKey: true` on one column",
        )
    return tuple(columns)


def _kept(names: list[str], columns: tuple[Column, ...], file: str) -> tuple[str, ...]:
    known = sorted({column.name for column in columns} & set(names))
    if known:
        raise ContractError(
            file,
            f"keepExtra names {', '.join(known)}, which the contract knows as a column",
            "List only columns that the contract does not have",
        )
    return tuple(names)


def _extensions(
    shape: type[Extensions],
    holder: object,
    file: str,
    *,
    column: str | None,
) -> Extensions:
    try:
        values = as_mapping(getattr(holder, "customProperties", None))
        return shape.model_validate(values)
    except KeyError as error:
        raise ContractError(
            file,
            f"the custom property {error.args[0]} is given twice",
            "Keep one",
            column=column,
        ) from error
    except ValidationError as error:
        place, what = _first_problem(error)
        raise ContractError(
            file,
            f"customProperties, {place}: {what}",
            "Known properties are "
            + ", ".join(field.alias or name for name, field in shape.model_fields.items()),
            column=column,
        ) from error
