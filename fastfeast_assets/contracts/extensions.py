"""The custom properties a contract may carry: what the standard has no place for.

Belongs here: the exact shape of each of them, as pydantic models that refuse whatever they do
not know. What they mean for a column or a row is decided in `odcs`.
"""

from __future__ import annotations

from typing import Annotated, Any

from open_data_contract_standard.model import CustomProperty
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from fastfeast_assets.contracts.model import Cadence, Canonical, RowRuleKind

Text = Annotated[str, Field(min_length=1)]
Ratio = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


class Quarantine(_Strict):
    """How many quarantined rows of one file are an alert, and how many a failure."""

    warn_rows: Annotated[int, Field(ge=0)]
    warn_ratio: Ratio
    fail_ratio: Ratio


class When(_Strict):
    """The condition of a `required_when` rule: the column holds one of the values."""

    column: Text
    values: Annotated[list[Text], Field(min_length=1)]


class RowRuleSpec(_Strict):
    """A rule over several columns, as it stands in the file."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    kind: RowRuleKind
    column: Text
    description: Text
    when: When | None = None
    other: Text | None = None


class SourceExtensions(_Strict):
    """The custom properties of a source."""

    cadence: Cadence
    target: Annotated[str, Field(pattern=r"^(dim|fact)_[a-z0-9_]{1,40}$")]
    null_tokens: list[str]
    required_null_tokens: list[str]
    quarantine: Quarantine
    row_rules: list[RowRuleSpec] = []
    keep_extra: list[Text] = []


class ColumnExtensions(_Strict):
    """The custom properties of a column."""

    canonical: Canonical | None = None
    was: list[Text] = []


def as_mapping(properties: list[CustomProperty] | None) -> dict[str, Any]:
    """The custom properties by name.

    Raises:
        KeyError: Two of them have the same name.
    """
    values: dict[str, Any] = {}
    for item in properties or []:
        name = item.property or ""
        if name in values:
            raise KeyError(name)
        values[name] = item.value
    return values
