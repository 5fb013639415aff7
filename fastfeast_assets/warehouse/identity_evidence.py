"""What an older warehouse tells of whose it is, though it keeps no identity.

Its ledger knows the first partition by its master files, and the landing zone by the files that
stand there. Of its clock nothing tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import psycopg

from fastfeast_assets.ingest.landing.discover import LandingFile
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.identity import IdentityError


@dataclass(frozen=True)
class Evidence:
    """What the ledger says.

    Attributes:
        loaded: Files whose rows raw holds.
        standing: Those of them that stand in the landing zone, as long as they were then.
        master_date: The partition of the master files; None when none are loaded.
        first_date: The first day of which another file is loaded.
    """

    loaded: int
    standing: int
    master_date: date | None
    first_date: date | None

    def ensure_fits(self, settings: Settings) -> None:
        """Let only those settings pass that the warehouse may have been loaded with.

        Raises:
            IdentityError: It was not; or, unless they accept it, none of its files is there.
        """
        start = settings.start_date
        if self.master_date is not None and self.master_date != start:
            raise IdentityError(
                f"FASTFEAST_START_DATE is {start}, but the master files of this warehouse are in"
                f" the partition {self.master_date}: set FASTFEAST_START_DATE={self.master_date}"
            )
        if self.first_date is not None and self.first_date < start:
            raise IdentityError(
                f"FASTFEAST_START_DATE is {start}, but this warehouse holds files of"
                f" {self.first_date}: set it to what it was when they were loaded"
            )
        if self.loaded and not self.standing and not settings.accept_new_landing:
            raise IdentityError(
                f"none of the {self.loaded} loaded files stands in the landing zone"
                f" {settings.landing}: set FASTFEAST_LANDING; or, if it is the zone and they left"
                " it, FASTFEAST_ACCEPT_NEW_LANDING=true once"
            )


def evidence(connection: psycopg.Connection, files: Sequence[LandingFile]) -> Evidence:
    """What the ledger says of itself and of the files of a landing zone."""
    row = connection.execute(
        "select count(*), count(found.path),"
        " min(partition_at) filter (where starts_with(file_path, 'master/'))::date,"
        " min(partition_at) filter (where not starts_with(file_path, 'master/'))::date"
        " from ops.pipeline_file_log"
        " left join unnest(%s::text[], %s::bigint[]) as found (path, size)"
        " on found.path = file_path and found.size = bytes where is_loaded",
        [[file.relative_path for file in files], [file.size for file in files]],
    ).fetchone()
    assert row is not None  # noqa: S101
    return Evidence(*row)
