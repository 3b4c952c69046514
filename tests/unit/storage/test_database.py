import asyncio
import stat
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

from aukciszek.secret import Secret
from aukciszek.storage.backends.connection import Work
from aukciszek.storage.backends.sqlite import SqliteStore
from aukciszek.storage.database import Database
from aukciszek.storage.errors import DatabaseUnavailableError, MissingRowError, StorageUnavailableError
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.rows import AuctionKeyRow, AuctionRow

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY = bytes(range(100, 196))
AUCTION = AuctionRow(id="a" * 64, spec="{}", state="open", state_since=NOON, auctioneer="u", attempt=0, created_at=NOON)

_INSERT_100_MARKS = """
    INSERT INTO marks
    WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 100)
    SELECT randomblob(4000) FROM numbers
"""


def modes_of_files(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def ask(statement: str) -> Work[object]:
    return lambda connection: connection.execute(text(statement)).scalar()


async def read_around[Result](
    database: Database, read: Work[Result], step: Coroutine[Any, Any, object]
) -> tuple[Result, Result]:
    """Read, take a step outside, and read again on the same snapshot."""
    loop = asyncio.get_running_loop()

    def work(connection: Connection) -> tuple[Result, Result]:
        before = read(connection)
        if connection.dialect.name == "sqlite":
            asyncio.run_coroutine_threadsafe(step, loop).result(30)
        else:
            await_only(step)
        return before, read(connection)

    return await database.read(work)


async def create_with_key(auctions: AuctionRepository, row: AuctionRow = AUCTION) -> None:
    await auctions.create_auction(row)
    await auctions.put_sealing_private(row.id, KEY)


async def empty_log(database: Database) -> None:
    async with database.transaction():
        database.erase_after_commit()


def files_with(content: bytes, folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if content in path.read_bytes())


async def until_in_no_file(secrets: Sequence[bytes], folder: Path) -> None:
    """The log is emptied just after a commit, later if a reader or the log's copier is in the way."""
    async with asyncio.timeout(60):
        while any(files_with(secret, folder) for secret in secrets):  # noqa: ASYNC110 -- nobody says when
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("pragma", "expected"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1), ("busy_timeout", 10_000)],
)
async def test_every_connection_of_sqlite_is_durable_and_forgets(
    sqlite: Database, pragma: str, expected: object
) -> None:
    question = ask(f"PRAGMA {pragma}")
    async with sqlite.transaction() as writer:
        assert await writer.run(question) == expected
    assert await read_around(sqlite, question, sqlite.read(question)) == (expected, expected)


async def test_the_busy_timeout_is_back_after_the_log_was_emptied(sqlite: Database) -> None:
    await empty_log(sqlite)
    async with sqlite.transaction() as writer:
        assert await writer.run(ask("PRAGMA busy_timeout")) == 10_000


async def test_the_log_is_copied_while_more_is_written_and_begins_anew(tmp_path: Path, sqlite_url: str) -> None:
    def do(statement: str) -> Work[object]:
        return lambda connection: connection.execute(text(statement)).rowcount

    log, most_bytes = tmp_path / "party.db-wal", 0
    database = await Database.open(sqlite_url)
    await database.write(do("CREATE TABLE marks (content BLOB)"))
    for _ in range(200):
        await database.write(do(_INSERT_100_MARKS))
        most_bytes = max(most_bytes, log.stat().st_size)
    assert await database.read(ask("SELECT count(*) FROM marks")) == 20_000
    await database.close()
    assert most_bytes < 48e6, "of 80 MB; by itself SQLite would begin anew at 64 MB"


async def test_the_file_and_its_log_are_private(sqlite: Database, tmp_path: Path) -> None:
    await AuctionRepository(sqlite).create_auction(AUCTION)
    assert modes_of_files(tmp_path) == {"party.db": 0o600, "party.db-wal": 0o600, "party.db-shm": 0o600}


async def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    auctions = AuctionRepository(database)

    async def create_and_fail() -> None:
        async with database.transaction() as connection:
            await auctions.create_auction(AUCTION, connection=connection)
            await auctions.append_record(AUCTION.id, NOON, "party:1", "created", {}, connection=connection)
            assert await auctions.auction(AUCTION.id, connection=connection) == AUCTION
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await create_and_fail()
    assert await auctions.auction(AUCTION.id) is None
    assert await auctions.record(AUCTION.id) == []


async def test_a_reader_sees_only_what_was_committed(database: Database) -> None:
    auctions = AuctionRepository(database)
    async with database.transaction() as connection:
        await auctions.create_auction(AUCTION, connection=connection)
        assert await auctions.auction(AUCTION.id) is None
    assert await auctions.auction(AUCTION.id) == AUCTION


