"""What `dagster dev` loads."""

from fastfeast_assets.build import build_definitions

defs = build_definitions()
