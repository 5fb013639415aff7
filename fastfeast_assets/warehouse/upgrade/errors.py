"""Why a warehouse and this version of the code do not fit; each text says what to do."""


class MigrationError(Exception):
    """The database and this version of the code do not fit; nothing was changed."""


class NewerWarehouseError(MigrationError):
    """A newer version has been at work on this warehouse."""


class UpgradeNeededError(MigrationError):
    """The warehouse has to change in a way that a person should see first."""


class WarehouseBusyError(MigrationError):
    """Somebody is at work on the warehouse, which can therefore not be changed now."""