async def test_a_reader_keeps_one_snapshot_while_a_writer_commits(database: Database) -> None:
    auctions = AuctionRepository(database)
    await auctions.create_auction(AUCTION)
    closing = auctions.set_state(AUCTION.id, "closed", NOON)
    assert await read_around(database, ask("SELECT state FROM auctions"), closing) == ("open", "open")
    after = await auctions.auction(AUCTION.id)
    assert after is not None
    assert after.state == "closed"


async def test_readers_run_beside_one_another(database: Database) -> None:
    all_in = asyncio.Barrier(4)
    async with asyncio.timeout(30):
        await asyncio.gather(*(read_around(database, ask("SELECT 1"), all_in.wait()) for _ in range(4)))


async def test_a_reader_cannot_write(sqlite: Database) -> None:
    with pytest.raises(StorageUnavailableError, match="read-only"):
        await sqlite.read(ask("DELETE FROM users"))


async def test_writers_take_turns_and_lose_nothing(database: Database) -> None:
    auctions = AuctionRepository(database)
    await auctions.create_auction(AUCTION)

    async def read_and_write() -> int:
        async with database.transaction() as connection:
            # Between reading and writing others get every chance to interfere.
            await asyncio.sleep(0)
            return await auctions.next_attempt(AUCTION.id, connection=connection)

    attempts = await asyncio.gather(*(read_and_write() for _ in range(25)))
    assert sorted(attempts) == list(range(1, 26))


async def test_another_process_waits_for_its_turn(sqlite: Database, sqlite_url: str) -> None:
    """A second Database stands for the command line beside the server: no lock in memory keeps the two apart."""
    other = await Database.open(sqlite_url)
    await AuctionRepository(sqlite).create_auction(AUCTION)
    attempts = await asyncio.gather(
        *(AuctionRepository(each).next_attempt(AUCTION.id) for each in (sqlite, other) for _ in range(5))
    )
    assert sorted(attempts) == list(range(1, 11))
    await other.close()


async def test_a_writer_takes_its_place_before_it_reads(sqlite: Database, sqlite_url: str) -> None:
    auctions = AuctionRepository(sqlite)
    await auctions.create_auction(AUCTION)
    other = await Database.open(sqlite_url)
    async with sqlite.transaction() as connection:
        assert await auctions.auction(AUCTION.id, connection=connection) == AUCTION
        waiting = asyncio.create_task(AuctionRepository(other).next_attempt(AUCTION.id))
        # Were it let in now, what was just read would be out of date and could not be built on.
        assert await asyncio.wait([waiting], timeout=0.1) == (set(), {waiting})
        assert await auctions.next_attempt(AUCTION.id, connection=connection) == 1
    assert await waiting == 2
    await other.close()


async def test_an_opening_that_is_cancelled_leaves_nothing_in_the_way(sqlite_url: str) -> None:
    for turns in range(30):
        opening = asyncio.create_task(Database.open(sqlite_url))
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
    async with asyncio.timeout(30):
        database = await Database.open(sqlite_url)
    await database.close()


async def test_a_second_transaction_in_one_task_is_an_error_and_not_a_deadlock(database: Database) -> None:
    async with database.transaction():
        with pytest.raises(RuntimeError, match="pass its connection"):
            async with asyncio.timeout(60), database.transaction():
                pytest.fail("two transactions at once")
        with pytest.raises(RuntimeError, match="pass its connection"):
            await AuctionRepository(database).next_attempt(AUCTION.id)


async def test_a_cancelled_writer_leaves_nothing_and_frees_the_way(database: Database) -> None:
    auctions = AuctionRepository(database)
    in_transaction = asyncio.Event()

    async def write_and_hang() -> None:
        async with database.transaction() as connection:
            await auctions.create_auction(AUCTION, connection=connection)
            in_transaction.set()
            await asyncio.Event().wait()

    hanging = asyncio.create_task(write_and_hang())
    await in_transaction.wait()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    async with asyncio.timeout(30):
        assert await auctions.create_auction(AUCTION)


async def test_writers_cancelled_at_any_moment_leave_no_half_and_no_lock(database: Database) -> None:
    auctions = AuctionRepository(database)
    await auctions.create_auction(AUCTION)

    async def change() -> None:
        async with database.transaction() as connection:
            number = await auctions.next_attempt(AUCTION.id, connection=connection)
            await auctions.append_record(
                AUCTION.id, NOON, "party:1", "attempt", {"number": number}, connection=connection
            )

    for turns in range(40):
        task = asyncio.create_task(change())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(30):
        await change()
    stored = await auctions.auction(AUCTION.id)
    assert stored is not None
    entries = await auctions.record(AUCTION.id)
    assert [entry.details for entry in entries] == [f'{{"number":{number + 1}}}' for number in range(stored.attempt)]


