"""Copies of a database that is in use, and putting them in place."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aukciszek.storage.database import Database
from aukciszek.storage.errors import DatabaseDamagedError, DatabaseUnavailableError, StorageUnavailableError
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.snapshot import DatabaseInPlaceError, NotOneFileError, file_of, install, take_snapshot
from support.stored_bids import AUCTION, check_held, store_bid


def nothing_left(folder: Path) -> bool:
    return not [path for path in folder.iterdir() if path.name.startswith("copy.db")]


async def put_in_place(path: Path, content: bytes) -> None:
    async with install(path, content):
        pass


async def test_a_snapshot_taken_while_bids_come_in_is_one_moment(sqlite: Database, tmp_path: Path) -> None:
    repository = AuctionRepository(sqlite)
    await repository.create_auction(AUCTION)
    before = {await store_bid(repository, number) for number in range(20)}
    bidding = asyncio.gather(*(store_bid(repository, number) for number in range(20, 300)))
    snapshots = [await asyncio.to_thread(take_snapshot, tmp_path / "party.db") for _ in range(5)]
    await bidding
    for number, snapshot in enumerate(snapshots):
        path = tmp_path / f"copy-{number}" / "party.db"
        path.parent.mkdir()
        await put_in_place(path, snapshot)
        assert [file.name for file in path.parent.iterdir()] == ["party.db"]
        assert path.stat().st_mode & 0o777 == 0o600
        restored = await Database.open(f"sqlite:///{path}")
        await check_held(AuctionRepository(restored), before)
        await restored.close()


async def test_a_database_is_never_overwritten(sqlite: Database, tmp_path: Path) -> None:
    await AuctionRepository(sqlite).create_auction(AUCTION)
    snapshot = take_snapshot(tmp_path / "party.db")
    with pytest.raises(DatabaseInPlaceError, match="move it away"):
        await put_in_place(tmp_path / "party.db", snapshot)
    log = tmp_path / "other.db-wal"
    log.touch()
    with pytest.raises(DatabaseInPlaceError, match="other"):
        await put_in_place(tmp_path / "other.db", snapshot)


async def test_a_damaged_snapshot_is_not_put_in_place(sqlite: Database, tmp_path: Path) -> None:
    repository = AuctionRepository(sqlite)
    await repository.create_auction(AUCTION)
    for number in range(40):
        await store_bid(repository, number)
    damaged = bytearray(take_snapshot(tmp_path / "party.db"))
    for page in range(2, len(damaged) // 4096):
        damaged[page * 4096 : page * 4096 + 8] = b"\xff" * 8
    with pytest.raises(DatabaseDamagedError):
        await put_in_place(tmp_path / "copy.db", bytes(damaged))
    with pytest.raises(DatabaseUnavailableError):
        await put_in_place(tmp_path / "copy.db", b"nothing of the kind" * 1000)
    assert nothing_left(tmp_path)


async def test_what_goes_wrong_on_the_way_leaves_nothing(sqlite: Database, tmp_path: Path) -> None:
    snapshot = take_snapshot(tmp_path / "party.db")
    assert sqlite is not None

    async def fail() -> None:
        async with install(tmp_path / "copy.db", snapshot):
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        await fail()
    assert nothing_left(tmp_path)


def test_only_what_can_be_copied_is_copied(tmp_path: Path) -> None:
    with pytest.raises(NotOneFileError, match="pg_dump"):
        file_of("postgresql://me:hidden@localhost/party")
    with pytest.raises(DatabaseUnavailableError, match="no database"):
        take_snapshot(tmp_path / "party.db")


def test_a_locked_database_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aukciszek.storage.snapshot._BUSY_TIMEOUT_S", 0.01)
    path = tmp_path / "party.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (a)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageUnavailableError, match="locked"):
            take_snapshot(path)
