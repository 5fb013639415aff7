"""What the shell offers after a Tab: sources, rules, paths that the ledger knows.

Whatever is in the way, nothing is offered then: a person who types must not see an error.
"""

from __future__ import annotations

from collections.abc import Callable

COMPLETED = 200

Completer = Callable[[str], list[str]]


def sources(incomplete: str) -> list[str]:
    """The contracted sources, by the names of their files."""
    return [name for name in _contracts() if name.startswith(incomplete)]


def rules(incomplete: str) -> list[str]:
    """The rules that a row can be refused by."""
    from fastfeast_assets.commands.quarantine_options import RULES

    return [name for name in RULES if name.startswith(incomplete)]


def loaded_files(incomplete: str) -> list[str]:
    """Paths of the ledger, if the server is there; it is not started for this."""
    try:
        return _loaded_files(incomplete)
    except Exception:  # noqa: BLE001 - see above
        return []


def _contracts() -> list[str]:
    from fastfeast_assets.contracts.load import SUFFIX
    from fastfeast_assets.settings import SettingsError, load_blueprint

    try:
        directory = load_blueprint().contracts_dir
    except (SettingsError, OSError):
        return []
    return sorted(path.name.removesuffix(SUFFIX) for path in directory.glob(f"*{SUFFIX}"))


def _loaded_files(incomplete: str) -> list[str]:
    from fastfeast_assets.settings import load_settings
    from fastfeast_assets.warehouse import Warehouse
    from fastfeast_assets.warehouse.server import running_pid

    settings = load_settings()
    if settings.warehouse_url is None and running_pid(settings) is None:
        return []
    with Warehouse(settings).connect(autocommit=True) as connection:
        rows = connection.execute(
            "select file_path from ops.pipeline_file_log"
            " where is_latest and starts_with(file_path, %s) order by file_path limit %s",
            [incomplete, COMPLETED],
        ).fetchall()
    return [path for (path,) in rows]
