"""Databases for the tests of this folder, of each kind: what holds for one must hold for the other.

PostgreSQL is started for the tests alone, on a socket in a temporary directory. Where it is not installed, its half of
the tests is skipped; in continuous integration a skip is a failure.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # ships no types
import pytest
from sqlalchemy import Connection

from aukciszek.storage.database import Database
from aukciszek.storage.schema import metadata
from support.postgresql import running_postgresql


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'party.db'}"


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    database = await Database.open(sqlite_url)
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database without rows."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgresql_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """A database without anything."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "empty_postgresql_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.open(database_url)
    yield database
    await database.close()


@pytest.fixture
async def empty_postgresql_url(postgresql_socket: Path) -> str:
    connection = await asyncpg.connect(host=str(postgresql_socket), user="postgres", database="postgres")
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()
    return f"postgresql://postgres@/postgres?host={postgresql_socket}"


@pytest.fixture
async def postgresql_url(postgresql_socket: Path) -> str:
    """Far quicker than making the tables anew for every test."""
    connection = await asyncpg.connect(host=str(postgresql_socket), user="postgres", database="postgres")
    if await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = 'kept'") == 0:
        await connection.execute("CREATE DATABASE kept")
    await connection.close()
    url = f"postgresql://postgres@/kept?host={postgresql_socket}"
    database = await Database.open(url)
    await database.write(delete_all_rows)
    await database.close()
    return url


def delete_all_rows(connection: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        connection.execute(table.delete())


@pytest.fixture(scope="session")
def postgresql_socket() -> Iterator[Path]:
    with running_postgresql() as server:
        yield server.directory
