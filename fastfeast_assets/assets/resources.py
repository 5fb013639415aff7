"""The one resource of the assets: settings, contracts and warehouse, made when first used.

Nothing is read and nothing connects before an asset runs, so definitions load anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from fastfeast_assets.assets.stopping import Stopping
from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.contracts.model import Contract
from fastfeast_assets.ingest.judge.mask import NameMasker
from fastfeast_assets.ingest.landing import open_landing
from fastfeast_assets.ingest.landing.discover import Discovery, discover
from fastfeast_assets.ingest.landing.root import LandingRoot
from fastfeast_assets.ingest.landing.shown import Scrub
from fastfeast_assets.settings import Settings, load_settings
from fastfeast_assets.warehouse import identity_guard
from fastfeast_assets.warehouse.database import Warehouse

if TYPE_CHECKING:
    from fastfeast_assets.warehouse.load import FileReport

    ReportListener = Callable[[FileReport], None]


class Platform:
    """What an asset needs of the outside.

    Args:
        settings: Explicit settings; by default those of the environment, read on first use.
        contracts: Explicit contracts; by default those of the settings' directory.
        on_report: Called with the report of every file right after it was handled.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        contracts: Mapping[str, Contract] | None = None,
        on_report: ReportListener | None = None,
        stopping: Stopping | None = None,
    ) -> None:
        self._settings = settings
        self._contracts = contracts
        self._on_report = on_report
        self.stopping = stopping or Stopping()
        self._discovery: tuple[tuple[str, tuple[str, ...] | None], Discovery] | None = None

    @cached_property
    def settings(self) -> Settings:
        """The settings of this process."""
        return self._settings if self._settings is not None else load_settings()

    @cached_property
    def contracts(self) -> Mapping[str, Contract]:
        """All contracts by source."""
        if self._contracts is not None:
            return self._contracts
        return load_contracts(self.settings.contracts_dir)

    @cached_property
    def landing(self) -> LandingRoot:
        """The landing zone."""
        return open_landing(self.settings.landing)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse, with its tables in place."""
        warehouse = Warehouse(self.settings)
        warehouse.prepare(self.contracts)
        return warehouse

    @cached_property
    def scrub(self) -> Scrub:
        """Takes personal values out of a name."""
        return NameMasker(self.settings.pii_key_bytes).scrub

    def discovery(self, run_id: str, folders: Sequence[str] | None) -> Discovery:
        """What stands in these folders, or anywhere; looked up once a run, for all its assets."""
        occasion = (run_id, None if folders is None else tuple(folders))
        if self._discovery is None or self._discovery[0] != occasion:
            self._discovery = (occasion, self.look(folders))
        return self._discovery[1]

    def look(self, folders: Iterable[str] | None = None) -> Discovery:
        """What stands in the landing zone at this moment, or in some of its folders alone."""
        return discover(
            self.landing,
            self.contracts,
            now=datetime.now(self.settings.zone),
            settle_seconds=self.settings.settle_seconds,
            start_date=self.settings.start_date,
            scrub=self.scrub,
            folders=folders,
        )

    def ensure_identity(self) -> None:
        """Refuse to work on a warehouse that these settings do not belong to.

        Raises:
            IdentityError: Clock, first partition or landing zone are others.
        """
        with closing(self.warehouse.connect(autocommit=True)) as connection:
            identity_guard.ensure(connection, self.settings)

    def report(self, report: FileReport) -> None:
        """Tell the listener, if there is one, what became of a file."""
        if self._on_report is not None:
            self._on_report(report)
