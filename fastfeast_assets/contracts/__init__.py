"""What every source promises, and everything that follows from it.

`sources/` holds one Open Data Contract Standard file a source: the only place where a column or
a rule is written down. `load` reads them; `ddl`, `pandera_schema`, `dbt_sources` and
`dictionary` render them. Nothing here knows files of data, databases or Dagster.
"""
