"""Accounts in the login server's own database, where no Supabase is configured."""

import uuid

from aukciszek.accounts.errors import EmailTakenError, UnknownUserError
from aukciszek.accounts.users import ADDRESS_TAKEN, NO_SUCH_ADDRESS, NO_SUCH_NUMBER, StoredUser, User
from aukciszek.clock import Clock
from aukciszek.storage.database import Database
from aukciszek.storage.repositories.users import UserRepository
from aukciszek.storage.rows import UserRow


class EmbeddedUserStore:
    """A :class:`~aukciszek.accounts.users.UserStore` on the table ``users``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._rows = UserRepository(database)
        self._clock = clock

    async def add(self, email: str, password_hash: str) -> User:
        """Create an account without privileges.

        Raises:
            EmailTakenError: the address has an account.
        """
        row = UserRow(
            uid=str(uuid.uuid4()),
            email=email,
            password_hash=password_hash,
            is_admin=False,
            created_at=self._clock.now(),
        )
        if not await self._rows.add_user(row):
            raise EmailTakenError(ADDRESS_TAKEN)
        return _user(row)

    async def by_email(self, email: str) -> StoredUser | None:
        """Return the account of an address, if there is one."""
        return _stored(await self._rows.user_by_email(email))

    async def replace_hash(self, uid: str, new_hash: str) -> None:
        """Store the hash of the same password made with newer parameters.

        Raises:
            UnknownUserError: there is no such account.
        """
        if not await self._rows.set_password_hash(uid, new_hash):
            raise UnknownUserError(NO_SUCH_NUMBER)

    async def grant_admin(self, email: str) -> User:
        """Let an account create auctions.

        Raises:
            UnknownUserError: the address has no account.
        """
        row = await self._rows.user_by_email(email)
        if row is None or not await self._rows.set_admin(row.uid):
            raise UnknownUserError(NO_SUCH_ADDRESS)
        return User(row.uid, row.email, is_admin=True)


def _user(row: UserRow) -> User:
    return User(row.uid, row.email, row.is_admin)


def _stored(row: UserRow | None) -> StoredUser | None:
    return None if row is None else StoredUser(_user(row), row.password_hash)
