"""FastFeast's landing files as a PostgreSQL star schema, built from Dagster assets."""
