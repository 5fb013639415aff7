"""What is stored of values that no contract knows: enough to see what came, nobody in clear.

Belongs here: the rule for uncontracted columns and for what a malformed row has beyond its
columns. Source of the rule: docs/adr/0026-personal-data-outside-its-columns.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.identities import ID_DIGITS, mobile, whole_digits
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.ingest.judge.scrub import person_of
from fastfeast_assets.ingest.read.chunks import BareWord, NumberText
from fastfeast_assets.ingest.read.limits import MAXIMUM_DEPTH
from fastfeast_assets.ingest.read.text import storable

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_LITERAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE](\+?[0-9]{1,2}|-[0-9]{1,3}))?")
LITERAL_CHARACTERS = 200
NAMES_REMEMBERED = 10_000
_BOOLEANS = frozenset({"true", "false"})
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_HMAC = re.compile(r"[0-9a-f]{64}")
# The names and pairs of a malformed row stand around its values.
_DEEPEST = MAXIMUM_DEPTH + 2


class Hidden(dict[str, object]):
    """What was stored of a text or number: `type` (of JSON), `length` in characters, `hmac`."""


def as_hidden(value: dict[str, Any]) -> dict[str, Any]:
    """A JSON object of the warehouse, told apart where it stands for a hidden value."""
    is_hidden = (
        value.keys() == {"type", "length", "hmac"}
        and value["type"] in {"string", "number"}
        and isinstance(value["hmac"], str)
        and _HMAC.fullmatch(value["hmac"]) is not None
    )
    return Hidden(value) if is_hidden else value


def is_literal(text: str) -> bool:
    """Whether the text is a JSON number that `jsonb` holds with all its digits."""
    return len(text) <= LITERAL_CHARACTERS and _LITERAL.fullmatch(text) is not None


def may_be_personal(number: str) -> bool:
    """Whether a number may be a mobile or an id: by its whole part, in whatever form it stands.

    A number too long to be looked at may be one.
    """
    if len(number) > LITERAL_CHARACTERS or _NUMBER.fullmatch(number) is None:
        return True
    number = number.lstrip("+-")
    digits = whole_digits(number)
    if digits is None:
        return "e" not in number.lower() and len(number.partition(".")[0]) >= min(ID_DIGITS)
    return len(digits) >= min(ID_DIGITS) or mobile(digits) is not None


class Extras:
    """Makes what is stored of uncontracted values: `_extra` and `_surplus`.

    Numbers, booleans, nulls and dates stay as they are, unless a number may be a mobile or an id.
    Text becomes `Hidden`, leaf by leaf; names are scrubbed, those of columns alike in every load.

    Args:
        contract: The source's contract, which may name columns whose text is kept and scrubbed.
        masker: Hashes and scrubs.
        is_json: Whether the file was JSON, where a number in quotes is text.
    """

    def __init__(self, contract: Contract, masker: Masker, *, is_json: bool) -> None:
        self._masker = masker
        self._is_json = is_json
        self._names: dict[str, str] = {}
        self._keep = frozenset(contract.keep_extra)
        self._in_clear = frozenset(contract.null_tokens) | {c.name for c in contract.columns}

    def name(self, name: str) -> str:
        """The name of a column of a file without personal values; one of the contract's stays."""
        if name not in self._names:
            if len(self._names) >= NAMES_REMEMBERED:
                self._names.clear()
            self._names[name] = storable(self._masker.scrub_name(name))
        return self._names[name]

    def of(self, values: Mapping[str, object]) -> dict[str, object]:
        """What is stored of uncontracted columns, for `json_decoder.written`.

        Args:
            values: By name, as the reader gives them: text, `NumberText`, bool, None, and
                dictionaries and lists of these. `Hidden` values stay as they are.
        """
        stored = (
            (self.name(name), self._stored(value, is_kept=name in self._keep, depth=1))
            for name, value in values.items()
        )
        return _told_apart(stored)

    def surplus(self, values: Iterable[object]) -> list[object]:
        """The same of values without names; names of the contract among them stay readable."""
        return [self._stored(value, is_kept=False, depth=1) for value in values]

    def _stored(self, value: object, *, is_kept: bool, depth: int) -> object:
        if value is None or isinstance(value, bool | Hidden):
            return value
        if isinstance(value, dict | list) and depth > _DEEPEST:
            return {"type": "object" if isinstance(value, dict) else "array", "length": len(value)}
        if isinstance(value, dict):
            return _told_apart(
                (
                    storable(self._masker.scrub(name)),
                    self._stored(item, is_kept=is_kept, depth=depth + 1),
                )
                for name, item in value.items()
            )
        if isinstance(value, list):
            return [self._stored(item, is_kept=is_kept, depth=depth + 1) for item in value]
        if isinstance(value, NumberText):
            return self._number(value)
        return self._text(str(value), is_kept=is_kept or isinstance(value, BareWord))

    def _number(self, number: str) -> object:
        if may_be_personal(number):
            return self._hidden("number", number)
        return NumberText(number) if is_literal(number) else number

    def _text(self, text: str, *, is_kept: bool) -> object:
        if not self._is_json:
            trimmed = text.strip()
            if _NUMBER.fullmatch(trimmed):
                is_personal = may_be_personal(trimmed)
                return self._hidden("number", text) if is_personal else self._number_cell(text)
            if trimmed.lower() in _BOOLEANS:
                return text
        if text in self._in_clear or _is_moment(text):
            return text
        if is_kept:
            return storable(self._masker.scrub(text))
        return self._hidden("string", text)

    def _number_cell(self, text: str) -> str:
        """A CSV cell that reads as a number; `007` and ` 7` are no JSON numbers but text."""
        return NumberText(text) if is_literal(text) else text

    def _hidden(self, kind: str, text: str) -> Hidden:
        value = person_of(text) or text
        return Hidden(type=kind, length=len(text), hmac=self._masker.digest(value))


def _told_apart(items: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Pairs as an object; scrubbed names that are the same are told apart by a number."""
    named: dict[str, object] = {}
    taken: Counter[str] = Counter()
    for plain, value in items:
        chosen = plain
        while chosen in named:
            taken[plain] += 1
            chosen = f"{plain} ({taken[plain] + 1})"
        named[chosen] = value
    return named


def _is_moment(text: str) -> bool:
    match = _MOMENT.fullmatch(text)
    if match is None:
        return False
    try:
        date.fromisoformat(match.group(1))
    except ValueError:
        return False
    return True
