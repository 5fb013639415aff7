"""Fixtures of property tests: those of the dbt tests."""

from fastfeast_assets_tests.dbt.conftest import built_database as built_database
from fastfeast_assets_tests.dbt.conftest import connection as connection
from fastfeast_assets_tests.dbt.conftest import database_url as database_url
from fastfeast_assets_tests.dbt.conftest import dbt as dbt
from fastfeast_assets_tests.dbt.conftest import is_built as is_built
from fastfeast_assets_tests.dbt.conftest import load as load
from fastfeast_assets_tests.dbt.conftest import marts as marts
from fastfeast_assets_tests.dbt.conftest import project as project
from fastfeast_assets_tests.dbt.conftest import query as query
