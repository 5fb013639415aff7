"""The Dagster instance of the platform: where its home is and how a command opens it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp

import dagster as dg

from fastfeast_assets.settings import PROJECT_ROOT, Settings

CONFIGURATION = PROJECT_ROOT / "dagster.yaml"
# Daemons are heard of every 30 s; Dagster's console calls them unhealthy after so long.
HEARTBEAT_SECONDS = 300.0


def dagster_home(settings: Settings) -> Path:
    """The directory for `DAGSTER_HOME`, with the project's `dagster.yaml` in it."""
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    target = home / CONFIGURATION.name
    content = CONFIGURATION.read_bytes()
    if not target.exists() or target.read_bytes() != content:
        # Of its own name: two may start at once.
        descriptor, fresh = mkstemp(dir=home, prefix=f".{target.name}.")
        with open(descriptor, "wb") as file:
            file.write(content)
        Path(fresh).replace(target)
    return home


def silent_daemons(instance: dg.DagsterInstance, now: float) -> dict[str, float | None]:
    """The daemons that should be at work and have not been heard of of late.

    Args:
        instance: Its configuration says which daemons it needs.
        now: Seconds since the epoch.

    Returns:
        Seconds since the last heartbeat by name of the daemon, None if there never was one.
    """
    heard = instance.get_daemon_heartbeats()
    ages = {
        name: now - heard[name].timestamp if name in heard else None
        for name in sorted(instance.get_required_daemon_types())
    }
    return {name: age for name, age in ages.items() if age is None or age > HEARTBEAT_SECONDS}


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open the persistent instance; its storage follows these settings."""
    from fastfeast_assets.automation.storage import settings_in_force

    token = settings_in_force.set(settings)
    try:
        with dg.DagsterInstance.from_config(str(dagster_home(settings))) as instance:
            yield instance
    finally:
        settings_in_force.reset(token)
