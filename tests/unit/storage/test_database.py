import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from aukciszek.storage.database import Database


def modes_of_files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("pragma", "expected"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1), ("busy_timeout", 10_000)],
)
async def test_every_connection_of_sqlite_is_durable_and_forgets(
    sqlite: Database, pragma: str, expected: object
) -> None:
    async with sqlite.transaction() as writer, sqlite.read() as one, sqlite.read() as another:
        for connection in (writer, one, another):
            assert (await connection.execute(text(f"PRAGMA {pragma}"))).scalar() == expected


async def test_the_busy_timeout_is_back_after_the_log_was_emptied(sqlite: Database) -> None:
    await sqlite.finish_erasure()
    async with sqlite.transaction() as writer:
        assert (await writer.execute(text("PRAGMA busy_timeout"))).scalar() == 10_000


async def test_the_file_and_its_log_are_private(sqlite: Database, tmp_path: Path) -> None:
    async with sqlite.transaction() as writer:
        await writer.execute(text("INSERT INTO prss_keys VALUES ('1,2', x'00', '2026-01-31T12:00:00.000Z')"))
    assert modes_of_files(tmp_path) == {"party.db": 0o600, "party.db-wal": 0o600, "party.db-shm": 0o600}


async def test_a_second_transaction_in_one_task_is_an_error_and_not_a_deadlock(sqlite: Database) -> None:
    async with sqlite.transaction():
        with pytest.raises(RuntimeError, match="pass its connection on"):
            async with asyncio.timeout(5), sqlite.transaction():
                pytest.fail("two transactions at once")
