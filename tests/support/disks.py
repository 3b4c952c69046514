"""A party's disk, read beside its running server; and a server that is held still at a moment that a test chooses."""

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from aukciszek.local_cluster.files import LocalParty
from aukciszek.local_cluster.running import RunningCluster
from aukciszek.protocol.rules.identifiers import AuctionId

_LOOK_AGAIN_S = 0.001
_LONGEST_WAIT_S = 120.0


class Disk:
    """What one party has stored."""

    def __init__(self, party: LocalParty) -> None:
        self.number = party.number
        self.folder = party.data_dir

    def ask(self, query: str, *values: object) -> list[Any]:
        """Return the rows that a query finds; none while there is no database, or an empty one."""
        (path,) = list(self.folder.glob("*.db")) or (None,)
        if path is None:
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1.0)) as connection:
            try:
                return connection.execute(query, values).fetchall()
            except sqlite3.OperationalError:
                return []

    def state(self, auction: AuctionId) -> str | None:
        rows = self.ask("SELECT state FROM auctions WHERE id = ?", auction)
        return rows[0][0] if rows else None

    def has_recalled(self, auction: AuctionId) -> bool:
        """Tell whether the party knows all that it ever signed about an auction, and so accepts bids again."""
        return bool(self.ask("SELECT 1 FROM auctions WHERE id = ? AND recalled", auction))

    def has_recorded(self, auction: AuctionId, action: str) -> bool:
        return bool(self.ask("SELECT 1 FROM record WHERE auction_id = ? AND action = ?", auction, action))

    def has_signed_opening(self, auction: AuctionId) -> bool:
        query = "SELECT 1 FROM opening_signatures WHERE auction_id = ? AND party = ?"
        return bool(self.ask(query, auction, self.number))

    def outcome(self, auction: AuctionId) -> bytes | None:
        rows = self.ask("SELECT body FROM outcomes WHERE auction_id = ?", auction)
        return rows[0][0] if rows else None

    def incidents(self, auction: AuctionId) -> set[tuple[str, int | None]]:
        query = "SELECT kind, party FROM incidents WHERE auction_id = ? OR auction_id IS NULL"
        return {(kind, party) for kind, party in self.ask(query, auction)}

    def lose(self) -> None:
        """Delete the database with all that belongs to it; keys and settings stay."""
        for path in self.folder.glob("*.db*"):
            path.unlink()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what a party writes to its disk."""
    until_s = time.monotonic() + _LONGEST_WAIT_S
    while not condition():
        assert time.monotonic() < until_s, "this does not come"
        await asyncio.sleep(_LOOK_AGAIN_S)


def hold(cluster: RunningCluster, number: int) -> None:
    """Let a party do nothing at all, as one that has no processor, or behind a line that is dead, until it goes on."""
    os.kill(cluster.pid(number), signal.SIGSTOP)


def go_on(cluster: RunningCluster, number: int) -> None:
    os.kill(cluster.pid(number), signal.SIGCONT)


async def held_when(
    cluster: RunningCluster, number: int, reached: Callable[[], bool], beyond: Callable[[], bool]
) -> bool:
    """Hold a party as soon as it has come so far; tell whether it is not beyond, and let it go on if it is."""
    await until(reached)
    hold(cluster, number)
    if beyond():
        go_on(cluster, number)
        return False
    return True
