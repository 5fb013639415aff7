"""The dbt command of this interpreter's environment, as a process with the warehouse's variables.

Belongs here: starting dbt and what its environment needs. Which models run is for `dbt` to say.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from dagster_dbt import DbtCliResource
from packaging.version import Version


class DbtCommand(DbtCliResource):
    """dbt without the adapter that the resource makes in this process as well.

    The adapter serves row counts and column types that the assets get more cheaply; making it
    imports all of dbt, which takes about as long as a whole `dbt build`.
    """

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # type: ignore[override]
        return None

    @cached_property
    def _cli_version(self) -> Version:
        """The installed version; asking the executable would start dbt once more at every run."""
        return Version(version("dbt-core"))


def dbt_command(project_dir: Path) -> DbtCommand:
    """Dbt for this project, whose directory holds the profile too."""
    return DbtCommand(
        project_dir=os.fspath(project_dir),
        profiles_dir=os.fspath(project_dir),
        dbt_executable=os.fspath(executables() / "fastfeast-dbt"),
    )


def executables() -> Path:
    """Where the console scripts of this interpreter are, on the search path or not."""
    return Path(sys.executable).parent


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a moment."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
