"""How deep, wide and ambiguous a decoded JSON value is, found without recursion."""

from __future__ import annotations

from collections.abc import Collection, Container
from dataclasses import dataclass

from fastfeast_assets.ingest.read.json_decoder import RepeatedKeys
from fastfeast_assets.ingest.read.limits import (
    MAXIMUM_DEPTH,
    MAXIMUM_NAME_CHARACTERS,
    MAXIMUM_NAMES,
    MAXIMUM_VALUES,
)

TOO_DEEP = f"nested over {MAXIMUM_DEPTH} levels"
_TOO_WIDE = f"over {MAXIMUM_VALUES} values"
_TOO_MANY_NAMES = f"over {MAXIMUM_NAMES} names that the contract does not know"
_TOO_LONG_NAME = f"a name of over {MAXIMUM_NAME_CHARACTERS} characters"
_CONTAINERS: frozenset[object] = frozenset({dict, list, RepeatedKeys})


@dataclass(frozen=True)
class Shape:
    """The shape of a row.

    Attributes:
        problem: The limit that it breaks, or None.
        has_inner_repeats: Whether a key is repeated in an object within the row.
    """

    problem: str | None = None
    has_inner_repeats: bool = False


def shape_of(row: object, known: Container[str]) -> Shape:
    """The shape of a row.

    Args:
        row: A decoded value; the levels of an object are counted from within it.
        known: The contracted columns.
    """
    has_inner_repeats = False
    values = 0
    depth = 0 if isinstance(row, dict) else 1
    level = [row] if isinstance(row, dict | list) else []
    while level:
        if depth > MAXIMUM_DEPTH:
            return Shape(TOO_DEEP)
        below: list[dict[str, object] | list[object]] = []
        for container in level:
            items = _items(container)
            values += len(items)
            if values > MAXIMUM_VALUES:
                return Shape(_TOO_WIDE)
            if isinstance(container, dict):
                is_row = container is row
                has_inner_repeats |= isinstance(container, RepeatedKeys) and not is_row
                names = [name for name in container if not (is_row and name in known)]
                if is_row and len(names) > MAXIMUM_NAMES:
                    return Shape(_TOO_MANY_NAMES)
                if max(map(len, names), default=0) > MAXIMUM_NAME_CHARACTERS:
                    return Shape(_TOO_LONG_NAME)
            if not _CONTAINERS.isdisjoint(map(type, items)):
                below += [item for item in items if isinstance(item, dict | list)]
        level = below
        depth += 1
    return Shape(has_inner_repeats=has_inner_repeats)


def _items(container: dict[str, object] | list[object]) -> Collection[object]:
    if isinstance(container, RepeatedKeys):
        return [item for _, item in container.pairs]
    return container.values() if isinstance(container, dict) else container
