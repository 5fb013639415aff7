"""The build command of the wheel: what stands beside the package in a checkout goes along in it.

Belongs here: which files those are. Where the package looks for them is in
`fastfeast_assets/installation.py`. There is no second copy of any of them in the checkout.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from setuptools.command.build_py import build_py

BUNDLE = Path("fastfeast_assets") / "project"
NAMED = ("dagster.yaml", "workspace.yaml", "requirements/runtime.txt")
DBT_PROJECT = Path("dbt_project")
# What dbt makes below the project.
MADE = ("target", "logs")
THIS = Path("deploy") / "package" / "bundle.py"


class Bundle(build_py):
    """Python modules and package data as always, and the project's files."""

    def run(self) -> None:
        """Build; nothing is copied for an editable installation, which is a checkout."""
        super().run()
        if self.editable_mode:
            return
        place = Path(self.build_lib)
        # What an earlier build left there would go along as well.
        shutil.rmtree(place / BUNDLE, ignore_errors=True)
        for source, target in self._bundled():
            (place / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place / target)

    def get_source_files(self) -> list[str]:
        """What a source distribution needs to build a wheel from."""
        own = super().get_source_files()  # type: ignore[no-untyped-call]
        return [*own, str(THIS), *(str(source) for source, _ in self._bundled())]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """What a build makes."""
        own = [] if self.editable_mode else self._bundled()
        made = [str(Path(self.build_lib) / target) for _, target in own]
        return [*super().get_outputs(include_bytecode), *made]

    @staticmethod
    def _bundled() -> Iterator[tuple[Path, Path]]:
        """Each file in the checkout, and its place in the wheel."""
        of_dbt = sorted(
            path
            for path in DBT_PROJECT.rglob("*")
            if path.suffix in (".sql", ".yml")
            and not path.name.startswith(".")
            and path.relative_to(DBT_PROJECT).parts[0] not in MADE
        )
        for path in (*map(Path, NAMED), *of_dbt):
            yield path, BUNDLE / path
