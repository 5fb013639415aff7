"""Tests of the Dagster layer, on ephemeral instances and a real PostgreSQL."""
