"""What a contract is once it has been read: plain, frozen values.

Belongs here: the shape of a contract and look-ups on it. Reading the YAML files is in
`odcs` and `load`; turning a contract into tables, checks and documents is in `ddl`,
`pandera_schema`, `dbt_sources` and `dictionary`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

Kind = Literal["integer", "number", "text", "boolean", "date", "timestamp"]
Canonical = Literal["phone", "digits", "email", "uuid"]
Cadence = Literal["batch", "stream"]
RowRuleKind = Literal["required_when", "not_before"]


class ContractError(ValueError):
    """A contract file is wrong; the message names the file, the column and the next step."""

    def __init__(self, file: str, problem: str, fix: str, *, column: str | None = None) -> None:
        where = f"{file}, column {column}" if column is not None else file
        super().__init__(f"{where}: {problem}. {fix}.")
        self.file = file
        self.column = column


@dataclass(frozen=True)
class Reference:
    """The key of another source that a column points to."""

    source: str
    column: str


@dataclass(frozen=True)
class Column:
    """One column of a source.

    Attributes:
        name: Name in the source's files.
        kind: What a value is once parsed.
        physical_type: PostgreSQL type of the raw table, normalised (`integer`, `numeric(10,2)`,
            `varchar(36)`, `timestamp`, ...). That of the clear value for a personal column.
        description: What the column means to the business.
        required: Whether null is a violation.
        is_key: Whether the column is the source's primary key.
        is_personal: Whether the value must be hashed before it is stored.
        stored_as: Name in the raw table; differs from `name` for personal columns only.
        canonical: How text is brought to one form before it is checked and stored or hashed.
        allowed: The only values that may occur, in the contract's order.
        pattern: Regular expression, anchored at both ends, that the canonical text matches.
        minimum: Smallest value allowed; a date for dates and timestamps.
        maximum: Largest value allowed; a date (that whole day included) for timestamps.
        scale: Digits after the point, from `numeric(p,s)`.
        max_length: Most characters allowed.
        reference: The key this column points to.
        was: Names that the raw table had for it before, newest first.
        is_confidential: Whether the value is stored as it is, but is for readers of the table only:
            a name, or what people write.
    """

    name: str
    kind: Kind
    physical_type: str
    description: str
    required: bool
    is_key: bool
    is_personal: bool
    stored_as: str
    canonical: Canonical | None
    allowed: tuple[str, ...] | None
    pattern: str | None
    minimum: Decimal | date | None
    maximum: Decimal | date | None
    scale: int | None
    max_length: int | None
    reference: Reference | None
    was: tuple[str, ...] = ()
    is_confidential: bool = False

    @property
    def is_shown(self) -> bool:
        """Whether its values may stand where everybody looks: in reasons, in the console."""
        return not (self.is_personal or self.is_confidential)

    @property
    def precision(self) -> int | None:
        """Digits in all, from `numeric(p,s)`."""
        if self.scale is None:
            return None
        return int(self.physical_type.removeprefix("numeric(").partition(",")[0])

    @property
    def is_free_text(self) -> bool:
        """Whether anything may stand in it, so that people write about people there."""
        is_bound = self.is_personal or self.canonical or self.allowed or self.pattern
        return self.kind == "text" and not is_bound


@dataclass(frozen=True)
class RowRule:
    """A rule over several columns of one row; `name` is the rule's name in the quarantine.

    `required_when`: `column` is not null when `when_column` is one of `when_values`.
    `not_before`: `column` is not earlier than `other`; either may be null. Instants decide where
    they are known, else the business clock.
    """

    name: str
    column: str
    kind: RowRuleKind
    description: str
    when_column: str | None
    when_values: tuple[str, ...]
    other: str | None


@dataclass(frozen=True)
class Contract:
    """What one source promises.

    Attributes:
        source: Name of the source, of its files and of its raw table.
        title: Name of the source for people.
        description: What the source holds, with its grain.
        version: Version of the contract.
        owner: Team that answers for the source.
        cadence: `batch` sources come daily, `stream` sources hourly.
        target: Table of the star schema that the rows end in, the `source_table` of the ledger.
        formats: File formats in which the source may come, the preferred one first: of two files
            of one partition that one is loaded.
        columns: The columns in the order of the raw table.
        row_rules: Rules over several columns.
        null_tokens: Texts that mean null in any column; compared exactly.
        required_null_tokens: Texts that count as missing in a required text column; compared
            trimmed and in lower case.
        keep_extra: Columns that the contract does not know, whose text is kept nevertheless,
            scrubbed; all other uncontracted text is stored as its length and hash.
        quarantine_warn_rows: More quarantined rows of one file than this is an alert.
        quarantine_warn_ratio: A larger share of quarantined rows than this is an alert.
        quarantine_fail_ratio: A larger share of quarantined rows than this fails the check.
        sla_minutes: Streams: minutes after the end of an hour by which its folder is loaded.
        sla_cron: Batch: cron schedule, on the business clock, of the daily deadline.
    """

    source: str
    title: str
    description: str
    version: str
    owner: str
    cadence: Cadence
    target: str
    formats: tuple[str, ...]
    columns: tuple[Column, ...]
    row_rules: tuple[RowRule, ...]
    null_tokens: tuple[str, ...]
    required_null_tokens: tuple[str, ...]
    keep_extra: tuple[str, ...]
    quarantine_warn_rows: int
    quarantine_warn_ratio: float
    quarantine_fail_ratio: float
    sla_minutes: int | None
    sla_cron: str | None

    @property
    def key(self) -> Column:
        """The primary key column."""
        return next(column for column in self.columns if column.is_key)

    @property
    def hidden_columns(self) -> frozenset[str]:
        """Names of the columns whose values are not shown."""
        return frozenset(column.name for column in self.columns if not column.is_shown)

    @property
    def personal_columns(self) -> tuple[Column, ...]:
        """The columns that are stored hashed."""
        return tuple(column for column in self.columns if column.is_personal)

    @property
    def references(self) -> tuple[Column, ...]:
        """The columns that point to another source."""
        return tuple(column for column in self.columns if column.reference is not None)

    def column(self, name: str) -> Column:
        """The column of that name in the source's files.

        Raises:
            KeyError: The contract has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"the contract of {self.source} has no column {name!r}")
