"""The roles and their rights: one table, by which grants are given, shown and tested."""

from __future__ import annotations

from dataclasses import dataclass

OWNER = "fastfeast_owner"
LOADER = "fastfeast_loader"
TRANSFORMER = "fastfeast_transformer"
CONSOLE = "fastfeast_console"
ANALYST = "fastfeast_analyst"
STEWARD = "fastfeast_steward"

SEARCH_PATH = ("marts", "analytics", "ops")
OF_LOADER = ("raw", "ops")
OF_TRANSFORMER = ("staging", "intermediate", "marts", "analytics")
SCHEMAS = (*OF_LOADER, *OF_TRANSFORMER)

READ = ("select",)
CHANGE = ("insert", "update", "delete")
# What tells one key from another, and who was erased: nobody reads it but who loads.
OF_LOADER_ALONE = ("key_rotation", "pii_key", "suppressed_hash", "suppressed_row")
# Where the models leave what they have digested, found and held back.
WRITTEN_BY_MODELS = (
    *("audit_log", "consumed_load", "failed_row", "failed_test", "pending_key"),
    *("pipeline_file_log", "quarantine", "tested_mart", "withdrawn_member"),
)


@dataclass(frozen=True)
class Role:
    """One of the roles.

    Attributes:
        name: In the database; roles are the server's, not the database's.
        purpose: What it is for, in a few words.
        may_log_in: Whether a program of ours connects as it; people become members of the others.
        member_of: Roles whose rights it has as well.
    """

    name: str
    purpose: str
    may_log_in: bool = False
    member_of: tuple[str, ...] = ()


# In an order in which they can be made.
ROLES = (
    Role(TRANSFORMER, "dbt: reads raw, owns staging to analytics", may_log_in=True),
    Role(OWNER, "owns raw and ops, and may change the marts", member_of=(TRANSFORMER,)),
    Role(LOADER, "loads files; acts as the owner", may_log_in=True, member_of=(OWNER,)),
    Role(CONSOLE, "Dagster's storage; reads ops", may_log_in=True),
    Role(ANALYST, "reads marts and analytics"),
    Role(STEWARD, "reads rejected rows as well", member_of=(ANALYST,)),
)


@dataclass(frozen=True)
class Right:
    """What a role may do with tables of a schema.

    Attributes:
        role: Who.
        schema: Where.
        privileges: What, as PostgreSQL names it.
        tables: Which; None for all that there are and will be.
        but: Those of all that are left out.
    """

    role: str
    schema: str
    privileges: tuple[str, ...]
    tables: tuple[str, ...] | None = None
    but: tuple[str, ...] = ()


RIGHTS = (
    Right(ANALYST, "marts", READ),
    Right(ANALYST, "analytics", READ),
    Right(STEWARD, "ops", READ, tables=("hash_pair", "quarantine")),
    Right(CONSOLE, "ops", READ, but=OF_LOADER_ALONE),
    Right(TRANSFORMER, "raw", READ),
    Right(TRANSFORMER, "ops", READ, but=OF_LOADER_ALONE),
    Right(TRANSFORMER, "ops", CHANGE, tables=WRITTEN_BY_MODELS),
)


def single() -> dict[str, list[str]]:
    """The rights one by one, as columns for `unnest`.

    Returns:
        `roles`, `schemas`, `tables` (empty for all) and `privileges`, all of one length.
    """
    rows = [
        (right.role, right.schema, table, privilege)
        for right in RIGHTS
        for table in (right.tables or ("",))
        for privilege in right.privileges
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    return dict(zip(("roles", "schemas", "tables", "privileges"), columns, strict=True))


def left_out() -> list[str]:
    """Tables that a right to all of a schema does not mean, as `role schema.table`."""
    return [f"{right.role} {right.schema}.{name}" for right in RIGHTS for name in right.but]
