"""A party's disk in memory: what was committed stays when the party's process ends, and nothing else.

The product's own statements run on SQLite; only files and threads are left out, which real disks in other tests have
(``tests/unit/storage``, ``tests/cluster/test_storage_faults.py``). What a disk does wrong, and at which write the
process on it ends, is told to it by :class:`Mishap`.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from aukciszek.storage.backends.connection import Work
from aukciszek.storage.database import Database
from support.stepping_loop import run_in_own_loop

type Kind = Literal["before", "after", "full", "unavailable"]

_CODES = {"full": sqlite3.SQLITE_FULL, "unavailable": sqlite3.SQLITE_IOERR}
_PRAGMAS = ("foreign_keys=ON", "secure_delete=ON", "temp_store=MEMORY")


async def at_once() -> None:
    """Go on without letting others go first."""


@dataclass
class Mishap:
    """What happens at the ``writes``-th write from now: the process ends before or after it, or it is refused.

    Refusals go on for ``times`` writes. With a ``state``, only those writes count that leave the auction in it.
    """

    kind: Kind
    writes: int
    times: int = 1
    state: str | None = None

    def strikes(self, raw: sqlite3.Connection) -> bool:
        """Count one write; tell whether it goes wrong."""
        if self.state is not None and (self.state,) not in raw.execute("SELECT state FROM auctions").fetchall():
            return False
        self.writes -= 1
        return -self.times < self.writes <= 0


class MemoryDisk:
    """What one party has stored."""

    def __init__(self) -> None:
        self.raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.raw.deserialize(_empty_tables())
        for pragma in _PRAGMAS:
            self.raw.execute(f"PRAGMA {pragma}")
        _next.append(self.raw)
        self.connection = _engine().connect()

    async def open(self, pause: Callable[[], Awaitable[None]] = at_once) -> "tuple[Database, MemoryStore]":
        """Start a process on this disk."""
        store = MemoryStore(self, pause)
        return Database(store), store

    def close(self) -> None:
        self.connection.close()
        self.raw.close()


class MemoryStore:
    """One process's :class:`~aukciszek.storage.backends.connection.Store`, until it ends.

    A transaction is one step of the event loop, so that no other task can look into it; before and after it others go
    first for as long as ``pause`` says.
    """

    def __init__(self, disk: MemoryDisk, pause: Callable[[], Awaitable[None]]) -> None:
        self.mishap: Mishap | None = None
        self.on_death: Callable[[], None] = lambda: None
        self.died = asyncio.Event()
        self._disk = disk
        self._pause = pause

    async def write[Result](self, work: Work[Result]) -> Result:
        async with self.writing() as connection:
            return await connection.run(work)

    async def read[Result](self, work: Work[Result]) -> Result:
        await self._begin()
        try:
            result = await _Inline(self._disk.connection).run(work)
        finally:
            self._disk.connection.rollback()
        await self._pause()
        return result

    @asynccontextmanager
    async def writing(self) -> AsyncIterator["_Inline"]:
        await self._begin()
        connection = self._disk.connection
        try:
            yield _Inline(connection)
            dies = self._strike()
            if dies != "before":
                connection.commit()
        finally:
            connection.rollback()
        if dies is not None:
            await self._die()
        await self._pause()

    async def erase(self) -> bool:
        return True

    async def close(self) -> None:
        """End; a transaction that was under way is gone already."""

    async def _begin(self) -> None:
        await self._pause()
        if self.died.is_set():
            await _for_ever()
        if self._disk.raw.in_transaction:
            raise RuntimeError("a task let others go first in the middle of a transaction")

    def _strike(self) -> Literal["before", "after"] | None:
        mishap = self.mishap
        if mishap is None or not mishap.strikes(self._disk.raw):
            return None
        if mishap.kind not in _CODES:
            return "after" if mishap.kind == "after" else "before"
        error = sqlite3.OperationalError(f"the disk is {mishap.kind}")
        error.sqlite_errorcode = _CODES[mishap.kind]
        error.sqlite_errorname = mishap.kind
        raise error

    async def _die(self) -> None:
        self.died.set()
        self.on_death()
        await _for_ever()


class _Inline:
    """A transaction or snapshot whose work is done at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def run[Result](self, work: Work[Result]) -> Result:
        return work(self._connection)


async def _for_ever() -> None:
    await asyncio.Event().wait()


_next: list[sqlite3.Connection] = []


@cache
def _engine() -> Engine:
    """Return the engine of all disks, so that a statement is compiled once and not once for each."""
    engine = create_engine("sqlite://", creator=_next.pop, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.execute("BEGIN")

    return engine


@cache
def _empty_tables() -> bytes:
    """Return a database that is up to date and empty."""

    async def migrate(path: Path) -> None:
        await (await Database.open(f"sqlite:///{path}")).close()

    with tempfile.TemporaryDirectory(prefix="template-") as directory:
        path = Path(directory) / "party.db"
        run_in_own_loop(migrate(path))
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            content = connection.serialize()
        connection.close()
    return content
