"""What fails where bids are stored: nothing is acknowledged that is not durable, and nothing acknowledged is lost."""

import asyncio
import json
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from aukciszek.storage.backends.connection import Work
from aukciszek.storage.backends.faults import fault_of
from aukciszek.storage.database import Database
from aukciszek.storage.errors import (
    DatabaseDamagedError,
    DatabaseUnavailableError,
    StorageFaultError,
    StorageFullError,
    StorageUnavailableError,
)
from aukciszek.storage.repositories.auctions import AuctionRepository
from support.stored_bids import AUCTION, check_held, store_bid

TESTS = Path(__file__).parents[2]


async def with_auction(database: Database) -> AuctionRepository:
    repository = AuctionRepository(database)
    await repository.create_auction(AUCTION)
    return repository


async def wait_briefly(database: Database) -> None:
    def set_timeout(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA busy_timeout=20")

    await database.write(set_timeout)


async def store_all(repository: AuctionRepository, numbers: range) -> list[str | BaseException]:
    return await asyncio.gather(*(store_bid(repository, number) for number in numbers), return_exceptions=True)


def test_a_full_disk_and_a_read_only_one(tmp_path: Path) -> None:
    """On a file system of two megabytes of its own."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is not installed: apt-get install util-linux")
    script = 'mount -t tmpfs -o size=2m none "$1" && exec "$2" "$3" "$1"'
    words = [unshare, "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    run = subprocess.run(  # noqa: S603 -- a script of ours
        [*words, str(tmp_path), sys.executable, str(TESTS / "support" / "small_disk.py")],
        env={"PYTHONPATH": str(TESTS), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        check=False,
        text=True,
    )
    if "unshare failed" in run.stderr or "permission denied" in run.stderr.lower():
        pytest.skip(f"this machine lets nobody mount a file system for a test: {run.stderr.strip()}")
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    assert answer["stored"] > 50
    assert answer["refused"] >= 64
    assert "does not open" in answer["read_only"]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size``, as a quota does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_takes_no_more_bytes(sqlite: Database, sqlite_url: str, tmp_path: Path) -> None:
    repository = await with_auction(sqlite)
    stored = {await store_bid(repository, number) for number in range(10)}
    with largest_file((tmp_path / "party.db-wal").stat().st_size + 10_000):
        answers = await store_all(repository, range(10, 40))
        assert sum(isinstance(answer, StorageUnavailableError) for answer in answers) > 20
        with pytest.raises(StorageUnavailableError):
            await repository.add_incident(AUCTION.created_at, "large", {"text": "y" * 100_000})
    stored |= {answer for answer in answers if isinstance(answer, str)}
    assert not [answer for answer in answers if not isinstance(answer, str | StorageFaultError)]
    await check_held(repository, stored)
    stored.add(await store_bid(repository, 99))
    restarted = await Database.open(sqlite_url)
    await check_held(AuctionRepository(restarted), stored)
    await restarted.close()


async def test_a_limit_of_pages_is_a_full_disk(sqlite: Database) -> None:
    repository = await with_auction(sqlite)

    def limit(pages: int) -> Work[None]:
        def work(connection: Connection) -> None:
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

        return work

    await sqlite.write(limit(60))
    answers = await store_all(repository, range(100))
    full = [answer for answer in answers if isinstance(answer, StorageFullError)]
    assert full
    assert "full" in full[0].message
    await check_held(repository, {answer for answer in answers if isinstance(answer, str)})
    await sqlite.write(limit(1_000_000))
    await check_held(repository, {await store_bid(repository, 200)})


async def test_a_locked_database_refuses_all_at_once_and_goes_on(sqlite: Database, tmp_path: Path) -> None:
    repository = await with_auction(sqlite)
    await wait_briefly(sqlite)
    began = asyncio.get_running_loop().time()
    with closing(sqlite3.connect(tmp_path / "party.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answers = await store_all(repository, range(200))
        assert all(isinstance(answer, StorageUnavailableError) for answer in answers)
        with pytest.raises(StorageUnavailableError, match="locked"):
            async with sqlite.transaction() as connection:
                await repository.set_state(AUCTION.id, "closed", AUCTION.created_at, connection=connection)
        assert await repository.own_receipts(AUCTION.id) == [], "reading goes on"
        other.execute("ROLLBACK")
    # Not one after the other: whoever shares a commit shares its failure.
    assert asyncio.get_running_loop().time() - began < 2
    stored = set(await store_all(repository, range(200)))
    assert all(isinstance(one, str) for one in stored)
    await check_held(repository, {str(one) for one in stored})


async def test_a_failure_to_erase_does_not_undo_what_was_committed(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = await with_auction(sqlite)
    erase = sqlite._store.erase

    async def fail() -> bool:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(sqlite._store, "erase", fail)
    await repository.put_sealing_private(AUCTION.id, b"key")
    await repository.erase_secrets(AUCTION.id)
    assert await repository.sealing_private(AUCTION.id) is None
    assert sqlite._erasure_due, "it is made up for"
    monkeypatch.setattr(sqlite._store, "erase", erase)
    async with sqlite.transaction() as connection:
        await repository.set_state(AUCTION.id, "final", AUCTION.created_at, connection=connection)
    assert not sqlite._erasure_due


async def test_power_that_goes_at_any_byte_of_the_log_takes_nothing_that_was_acknowledged(
    sqlite: Database, tmp_path: Path
) -> None:
    """The database and the beginning of its log, with and without garbage behind it, are what a power cut leaves."""
    repository = await with_auction(sqlite)
    log, file = tmp_path / "party.db-wal", tmp_path / "party.db"
    acknowledged: list[tuple[int, str]] = []
    for number in range(12):
        digest = await store_bid(repository, number)
        acknowledged.append((log.stat().st_size, digest))
    whole, base = log.read_bytes(), file.read_bytes()
    lengths = [size for size, _ in acknowledged]
    assert lengths == sorted(set(lengths)), "no checkpoint came in between"
    chance = random.Random(5)  # noqa: S311 -- places to cut, the same in every run
    cuts = {*lengths, *(size - 1 for size in lengths), *(chance.randrange(len(whole)) for _ in range(40))}
    for cut in sorted(cuts):
        garbage = chance.randbytes(chance.randrange(8192)) if cut % 2 else b""
        crashed = tmp_path / f"crashed-{cut}"
        crashed.mkdir()
        (crashed / "party.db").write_bytes(base)
        (crashed / "party.db-wal").write_bytes(whole[:cut] + garbage)
        restarted = await Database.open(f"sqlite:///{crashed / 'party.db'}")
        await check_held(AuctionRepository(restarted), {digest for size, digest in acknowledged if size <= cut})
        await restarted.close()


def page_of(content: bytes, page: int) -> bytes:
    return content[page * 4096 : (page + 1) * 4096]


async def test_power_that_goes_while_the_log_is_brought_into_the_file(sqlite: Database, tmp_path: Path) -> None:
    repository = await with_auction(sqlite)
    log, file = tmp_path / "party.db-wal", tmp_path / "party.db"
    acknowledged = {await store_bid(repository, number) for number in range(12)}
    before, whole = file.read_bytes(), log.read_bytes()
    async with sqlite.transaction():
        sqlite.erase_after_commit()
    after = file.read_bytes()
    chance = random.Random(6)  # noqa: S311 -- as above
    for case in range(20):
        # Pages reach the disk in any order, and one of them by half.
        mixed = bytearray(after[: max(len(before), 4096 * chance.randrange(len(after) // 4096))])
        for page in range(len(before) // 4096):
            if chance.random() < 0.5:
                mixed[page * 4096 : (page + 1) * 4096] = page_of(before, page)
        written = [page for page in range(len(mixed) // 4096) if page_of(before, page) != page_of(after, page)]
        torn = chance.choice(written) * 4096 + 2048
        mixed[torn : torn + 2048] = bytes(2048)
        crashed = tmp_path / f"crashed-{case}"
        crashed.mkdir()
        (crashed / "party.db").write_bytes(bytes(mixed))
        (crashed / "party.db-wal").write_bytes(whole)
        restarted = await Database.open(f"sqlite:///{crashed / 'party.db'}")
        await check_held(AuctionRepository(restarted), acknowledged)
        await restarted.close()


async def open_if_sound(url: str) -> Database | None:
    try:
        return await Database.open(url)
    except (DatabaseDamagedError, DatabaseUnavailableError):
        return None


async def test_damaged_pages_are_noticed_at_the_start_or_change_nothing(sqlite_url: str, tmp_path: Path) -> None:
    """Structure is checked here; bytes inside a row are checked by whoever knows what they mean."""
    database = await Database.open(sqlite_url)
    repository = await with_auction(database)
    stored = {await store_bid(repository, number) for number in range(40)}
    await database.close()
    file = tmp_path / "party.db"
    sound = file.read_bytes()
    chance = random.Random(7)  # noqa: S311 -- as above
    noticed = 0
    pages = len(sound) // 4096
    for case in range(40):
        # The first bytes of a page say what is where in it.
        place = chance.randrange(pages) * 4096 + chance.randrange(12)
        damaged = bytearray(sound)
        damaged[place] ^= 1 << chance.randrange(8)
        file.write_bytes(bytes(damaged))
        database_or_none = await open_if_sound(sqlite_url)
        if database_or_none is None:
            noticed += 1
            assert file.read_bytes()[place] == damaged[place], "the evidence is kept"
            (tmp_path / "party.db-wal").unlink(missing_ok=True)
            (tmp_path / "party.db-shm").unlink(missing_ok=True)
            continue
        database = database_or_none
        heads = {head.digest for head in await AuctionRepository(database).own_receipts(AUCTION.id)}
        assert stored <= heads, case
        await database.close()
    assert noticed >= 20
    file.write_bytes(sound)
    database = await Database.open(sqlite_url)
    await check_held(AuctionRepository(database), stored)
    await database.close()


def test_what_postgresql_says_is_understood() -> None:
    class ServerError(Exception):
        def __init__(self, sqlstate: str) -> None:
            self.sqlstate = sqlstate

    def kind_of(sqlstate: str) -> type[StorageFaultError] | None:
        fault = fault_of(DBAPIError("INSERT", {}, ServerError(sqlstate)))
        return None if fault is None else type(fault)

    assert kind_of("53100") is StorageFullError
    assert kind_of("XX001") is DatabaseDamagedError
    for sqlstate in ("08006", "25006", "55P03", "57P01", "53300"):
        assert kind_of(sqlstate) is StorageUnavailableError
    assert kind_of("23505") is None, "a violated constraint is a mistake of ours"
