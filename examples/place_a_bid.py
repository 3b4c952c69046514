"""Place a sealed bid, or replace the one made before, and keep what proves it.

Usage: ``python place_a_bid.py CLUSTER_FILE AUCTION PRICE DIRECTORY``, with the account in ``AUKCISZEK_EMAIL`` and
``AUKCISZEK_PASSWORD``. The receipts go to ``receipts.json`` in the directory, what opens the bid to
``receipts.json.opening``: keep both, and show the second to nobody before you mean to disclose your price.
"""

import asyncio
import os
import sys
from pathlib import Path

from aukciszek.client import AukciszekClient, AukciszekError, Cluster, OpeningStore, PlacedBid, ReceiptStore, SealedBid


async def place_a_bid(cluster: Cluster, auction: str, price: str, directory: Path) -> PlacedBid:
    """Log in, seal the price on this machine, and submit it to all parties."""
    async with AukciszekClient.open(cluster) as client:
        user = await client.log_in(os.environ["AUKCISZEK_EMAIL"], os.environ["AUKCISZEK_PASSWORD"])
        overview = await client.auction(auction)
        receipts = ReceiptStore.open(directory / "receipts.json", overview.id, user.uid)
        openings = OpeningStore.open(directory / "receipts.json.opening", overview.id, user.uid)

        def keep_opening(sealed: SealedBid) -> None:
            openings.add(sealed.bundle, sealed.secret)

        placed = await client.place_bid(auction, price, overview=overview, keep_trying_s=10.0, on_sealed=keep_opening)
        receipts.add(placed.header, placed.receipts.values(), placed.content)
        return placed


def main() -> None:
    """Run this example from the command line."""
    cluster_file, auction, price, directory = sys.argv[1:]
    try:
        placed = asyncio.run(place_a_bid(Cluster.read(Path(cluster_file)), auction, price, Path(directory)))
    except AukciszekError as error:
        sys.exit(f"{error.code}: {error.message}")
    print(f"revision {placed.header.revision}: {len(placed.receipts)} of {placed.parties} receipts")


if __name__ == "__main__":
    main()
