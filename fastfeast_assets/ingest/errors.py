"""Why a file as a whole is not loaded. Rows that are refused are reasons, not errors."""

from __future__ import annotations


class FileRejectedError(Exception):
    """The file cannot be read or lacks a contracted column; its text never quotes a cell."""


class FileChangedError(Exception):
    """The file changed or vanished while it was read; it is left for later."""


class StoreError(Exception):
    """The object store of the landing zone cannot be used now; no file is to blame."""
