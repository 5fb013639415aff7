"""PostgreSQL: connections, the embedded server, migrations, the ledger, the loader.

What a row means is decided in `ingest`; here it is stored, in one transaction a file.
"""

from fastfeast_assets.warehouse.database import Warehouse

__all__ = ["Warehouse"]
