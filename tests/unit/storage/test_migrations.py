import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from aukciszek.storage.database import Database
from aukciszek.storage.errors import DatabaseVersionError
from aukciszek.storage.schema import metadata


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    database = await Database.open(empty_database_url)
    yield database
    await database.close()


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


def version(connection: Connection) -> list[str]:
    return list(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())


def described(connection: Connection) -> dict[str, object]:
    """Return what comparing leaves out: primary keys, foreign keys and unique indexes with their conditions."""
    inspector = inspect(connection)
    return {
        name: (
            inspector.get_pk_constraint(name)["constrained_columns"],
            [key["referred_table"] for key in inspector.get_foreign_keys(name)],
            sorted((index["name"] or "", index["unique"]) for index in inspector.get_indexes(name)),
        )
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }


async def test_migrations_from_nothing_give_the_schema(database: Database) -> None:
    assert await database.read(differences) == []
    migrated = await database.read(described)
    await database.write(metadata.drop_all)
    await database.write(metadata.create_all)
    assert await database.read(described) == migrated
    assert set(migrated) == set(metadata.tables)


async def test_opening_again_changes_nothing(database: Database, empty_database_url: str) -> None:
    before = await database.read(version)
    again = await Database.open(empty_database_url)
    assert await again.read(version) == before
    await again.close()


async def test_two_processes_may_open_an_empty_database_at_once(sqlite_url: str) -> None:
    opened = await asyncio.gather(*(Database.open(sqlite_url) for _ in range(3)))
    for database in opened:
        await database.close()


async def test_a_database_of_a_newer_version_is_refused_and_not_touched(
    database: Database, empty_database_url: str
) -> None:
    await database.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(DatabaseVersionError, match=r"9999.*install that version"):
        await Database.open(empty_database_url)
    assert await database.read(version) == ["9999"]


async def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'party.db'}"
    with monkeypatch.context() as patched:
        patched.setattr("aukciszek.storage.database.upgrade", half_an_upgrade)
        with pytest.raises(ZeroDivisionError):
            await Database.open(url)
    database = await Database.open(url)
    assert await database.read(differences) == []
    await database.close()


def half_an_upgrade(connection: Connection) -> None:
    metadata.tables["auctions"].create(connection)
    raise ZeroDivisionError


async def test_the_keys_of_the_cluster_are_erased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, key = f"sqlite:///{tmp_path / 'party.db'}", bytes(range(32, 64))
    with monkeypatch.context() as patched:
        patched.setattr("aukciszek.storage.migrations.command.upgrade", upgrade_to_version_4)
        database = await Database.open(url)

    def insert_key(connection: Connection) -> None:
        values = {"key": key}
        connection.execute(text("INSERT INTO prss_keys VALUES ('1,2', :key, '2026-01-31T12:00:00.000Z')"), values)

    await database.write(insert_key)
    await database.close()
    assert is_in_a_file(key, tmp_path)
    database = await Database.open(url)
    assert await database.read(differences) == []
    assert not is_in_a_file(key, tmp_path)
    await database.close()


def is_in_a_file(content: bytes, folder: Path) -> bool:
    return any(content in path.read_bytes() for path in folder.iterdir())


_UPGRADE = command.upgrade


def upgrade_to_version_4(config: Config, _revision: str) -> None:
    _UPGRADE(config, "0004")
