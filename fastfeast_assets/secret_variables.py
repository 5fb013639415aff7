"""The environment variables that hold secrets; imports nothing, for programs that start often."""

URLS = ("FASTFEAST_WAREHOUSE_URL", "FASTFEAST_TRANSFORM_URL", "FASTFEAST_DAGSTER_URL")
SECRETS = ("FASTFEAST_PII_KEY", "FASTFEAST_PII_KEY_PREVIOUS", "FASTFEAST_ADMIN_URL", *URLS)
"""No program that is not ours has any business with them."""
