"""The login server's marks about log-ins, stored so that a restart does not reset the limits.

A mark is a number and a moment under a key. Only :mod:`aukciszek.accounts.throttle` knows their meaning.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from aukciszek.storage.backends.connection import DatabaseConnection
from aukciszek.storage.repositories.repository import Repository, insert, to_row, to_values
from aukciszek.storage.rows import LoginMarkRow
from aukciszek.storage.schema import login_marks

type Marks = Mapping[str, LoginMarkRow]
type Changes = Mapping[str, LoginMarkRow | None]
"""The marks to store, by key; None for a mark to remove."""


class LoginMarkRepository(Repository):
    """The marks. They expire, and expired ones are never returned."""

    async def change[Result](
        self,
        keys: Collection[str],
        now: datetime,
        decide: Callable[[Marks], tuple[Result, Changes]],
        *,
        connection: DatabaseConnection | None = None,
    ) -> Result:
        """Let ``decide`` read and change some marks, atomically.

        Args:
            keys: of the marks that ``decide`` is given, where they exist.
            now: marks that expired by then are omitted.
            decide: returns the answer and the changes. It may be repeated, so it has no effects of its own.
            connection: the transaction to take part in.
        """

        def work(database: Connection) -> Result:
            rows = database.execute(select(login_marks).where(login_marks.c.key.in_(keys))).all()
            marks = {row.key: to_row(LoginMarkRow, row) for row in rows if row.expires_at > now}
            result, changes = decide(marks)
            for key, mark in changes.items():
                _store(database, key, mark)
            return result

        return await self._write(work, connection)

    async def tidy(self, now: datetime, *, most: int, connection: DatabaseConnection | None = None) -> int:
        """Remove expired marks and, of more than ``most``, those that expire soonest; return how many are left."""

        def work(database: Connection) -> int:
            database.execute(delete(login_marks).where(login_marks.c.expires_at <= now))
            count: int = database.execute(select(func.count()).select_from(login_marks)).scalar_one()
            if count <= most:
                return count
            soonest = select(login_marks.c.key).order_by(login_marks.c.expires_at).limit(count - most)
            database.execute(delete(login_marks).where(login_marks.c.key.in_(soonest.scalar_subquery())))
            return most

        return await self._write(work, connection)


def _store(database: Connection, key: str, mark: LoginMarkRow | None) -> None:
    if mark is None:
        database.execute(delete(login_marks).where(login_marks.c.key == key))
        return
    values = to_values(mark, login_marks)
    statement = insert(database.dialect.name, login_marks).values(values)
    database.execute(statement.on_conflict_do_update(index_elements=login_marks.primary_key, set_=values))
