"""The accounts, at the login server."""

from sqlalchemy import Connection, select, update

from aukciszek.storage.backends.connection import DatabaseConnection
from aukciszek.storage.repositories.repository import Repository, insert, to_row, to_values
from aukciszek.storage.rows import UserRow
from aukciszek.storage.schema import users


class UserRepository(Repository):
    """The accounts. Addresses are stored in lower case; the accounts layer normalises them beforehand."""

    async def add_user(self, row: UserRow, *, connection: DatabaseConnection | None = None) -> bool:
        """Store a new account; return False when the address has one already."""
        values = to_values(row, users) | {"email": row.email.lower()}

        def work(database: Connection) -> bool:
            statement = insert(database.dialect.name, users).on_conflict_do_nothing(index_elements=[users.c.email])
            return database.execute(statement, values).rowcount == 1

        return await self._write(work, connection)

    async def user_by_email(self, email: str, *, connection: DatabaseConnection | None = None) -> UserRow | None:
        """Return the account with this address, if there is one."""
        rows = await self._fetch(select(users).where(users.c.email == email.lower()), connection)
        return to_row(UserRow, rows[0]) if rows else None

    async def set_password_hash(
        self, uid: str, password_hash: str, *, connection: DatabaseConnection | None = None
    ) -> bool:
        """Replace an account's password hash; return whether the account exists."""
        return await self._change(uid, {"password_hash": password_hash}, connection)

    async def set_admin(self, uid: str, *, connection: DatabaseConnection | None = None) -> bool:
        """Let an account create auctions; return whether the account exists."""
        return await self._change(uid, {"is_admin": True}, connection)

    async def _change(self, uid: str, values: dict[str, object], connection: DatabaseConnection | None) -> bool:
        statement = update(users).where(users.c.uid == uid).values(values)
        return await self._write(lambda database: database.execute(statement).rowcount == 1, connection)
