"""Create an auction, close it when enough bids are in, and store its certificate.

Usage: ``python run_an_auction.py CLUSTER_FILE BIDS CERTIFICATE_FILE``, with the account of an auctioneer in
``AUKCISZEK_EMAIL`` and ``AUKCISZEK_PASSWORD``. Prints the auction's id as soon as all parties accept bids.
"""

import asyncio
import os
import secrets
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from aukciszek.client import AuctionDraft, AukciszekClient, AukciszekError, Certificate, Cluster


async def run_an_auction(cluster: Cluster, enough_bids: int) -> Certificate:
    """Run a procurement auction: the lowest price wins and is paid."""
    async with AukciszekClient.open(cluster) as client:
        user = await client.log_in(os.environ["AUKCISZEK_EMAIL"], os.environ["AUKCISZEK_PASSWORD"])
        draft = AuctionDraft(
            title="Renovation of the town library",
            minimum=Decimal(50_000),
            maximum=Decimal(200_000),
            step=Decimal(50),
            opens_at=datetime.now(UTC),
            closes_at=datetime.now(UTC) + timedelta(days=7),
        )
        # From here on nobody can change the rules: their hash is the auction's id.
        spec = draft.freeze(
            cluster=cluster, threshold=await client.threshold(), auctioneer=user.uid, nonce=secrets.token_bytes(32)
        )
        await client.create_auction(spec)
        await client.wait_until_open(spec.auction_id)
        print(spec.auction_id, flush=True)

        while (await client.auction(spec.auction_id)).bids < enough_bids:  # noqa: ASYNC110 -- asks the parties
            await asyncio.sleep(1)
        await client.close_auction(spec.auction_id)
        return await client.wait_for_outcome(spec.auction_id)


def main() -> None:
    """Run this example from the command line."""
    cluster_file, enough_bids, certificate_file = sys.argv[1:]
    try:
        certificate = asyncio.run(run_an_auction(Cluster.read(Path(cluster_file)), int(enough_bids)))
    except AukciszekError as error:
        sys.exit(f"{error.code}: {error.message}")
    Path(certificate_file).write_bytes(certificate.encode())
    body = certificate.body
    for winner, price in zip(body.winners, body.prices, strict=True):
        print(f"won by {winner.bidder} at {price} {body.spec.currency}")


if __name__ == "__main__":
    main()
