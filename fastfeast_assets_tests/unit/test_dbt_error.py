"""One line out of what dbt writes when the database refuses something."""

from __future__ import annotations

import pytest

from fastfeast_assets.assets.dbt_error import first_database_error

MANY = """The dbt CLI process with command `dbt build` failed with exit code `1`.
Errors parsed from dbt logs:

\x1b[31mDatabase Error in model dim_city (models/marts/dim_city.sql)\x1b[0m
  permission denied for schema raw
  LINE 3: from raw.cities
  compiled code at target/run/dim_city.sql

Database Error in model dim_team (models/marts/dim_team.sql)
  something else
"""


def test_the_first_is_told() -> None:
    assert first_database_error(MANY) == "permission denied for schema raw"


def test_one_before_any_model_is_told() -> None:
    text = 'Encountered an error:\nDatabase Error\n  connection failed: database "x" does not exist'
    assert first_database_error(text) == 'connection failed: database "x" does not exist'


def test_rows_that_a_test_found_are_no_error_of_the_database() -> None:
    assert first_database_error("Failure in test unique_x\n  Got 3 results") is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'invalid input syntax for type integer: "Mona"',
            "invalid input syntax for type integer: ***",
        ),
        ('value "01012345678" is out of range for type integer', None),
        ('invalid byte sequence for encoding "UTF8": 0x4d 0x6f', None),
        ('relation "raw.orders" does not exist', 'relation "raw.orders" does not exist'),
    ],
)
def test_values_of_rows_are_not_told(said: str, told: str | None) -> None:
    found = first_database_error(f"Database Error in model m (m.sql)\n  {said}\n")
    assert found is not None
    assert "***" in found or found == told
    assert not {"Mona", "01012345678", "0x4d"} & set(found.replace('"', " ").split())
    assert told in (None, found)
