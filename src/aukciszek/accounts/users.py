"""Users, and the interface of a store of accounts.

Privileges are granted, never claimed: no request makes an administrator, only :meth:`UserStore.grant_admin`, which an
operator calls on the login server's machine.
"""

from dataclasses import dataclass, field
from typing import Final, Protocol

ADDRESS_TAKEN: Final = "this address has an account already: log in, or use another address"
NO_SUCH_ADDRESS: Final = "no account has this address: its owner registers first"
NO_SUCH_NUMBER: Final = "no account has this number"
"""The messages of every store."""


@dataclass(frozen=True, slots=True)
class User:
    """One account, without its password."""

    uid: str
    """A random UUID (version 4) in its usual spelling."""
    email: str
    """In the form of :func:`~aukciszek.email_address.normal_email`."""
    is_admin: bool


@dataclass(frozen=True, slots=True)
class StoredUser:
    """One account with the hash of its password."""

    user: User
    password_hash: str = field(repr=False)


class UserStore(Protocol):
    """A store of accounts.

    Addresses are in the form of :func:`~aukciszek.email_address.normal_email`.
    """

    async def add(self, email: str, password_hash: str) -> User:
        """Create an account without privileges.

        Raises:
            EmailTakenError: the address has an account; also when two are made at the same moment.
        """
        ...

    async def by_email(self, email: str) -> StoredUser | None:
        """Return the account of an address, if there is one."""
        ...

    async def replace_hash(self, uid: str, new_hash: str) -> None:
        """Store the hash of the same password made with newer parameters.

        Raises:
            UnknownUserError: there is no such account.
        """
        ...

    async def grant_admin(self, email: str) -> User:
        """Let an account create auctions.

        Raises:
            UnknownUserError: the address has no account.
        """
        ...
