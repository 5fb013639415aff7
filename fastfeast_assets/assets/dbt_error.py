"""What the database said when dbt failed, out of the many lines that dbt writes about it."""

import re

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_FIRST = re.compile(r"Database Error[^\n]*\n\s*(?P<text>[^\n]+)")
# PostgreSQL's own messages that quote what a row holds.
_VALUE = re.compile(
    r'((?:invalid (?:input|byte)|malformed|could not convert)[^:]*: ).*|(value )".*"( is out)',
    re.IGNORECASE | re.DOTALL,
)


class TransformError(Exception):
    """Models could not be built; the text is what the database said first."""


def first_database_error(text: str) -> str | None:
    """The first thing that the database refused, without values of rows.

    Args:
        text: What dbt wrote.

    Returns:
        One line; None when the database refused nothing, such as when tests found rows.
    """
    found = _FIRST.search(_STYLE.sub("", text))
    if found is None:
        return None
    return _VALUE.sub(r"\1\2***\3", found["text"].strip())
