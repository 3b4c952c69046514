"""What a party stores beside auctions: its PRSS keys and, on the login server, the accounts."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from aukciszek.storage.connection import DatabaseConnection
from aukciszek.storage.repository import Repository, insert, insert_if_absent, to_row, to_values
from aukciszek.storage.rows import PrssKeyRow, UserRow
from aukciszek.storage.schema import prss_keys, users


class PrssKeyRepository(Repository):
    """The keys of ``docs/protocol.md``, "Randomness without communication: PRSS". None is ever changed."""

    async def put_prss_key(
        self, members: Collection[int], key: bytes, at: datetime, *, connection: DatabaseConnection | None = None
    ) -> bool:
        """Keep the key of a set of parties, the first one for good; tell whether this key is the one stored now."""
        name = members_text(members)

        def work(database: Connection) -> bool:
            insert_if_absent(database, prss_keys, {"members": name, "key": key, "created_at": at})
            stored = database.execute(select(prss_keys.c.key).where(prss_keys.c.members == name))
            return bool(stored.scalar_one() == key)

        return await self._write(work, connection)

    async def prss_key(
        self, members: Collection[int], *, connection: DatabaseConnection | None = None
    ) -> PrssKeyRow | None:
        """Return the key of a set of parties, if it was dealt."""
        query = select(prss_keys).where(prss_keys.c.members == members_text(members))
        rows = await self._fetch(query, connection)
        return to_row(PrssKeyRow, rows[0]) if rows else None

    async def prss_keys(self, *, connection: DatabaseConnection | None = None) -> list[PrssKeyRow]:
        """Return all keys, by their sets' names."""
        rows = await self._fetch(select(prss_keys).order_by(prss_keys.c.members), connection)
        return [to_row(PrssKeyRow, row) for row in rows]

    async def forget_prss_keys(self, *, connection: DatabaseConnection | None = None) -> int:
        """Destroy all keys, in the database and its log; return how many there were."""

        def work(database: Connection) -> int:
            self._database.erase_after_commit()
            return database.execute(delete(prss_keys)).rowcount

        return await self._write(work, connection)


class UserRepository(Repository):
    """The accounts. Addresses are kept in lower case; the accounts layer brings them to one form beforehand."""

    async def add_user(self, row: UserRow, *, connection: DatabaseConnection | None = None) -> bool:
        """Store a new account; False when the address has one already."""
        values = to_values(row, users) | {"email": row.email.lower()}

        def work(database: Connection) -> bool:
            statement = insert(database.dialect.name, users).on_conflict_do_nothing(index_elements=[users.c.email])
            return database.execute(statement, values).rowcount == 1

        return await self._write(work, connection)

    async def user_by_email(self, email: str, *, connection: DatabaseConnection | None = None) -> UserRow | None:
        """Return the account with this address, if there is one."""
        rows = await self._fetch(select(users).where(users.c.email == email.lower()), connection)
        return to_row(UserRow, rows[0]) if rows else None

    async def user_by_uid(self, uid: str, *, connection: DatabaseConnection | None = None) -> UserRow | None:
        """Return the account with this number, if there is one."""
        rows = await self._fetch(select(users).where(users.c.uid == uid), connection)
        return to_row(UserRow, rows[0]) if rows else None

    async def set_password_hash(
        self, uid: str, password_hash: str, *, connection: DatabaseConnection | None = None
    ) -> bool:
        """Replace an account's password hash; tell whether there is such an account."""
        return await self._change(uid, {"password_hash": password_hash}, connection)

    async def set_admin(self, uid: str, *, connection: DatabaseConnection | None = None) -> bool:
        """Let an account create auctions; tell whether there is such an account."""
        return await self._change(uid, {"is_admin": True}, connection)

    async def _change(self, uid: str, values: dict[str, object], connection: DatabaseConnection | None) -> bool:
        statement = update(users).where(users.c.uid == uid).values(values)
        return await self._write(lambda database: database.execute(statement).rowcount == 1, connection)


def members_text(members: Collection[int]) -> str:
    """Name a set of parties: its numbers in ascending order, as ``1,2,4``."""
    return ",".join(str(member) for member in sorted(members))
