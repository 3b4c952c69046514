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
    """The place where everything is stored failed; what was asked for was not stored."""

    code = "storage-fault"


class StorageUnavailableError(StorageFaultError):
    """Nothing can be stored or read at this moment."""

    code = "storage-unavailable"


class StorageFullError(StorageFaultError):
    """There is no room to store anything more."""

    code = "storage-full"


class DatabaseDamagedError(StorageFaultError):
    """What is stored is not what was written."""

    code = "database-damaged"


class MissingRowError(StorageError):
    """A change was asked for something that was never stored."""

    code = "missing-row"


class RevisionTakenError(StorageError):
    """This party already gave a receipt for another bundle with the same revision of the same bidder."""

    code = "revision-taken"


class ReceivedBeforeError(StorageError):
    """Of several bids that were to be stored together, this party gave a receipt for one before."""

    code = "received-before"
