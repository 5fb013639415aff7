"""The commands of `fastfeast`, one module each; `cli` mounts them.

A command reads settings, calls the layer that does the work and shows what came of it. Heavy
imports (Dagster, pandas, dbt) stay inside the functions that need them, so that `--help` is quick.
"""
