"""Dagster assets, one module a kind: landing files, raw tables, dbt models, `ops` tables."""
