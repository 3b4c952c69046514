"""What can go wrong with durable state.

::

    StorageError
    ├── DatabaseUnavailableError   database-unavailable
    ├── DatabaseVersionError       database-version
    ├── MissingRowError            missing-row
    └── RevisionTakenError         revision-taken

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


class MissingRowError(StorageError):
    """A change was asked for something that was never stored."""

    code = "missing-row"


class RevisionTakenError(StorageError):
    """This party already gave a receipt for another bundle with the same revision of the same bidder."""

    code = "revision-taken"
