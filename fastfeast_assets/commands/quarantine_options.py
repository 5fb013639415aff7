"""What a user may ask of the quarantine: the filters, and the forms of an export."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Where a row was refused."""

    SCHEMA = "schema"
    RECORDS = "records"
    ORPHAN = "orphan"


class Status(StrEnum):
    """What has become of a quarantined row; `all` filters nothing."""

    OPEN = "open"
    RELEASED = "released"
    RESOLVED = "resolved"
    DISCARDED = "discarded"
    ALL = "all"


class Format(StrEnum):
    """The two forms of an export."""

    CSV = "csv"
    NDJSON = "ndjson"


@dataclass(frozen=True)
class Filters:
    """Which rows are wanted; None is any.

    Attributes:
        rule: A rule, `range`, or a rule of a column, `range:order_amount`.
        file: Path below the landing root; `*` stands for any text.
    """

    source: str | None = None
    stage: Stage | None = None
    rule: str | None = None
    status: Status = Status.OPEN
    file: str | None = None
