"""What all repositories share: transactions, and inserting a row once.

A method is a transaction of its own, or part of the one whose ``connection`` it is given. Its work on the tables is a
plain function of a SQLAlchemy connection, so that all of it is one step (:mod:`aukciszek.storage.backends.connection`).
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Row, Table, and_, select
from sqlalchemy.dialects import postgresql, sqlite

from aukciszek.storage.backends.connection import DatabaseConnection, Work
from aukciszek.storage.database import Database


class Repository:
    """A view of the database for one subject."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _write[Result](self, work: Work[Result], connection: DatabaseConnection | None) -> Result:
        return await (self._database.write(work) if connection is None else connection.run(work))

    async def _read[Result](self, work: Work[Result], connection: DatabaseConnection | None) -> Result:
        return await (self._database.read(work) if connection is None else connection.run(work))

    async def _fetch(self, query: Executable, connection: DatabaseConnection | None) -> Sequence[Row[Any]]:
        return await self._read(lambda database: database.execute(query).all(), connection)

    async def _keep(self, table: Table, values: Mapping[str, object], connection: DatabaseConnection | None) -> bool:
        """Insert a row that never changes; return whether the stored row has these values."""
        return await self._write(lambda database: keep(database, table, values), connection)


def keep(database: Connection, table: Table, values: Mapping[str, object]) -> bool:
    """Insert a row that never changes; return whether the stored row has these values."""
    if insert_if_absent(database, table, values):
        return True
    same_row = and_(*(column == values[column.name] for column in table.primary_key))
    given = select(*(table.c[name] for name in values))
    return database.execute(given.where(same_row)).one()._asdict() == values


def insert_if_absent(database: Connection, table: Table, values: Mapping[str, object]) -> bool:
    """Insert a row unless its primary key is taken; return whether it was inserted."""
    return database.execute(_insert_if_absent(database.dialect.name, table), values).rowcount == 1


def insert(dialect_name: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return the database's own form of INSERT, which knows ``ON CONFLICT``."""
    return postgresql.insert(table) if dialect_name == "postgresql" else sqlite.insert(table)


@cache
def _insert_if_absent(dialect_name: str, table: Table) -> Executable:
    # Cached, because building a statement costs SQLAlchemy far more than executing it.
    return insert(dialect_name, table).on_conflict_do_nothing(index_elements=table.primary_key)


def to_row[Kind](kind: type[Kind], row: Row[Any]) -> Kind:
    """Convert a result to a row class whose fields have the columns' names."""
    return kind(**row._asdict())


def to_values(row: object, table: Table) -> dict[str, object]:
    """Convert an instance of a row class to the values of ``table``'s columns."""
    return {column.name: getattr(row, column.name) for column in table.columns}
