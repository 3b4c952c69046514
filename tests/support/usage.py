"""What a process holds: memory, open files and sockets, tasks, threads; and what a database file consists of."""

import asyncio
import resource
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """What this process holds at one moment."""

    rss_mib: float
    files: int
    sockets: int
    tasks: int
    threads: int

    @classmethod
    def now(cls) -> "Usage":
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        opened = list(_open_files())
        sockets = sum(target.startswith("socket:") for target in opened)
        return cls(
            rss_mib=pages * resource.getpagesize() / 2**20,
            files=len(opened) - sockets,
            sockets=sockets,
            tasks=len(asyncio.all_tasks()),
            threads=threading.active_count(),
        )


def _open_files() -> list[str]:
    targets = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            targets.append(str(descriptor.readlink()))
        except FileNotFoundError:
            continue  # the one with which the directory itself is read
    return targets


def content_bytes(database: Path) -> Mapping[str, int]:
    """Return, by table, how many bytes of content an SQLite file holds, without its own bookkeeping."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        sizes = {}
        for table in tables:
            columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
            lengths = " + ".join(f'coalesce(length("{column}"), 0)' for column in columns)
            ((size,),) = connection.execute(f'SELECT coalesce(sum({lengths}), 0) FROM "{table}"')  # noqa: S608 -- names come from the database's own list of tables
            sizes[table] = int(size)
    connection.close()
    return {table: size for table, size in sizes.items() if size}


def file_bytes(database: Path) -> int:
    """Return how large a database is on disk, together with what is not written back yet."""
    return sum(path.stat().st_size for path in database.parent.glob(database.name + "*"))
