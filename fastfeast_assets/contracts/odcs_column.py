"""One property of an Open Data Contract Standard document turned into a `Column`.

Belongs here: types, bounds, patterns, personal data and the reference of a single column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn

from open_data_contract_standard.model import SchemaProperty

from fastfeast_assets.contracts.extensions import ColumnExtensions
from fastfeast_assets.contracts.model import Column, ContractError, Kind, Reference

CONFIDENTIAL = "confidential"
_COLUMN_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_PHYSICAL_TYPE = re.compile(r"([a-z]+)(?:\((\d{1,4})(?:, ?(\d{1,4}))?\))?")
_KINDS: Mapping[str, Kind] = {
    "integer": "integer",
    "number": "number",
    "string": "text",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}
_TYPES: Mapping[Kind, tuple[str, ...]] = {
    "integer": ("integer", "smallint", "bigint"),
    "number": ("numeric",),
    "text": ("text", "varchar"),
    "boolean": ("boolean",),
    "date": ("date",),
    "timestamp": ("timestamp",),
}
_OPTIONS: Mapping[Kind, frozenset[str]] = {
    "integer": frozenset({"minimum", "maximum"}),
    "number": frozenset({"minimum", "maximum"}),
    "text": frozenset({"pattern", "maxLength"}),
    "boolean": frozenset(),
    "date": frozenset({"minimum", "maximum"}),
    "timestamp": frozenset({"minimum", "maximum"}),
}


class _ColumnError(Exception):
    """What is wrong with a column, and what to do; becomes a `ContractError`."""


def _fail(problem: str, fix: str) -> NoReturn:
    raise _ColumnError(problem, fix)


def parse_column(item: SchemaProperty, extensions: ColumnExtensions, file: str) -> Column:
    """The column that a schema property describes.

    Raises:
        ContractError: The property says something that cannot be used.
    """
    try:
        return _parse(item, extensions)
    except _ColumnError as error:
        problem, fix = error.args
        raise ContractError(file, problem, fix, column=item.name or "without a name") from error


def _parse(item: SchemaProperty, extensions: ColumnExtensions) -> Column:
    name = _name(item.name or "")
    if not item.description:
        _fail("it has no description", "Say what the column means to the business")
    kind = _KINDS.get(item.logicalType or "")
    if kind is None:
        _fail(
            f"the logical type {item.logicalType!r} is not supported",
            f"Use one of {', '.join(_KINDS)}",
        )
    physical_type, size, scale = _physical_type(item.physicalType, kind)
    options = item.logicalTypeOptions or {}
    unknown = sorted(set(options) - _OPTIONS[kind])
    if unknown:
        _fail(
            f"logicalTypeOptions {', '.join(unknown)} cannot be checked on a {kind} column",
            f"Use {', '.join(sorted(_OPTIONS[kind])) or 'none'}",
        )
    minimum = _bound(options.get("minimum"), kind, "minimum")
    maximum = _bound(options.get("maximum"), kind, "maximum")
    if minimum is not None and maximum is not None and minimum > maximum:  # type: ignore[operator]
        _fail("the minimum is above the maximum", "Swap them or correct one")
    is_personal = _is_personal(item, kind)
    column = Column(
        name=name,
        kind=kind,
        physical_type=physical_type,
        description=item.description,
        required=bool(item.required),
        is_key=bool(item.primaryKey),
        is_personal=is_personal,
        stored_as=_name(item.encryptedName) if item.encryptedName else name,
        canonical=extensions.canonical,
        allowed=_allowed(item, kind),
        pattern=_pattern(options.get("pattern")),
        minimum=minimum,
        maximum=maximum,
        scale=scale,
        max_length=_max_length(options.get("maxLength"), size if kind == "text" else None),
        reference=_reference(item),
        was=tuple(_name(name) for name in extensions.was),
        is_confidential=item.classification == CONFIDENTIAL,
    )
    _check_key(column)
    _check_canonical(column)
    return column


def _name(name: str) -> str:
    if not _COLUMN_NAME.fullmatch(name):
        _fail(
            f"the name {name!r} is not a plain identifier",
            "Use lower-case letters, digits and underscores, starting with a letter",
        )
    return name


def _physical_type(text: str | None, kind: Kind) -> tuple[str, int | None, int | None]:
    """The normalised type, the size and, for numbers with a precision, the scale."""
    written = text if text is not None else _TYPES[kind][0]
    match = _PHYSICAL_TYPE.fullmatch(written)
    base = match.group(1) if match else ""
    has_size = match is not None and match.group(2) is not None
    has_scale = match is not None and match.group(3) is not None
    if (
        match is None
        or base not in _TYPES[kind]
        or has_size != (base == "varchar" or (base == "numeric" and has_size))
        or has_scale != (base == "numeric" and has_size)
    ):
        _fail(
            f"the physical type {written} is not supported for {kind}",
            "Use " + ", ".join(_TYPES[kind]) + " (varchar takes (n), numeric nothing or (p,s))",
        )
    size = int(match.group(2)) if has_size else None
    scale = int(match.group(3)) if has_scale else None
    if size is not None and (size == 0 or size > 1000 or (scale is not None and scale > size)):
        _fail(f"the size of {written} makes no sense", "Use 1 to 1000 digits, the scale within")
    if base == "numeric" and size is not None:
        return f"numeric({size},{scale})", size, scale
    return (f"varchar({size})" if base == "varchar" else base), size, scale


def _bound(value: Any, kind: Kind, name: str) -> Decimal | date | None:
    if value is None:
        return None
    if kind in ("date", "timestamp"):
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            _fail(f"the {name} {value!r} is not a date", 'Write it like "2000-01-01", in quotes')
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        _fail(f"the {name} {value!r} is not a number", "Write a number, without quotes")
    return Decimal(str(value))


def _is_personal(item: SchemaProperty, kind: Kind) -> bool:
    if item.classification not in (None, "pii", CONFIDENTIAL):
        _fail(
            f"the classification {item.classification!r} is unknown",
            f"Use pii for columns that are hashed, {CONFIDENTIAL} for names and what people write,"
            " and leave it out elsewhere",
        )
    if item.classification == CONFIDENTIAL and kind != "text":
        _fail("only text can be confidential", "Leave the classification out")
    is_personal = item.classification == "pii"
    if is_personal != bool(item.encryptedName):
        _fail(
            "a personal column needs both `classification: pii` and `encryptedName`",
            "Give both or neither",
        )
    if is_personal and (kind != "text" or item.encryptedName == item.name):
        _fail(
            "only text can be hashed, under a name of its own",
            "Make the column a string and name its hash, for example phone_hash",
        )
    if is_personal and (item.primaryKey or item.relationships):
        _fail("a key cannot be personal", "Use a number or a UUID as the key")
    return is_personal


def _allowed(item: SchemaProperty, kind: Kind) -> tuple[str, ...] | None:
    if item.enum is None:
        return None
    values = [entry.value for entry in item.enum]
    texts = tuple(value for value in values if isinstance(value, str))
    if kind != "text" or len(texts) != len(values) or len(set(texts)) != len(texts) or not texts:
        _fail("the enum must be a list of distinct texts", "Quote the values; drop repeated ones")
    return texts


def _pattern(value: Any) -> str | None:
    if value is None:
        return None
    try:
        re.compile(value)
    except (re.error, TypeError) as error:
        _fail(f"the pattern is not a regular expression ({error})", "Correct the pattern")
    if not (value.startswith("^") and value.endswith("$")):
        _fail("the pattern is not anchored", "Start it with ^ and end it with $")
    return str(value)


def _max_length(value: Any, size: int | None) -> int | None:
    if value is None:
        return size
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        _fail(f"the maxLength {value!r} is not a positive whole number", "Correct maxLength")
    if size is not None and value > size:
        _fail(f"maxLength {value} does not fit varchar({size})", "Make the two agree")
    return value


def _reference(item: SchemaProperty) -> Reference | None:
    if not item.relationships:
        return None
    target = item.relationships[0].to
    parts = target.split(".") if isinstance(target, str) else []
    if len(item.relationships) != 1 or len(parts) != 2 or not all(parts):
        _fail("the relationship is not `to: source.column`", "Name one column of one source")
    return Reference(source=parts[0], column=parts[1])


def _check_key(column: Column) -> None:
    if not column.is_key:
        return
    if not column.required:
        _fail("a primary key cannot be optional", "Set `required: true`")
    if column.kind not in ("integer", "text"):
        _fail(f"a primary key cannot be a {column.kind}", "Use an integer or a string")


def _check_canonical(column: Column) -> None:
    if column.canonical is not None and column.kind != "text":
        _fail("only text has a canonical form", "Remove the custom property canonical")
    if column.canonical == "uuid" and column.is_personal:
        _fail("a UUID is not hashed", "Remove the custom property canonical or the classification")
