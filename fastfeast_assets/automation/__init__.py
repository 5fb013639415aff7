"""When and how assets run: partitions, jobs, the one-shot ingestion, the Dagster instance."""