async def test_writes_that_wait_together_are_committed_together(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    auctions = AuctionRepository(sqlite)
    await auctions.create_auction(AUCTION)
    commits = 0
    write = sqlite._store.write

    async def count(work: Work[Any]) -> Any:
        nonlocal commits
        commits += 1
        return await write(work)

    monkeypatch.setattr(sqlite._store, "write", count)
    attempts = await asyncio.gather(*(auctions.next_attempt(AUCTION.id) for _ in range(200)))
    assert sorted(attempts) == list(range(1, 201))
    assert commits == 4  # groups of at most 64


async def test_one_that_fails_spoils_nothing_for_those_who_share_its_commit(database: Database) -> None:
    auctions = AuctionRepository(database)
    await auctions.create_auction(AUCTION)

    def write_and_fail(connection: Connection) -> None:
        connection.execute(text("UPDATE auctions SET attempt = 1000"))
        raise ZeroDivisionError

    answers = await asyncio.gather(
        auctions.next_attempt(AUCTION.id),
        database.write(write_and_fail),
        auctions.next_attempt("0" * 64),
        auctions.next_attempt(AUCTION.id),
        return_exceptions=True,
    )
    assert answers[0] == 1
    assert isinstance(answers[1], ZeroDivisionError)
    assert isinstance(answers[2], MissingRowError)
    assert answers[3] == 2


async def test_a_write_that_nobody_waits_for_any_more_is_left_out(database: Database) -> None:
    auctions = AuctionRepository(database)
    await auctions.create_auction(AUCTION)
    async with database.transaction():
        given_up = asyncio.create_task(auctions.next_attempt(AUCTION.id))
        kept = asyncio.create_task(auctions.next_attempt(AUCTION.id))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
    assert await kept == 1


async def test_closing_waits_for_what_is_being_written(database_url: str) -> None:
    first = await Database.open(database_url)
    auctions = AuctionRepository(first)
    await auctions.create_auction(AUCTION)
    writes = [asyncio.create_task(auctions.next_attempt(AUCTION.id)) for _ in range(10)]
    await asyncio.sleep(0)
    await first.close()
    assert sorted([await write for write in writes]) == list(range(1, 11))
    second = await Database.open(database_url)
    assert await AuctionRepository(second).next_attempt(AUCTION.id) == 11
    await second.close()


def test_the_end_of_the_event_loop_leaves_no_writer_waiting(sqlite_url: str) -> None:
    async def leave_in_the_middle() -> list[asyncio.Task[int]]:
        database = await Database.open(sqlite_url)
        auctions = AuctionRepository(database)
        await auctions.create_auction(AUCTION)
        tasks = [asyncio.create_task(auctions.next_attempt(AUCTION.id)) for _ in range(100)]
        for _ in range(3):
            await asyncio.sleep(0)
        writer = database._group_writer
        assert writer is not None
        writer.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await database.close()
        return tasks

    tasks = asyncio.run(leave_in_the_middle())
    assert all(task.cancelled() for task in tasks)


async def test_a_restart_finds_everything(database_url: str) -> None:
    first = await Database.open(database_url)
    auctions = AuctionRepository(first)
    await create_with_key(auctions)
    entry = await auctions.append_record(AUCTION.id, NOON, "user", "created", {"title": "Żarówki"})
    await first.close()
    second = await Database.open(database_url)
    auctions = AuctionRepository(second)
    assert await auctions.auction(AUCTION.id) == AUCTION
    assert await auctions.sealing_private(AUCTION.id) == KEY
    assert await auctions.record(AUCTION.id) == [entry]
    await second.close()


async def test_what_was_committed_survives_a_crash(sqlite: Database, sqlite_url: str, tmp_path: Path) -> None:
    """A copy of the files as they are on disk is what a machine finds that lost its power now."""
    await AuctionRepository(sqlite).create_auction(AUCTION)
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("party.db", "party.db-wal"):
        (crashed / name).write_bytes((tmp_path / name).read_bytes())
    async with sqlite.transaction() as connection:
        await AuctionRepository(sqlite).set_state(AUCTION.id, "lost", NOON, connection=connection)
        restarted = await Database.open(sqlite_url.replace("party.db", "crashed/party.db"))
    assert await AuctionRepository(restarted).auction(AUCTION.id) == AUCTION
    await restarted.close()


async def test_an_erased_key_is_in_no_file(sqlite: Database, tmp_path: Path) -> None:
    auctions = AuctionRepository(sqlite)
    await create_with_key(auctions)
    assert files_with(KEY, tmp_path)
    await empty_log(sqlite)
    assert files_with(KEY, tmp_path) == ["party.db"]
    async with sqlite.transaction() as connection:
        await auctions.erase_secrets(AUCTION.id, connection=connection)
        await auctions.set_state(AUCTION.id, "final", NOON, connection=connection)
    assert files_with(KEY, tmp_path) == []
    assert files_with(KEY[:16], tmp_path) == []


async def test_an_auctions_keys_are_erased_with_its_sealing_key(sqlite: Database, tmp_path: Path) -> None:
    auctions = AuctionRepository(sqlite)
    other = replace(AUCTION, id="b" * 64)
    keys = [bytes([number]) * 31 + b"!" for number in range(1, 41)]
    for auction, some in ((AUCTION, keys[:39]), (other, keys[39:])):
        await create_with_key(auctions, auction)
        rows = [
            AuctionKeyRow(auction_id=auction.id, members=number, dealer=1, key=key)
            for number, key in enumerate(some, start=3)
        ]
        await auctions.put_auction_keys(rows)
    await auctions.put_key_table(AUCTION.id, 1, b"table")
    await empty_log(sqlite)
    assert all(files_with(key, tmp_path) for key in keys)
    await auctions.erase_secrets(AUCTION.id)
    await until_in_no_file(keys[:39], tmp_path)
    assert await auctions.auction_keys(AUCTION.id) == []
    assert len(await auctions.auction_keys(other.id)) == 1
    assert len(await auctions.key_tables(AUCTION.id)) == 1, "what was signed stays"


async def test_erasing_waits_for_a_reader_and_is_made_up_for(sqlite: Database, tmp_path: Path) -> None:
    auctions = AuctionRepository(sqlite)
    await create_with_key(auctions)

    async def erase() -> None:
        await auctions.erase_secrets(AUCTION.id)
        assert files_with(KEY, tmp_path) == ["party.db-wal"]

    await read_around(sqlite, ask("SELECT state FROM auctions"), erase())
    await auctions.set_state(AUCTION.id, "final", NOON)
    assert files_with(KEY, tmp_path) == []


async def test_erasing_is_made_up_for_though_nothing_more_is_written(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aukciszek.storage.database._ERASE_AGAIN_S", 0.01)
    auctions = AuctionRepository(sqlite)
    await create_with_key(auctions)

    async def erase() -> None:
        await auctions.erase_secrets(AUCTION.id)
        await asyncio.sleep(1)  # the first try waits for this reader for half a second
        assert files_with(KEY, tmp_path) == ["party.db-wal"]

    await read_around(sqlite, ask("SELECT state FROM auctions"), erase())
    await until_in_no_file([KEY], tmp_path)


async def test_opening_empties_the_log_that_a_crash_left(sqlite: Database, sqlite_url: str, tmp_path: Path) -> None:
    auctions = AuctionRepository(sqlite)
    await create_with_key(auctions)
    async with sqlite.transaction() as connection:
        await auctions.erase_secrets(AUCTION.id, connection=connection)
        sqlite._erasure_due = False  # the process dies after the commit
    assert files_with(KEY, tmp_path) == ["party.db-wal"]
    restarted = await Database.open(sqlite_url)
    assert files_with(KEY, tmp_path) == []
    await restarted.close()


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("mysql://me:hidden@localhost/x", "use sqlite or postgresql"),
        ("not a url with hidden", "not a URL"),
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
        ("sqlite:////nowhere/at/all/hidden.db", "DATA_DIR"),
        ("postgresql://me:hidden@127.0.0.1:1/x", "DATABASE_URL"),
    ],
)
async def test_a_database_that_does_not_open_says_what_to_do(url: str, remedy: str) -> None:
    with pytest.raises(DatabaseUnavailableError, match=remedy) as caught:
        await Database.open(Secret(url))
    assert "me:hidden" not in caught.value.message


async def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "party.db"
    content = b"my only copy of something else, which is long enough to be taken for a page" * 100
    file.write_bytes(content)
    with pytest.raises(DatabaseUnavailableError, match="file is not a database"):
        await Database.open(f"sqlite:///{file}")
    assert file.read_bytes() == content


async def test_an_error_in_a_statement_does_not_quote_its_values(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught:
        await AuctionRepository(database).put_order("no such auction", "create", 1, b"unseen")
    assert "orders" in str(caught.value)
    assert "unseen" not in str(caught.value)


async def test_rows_that_a_database_quotes_are_not_in_the_error(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> None:
        raise OSError("a constraint is violated\nDETAIL:  Failing row contains (s3cret).")

    monkeypatch.setattr(SqliteStore, "open", fail)
    with pytest.raises(DatabaseUnavailableError, match="a constraint is violated") as caught:
        await Database.open(sqlite_url)
    assert "s3cret" not in caught.value.message
