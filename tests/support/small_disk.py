"""What a party's database does on a disk that is full, and on one that is read-only; a process of its own.

Run as ``python small_disk.py DIRECTORY`` inside a mount namespace, with a small file system at DIRECTORY, so that the
disk is really full. Prints what happened as JSON.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from aukciszek.storage.database import Database
from aukciszek.storage.errors import DatabaseUnavailableError, StorageFullError
from aukciszek.storage.repositories.auctions import AuctionRepository
from support.stored_bids import AUCTION, check_held, store_bid

BALLAST = 512 * 1024


async def fill(directory: Path) -> dict[str, object]:
    url = f"sqlite:///{directory / 'party.db'}"
    ballast = directory / "ballast"
    ballast.write_bytes(bytes(BALLAST))
    database = await Database.open(url)
    repository = AuctionRepository(database)
    await repository.create_auction(AUCTION)
    stored: set[str] = set()
    refused = 0
    number = 0
    # Many at once, so that some share a commit, until the disk is full for each of them.
    while refused < 64:
        answers = await asyncio.gather(
            *(store_bid(repository, number + one) for one in range(16)), return_exceptions=True
        )
        number += 16
        for answer in answers:
            if isinstance(answer, str):
                stored.add(answer)
            elif isinstance(answer, StorageFullError):
                refused += 1
            else:
                raise answer
    await check_held(repository, stored)
    ballast.unlink()
    stored.add(await store_bid(repository, number))
    await database.close()
    database = await Database.open(url)
    await check_held(AuctionRepository(database), stored)
    await database.close()
    return {"stored": len(stored), "refused": refused}


async def open_read_only(directory: Path) -> str:
    try:
        await Database.open(f"sqlite:///{directory / 'party.db'}")
    except DatabaseUnavailableError as error:
        return error.message
    return ""


def main(directory: Path) -> None:
    answer = asyncio.run(fill(directory))
    subprocess.run(["/bin/mount", "-o", "remount,ro", str(directory)], check=True)  # noqa: S603 -- the test's own
    answer["read_only"] = asyncio.run(open_read_only(directory))
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
