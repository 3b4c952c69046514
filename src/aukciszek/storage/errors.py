"""What can go wrong with durable state.

::

    StorageError
    ├── DatabaseUnavailableError   database-unavailable
    ├── DatabaseVersionError       database-version
    ├── StorageFaultError          storage-fault
    │   ├── StorageUnavailableError   storage-unavailable
    │   ├── StorageFullError          storage-full
    │   └── DatabaseDamagedError      database-damaged
    ├── MissingRowError            missing-row
    ├── RevisionTakenError         revision-taken
    └── ReceivedBeforeError        received-before

No text here quotes a statement's parameters: they hold keys, password hashes and bids.
"""

from aukciszek.errors import AukciszekError


class StorageError(AukciszekError):
    """Durable state cannot be read or written."""

    code = "storage"


class DatabaseUnavailableError(StorageError):
    """The database cannot be opened."""

    code = "database-unavailable"


class DatabaseVersionError(StorageError):
    """The database was written by a newer version of this program."""

    code = "database-version"


class StorageFaultError(StorageError):
    """The storage failed; nothing was stored."""

    code = "storage-fault"


class StorageUnavailableError(StorageFaultError):
    """Nothing can be stored or read now."""

    code = "storage-unavailable"


class StorageFullError(StorageFaultError):
    """The storage is full."""

    code = "storage-full"


class DatabaseDamagedError(StorageFaultError):
    """The stored data is not what was written."""

    code = "database-damaged"


class MissingRowError(StorageError):
    """A row that is to be changed does not exist."""

    code = "missing-row"


class RevisionTakenError(StorageError):
    """This party already gave a receipt for another bundle with the same revision of the same bidder."""

    code = "revision-taken"


class ReceivedBeforeError(StorageError):
    """This party gave a receipt before for one of several bids that were to be stored together."""

    code = "received-before"
