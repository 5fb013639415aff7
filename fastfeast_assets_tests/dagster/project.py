"""A dbt project for tests: the layout of the real one with four models, quick to parse and run."""

from __future__ import annotations

from pathlib import Path

FILES = {
    "dbt_project.yml": """
name: small
version: "1.0.0"
config-version: 2
profile: fastfeast
models:
  small:
    staging: {+schema: staging, +materialized: view}
    marts: {+schema: marts, +materialized: table}
""",
    "profiles.yml": """
fastfeast:
  target: warehouse
  outputs:
    warehouse:
      type: postgres
      host: "{{ env_var('FASTFEAST_PG_HOST', '') }}"
      port: "{{ env_var('FASTFEAST_PG_PORT', '5432') | int }}"
      user: "{{ env_var('FASTFEAST_PG_USER', '') }}"
      password: "{{ env_var('FASTFEAST_PG_PASSWORD', '') }}"
      dbname: "{{ env_var('FASTFEAST_PG_DBNAME', '') }}"
      schema: marts
      threads: 2
""",
    "macros/generate_schema_name.sql": """
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
""",
    "models/sources.yml": """
sources:
  - name: raw
    schema: raw
    tables: [{name: cities}, {name: orders}]
  - name: ops
    schema: ops
    tables: [{name: quarantine}]
""",
    "models/staging/stg_cities.sql": "select * from {{ source('raw', 'cities') }}",
    "models/staging/stg_orders.sql": "select * from {{ source('raw', 'orders') }}",
    "models/marts/dim_city.sql": "select city_id, city_name from {{ ref('stg_cities') }}",
    "models/marts/fact_order.sql": """
select order_id, total_amount
from {{ ref('stg_orders') }}
where not exists (select 1 from {{ source('ops', 'quarantine') }} where status = 'none')
""",
    "models/marts/marts.yml": """
models:
  - name: dim_city
    description: One row a city.
    config: {meta: {owner: cartography}}
    columns:
      - name: city_id
        data_type: integer
        description: Number of the city.
        data_tests: [not_null]
""",
}


def write_project(directory: Path) -> Path:
    """Write the project below a directory, and give it."""
    for name, content in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return directory
