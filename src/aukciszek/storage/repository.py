"""What all repositories share: where a method's connection comes from, and how a row is kept once.

A method is a transaction of its own, or takes part in the one whose ``connection`` it is given.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Executable, Row, Table, and_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from aukciszek.storage.database import Database


class Repository:
    """A view of the database for one subject."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def _writing(self, connection: AsyncConnection | None) -> AsyncIterator[AsyncConnection]:
        if connection is not None:
            yield connection
        else:
            async with self._database.transaction() as own:
                yield own

    @asynccontextmanager
    async def _reading(self, connection: AsyncConnection | None) -> AsyncIterator[AsyncConnection]:
        if connection is not None:
            yield connection
        else:
            async with self._database.read() as own:
                yield own

    async def _keep(self, table: Table, values: Mapping[str, object], connection: AsyncConnection | None) -> bool:
        """Insert a row that never changes; tell whether the row that is there now has these values."""
        async with self._writing(connection) as writing:
            if await insert_if_absent(writing, table, values):
                return True
            same_row = and_(*(column == values[column.name] for column in table.primary_key))
            stored = (await writing.execute(select(table).where(same_row))).one()
            return stored._asdict() == values

    async def _fetch(self, statement: Executable, connection: AsyncConnection | None) -> Sequence[Row[Any]]:
        async with self._reading(connection) as reading:
            return (await reading.execute(statement)).all()


async def insert_if_absent(connection: AsyncConnection, table: Table, values: Mapping[str, object]) -> bool:
    """Insert a row unless its primary key is taken; tell whether it was inserted."""
    statement = insert(connection, table).values(dict(values)).on_conflict_do_nothing(index_elements=table.primary_key)
    return (await connection.execute(statement)).rowcount == 1


def insert(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return the database's own form of INSERT, which knows ``ON CONFLICT``."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def to_row[Kind](kind: type[Kind], row: Row[Any]) -> Kind:
    """Turn a result into a row class whose fields have the columns' names."""
    return kind(**row._asdict())


def to_values(row: object, table: Table) -> dict[str, object]:
    """Turn an instance of a row class into the values of ``table``'s columns."""
    return {column.name: getattr(row, column.name) for column in table.columns}
