"""The root of the error tree; each layer grows its own branch below it.

Every error that a user, an operator or another program can meet derives from :class:`AukciszekError`
and has a ``code`` of its own. A code never changes its meaning: scripts and translations rely on it.
``docs/errors.md`` lists them all, and a test fails when one is missing there.

The text of an error says what is wrong *and what to do about it*, and never holds a key, share, token,
password or price.
"""

from typing import ClassVar


class AukciszekError(Exception):
    """The root of all errors that have a name."""

    code: ClassVar[str]
    """Stable, lower-case, hyphenated identifier, unique among all error classes."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
