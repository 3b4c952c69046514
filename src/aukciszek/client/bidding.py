"""From a price to receipts: the client's part of ``docs/protocol.md``, "Sealing" and "Receipts and the input set".

The price leaves this process only as sealed shares. How a bundle reaches the parties is in :mod:`.submission`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from aukciszek.client.connection import PartyConnection, Request
from aukciszek.client.overview import AuctionOverview
from aukciszek.client.parties import Parties
from aukciszek.client.schemas import OwnBid, OwnBids
from aukciszek.client.submission import read_receipt
from aukciszek.client.tokens import UserTokens
from aukciszek.protocol.evidence.statements import Receipt, Signed
from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.protocol.sealing.bundle import BidKey, Bundle, BundleHeader
from aukciszek.protocol.sealing.opening_secret import OpeningSecret

_BELIEVABLE_LEAD: Final = 8
"""A bid may have reached a few parties only; but no corrupt party may push a bidder to the last possible revision."""


@dataclass(frozen=True)
class HeldBid:
    """One revision of the user's own bid, and the verified receipts of the parties that hold it."""

    header: BundleHeader
    """What is public about the bundle."""
    receipts: Mapping[int, Signed[Receipt]]
    """By party number."""


@dataclass(frozen=True)
class SealedBid:
    """A bundle that has not been sent yet, and what opens it; only the bundle may leave this process."""

    bundle: Bundle
    """What is sent to the parties."""
    secret: OpeningSecret
    """What opens it, and therefore discloses the price."""


type OnSealed = Callable[[SealedBid], None]
"""Called with a sealed bid before any of it is sent, on another thread; if it raises, nothing is sent."""


def ignore_sealed(_: SealedBid) -> None:
    """Keep nothing, so that nobody can open the bid later."""


async def seal_price(overview: AuctionOverview, price: str, *, place: BidKey) -> SealedBid:
    """Turn a price into a bundle, off the event loop.

    Raises:
        PriceError: the price cannot be bid in this auction.
        SealingKeysMissingError: not every party is ready for bids yet.
    """
    # Brings NumPy, a sixth of what starting any other command takes.
    from aukciszek.protocol.sealing.envelope import seal_bid  # noqa: PLC0415

    grid = overview.spec.grid
    secret = OpeningSecret.new(grid.to_step(price))
    bits = grid.bits_of(secret.step)
    sealing_keys = overview.all_sealing_keys()
    threshold = overview.spec.threshold
    bundle = await asyncio.to_thread(
        seal_bid, place, bits, threshold=threshold, sealing_keys=sealing_keys, random_bytes=lambda _: secret.key
    )
    return SealedBid(bundle, secret)


async def held_bids(parties: Parties, tokens: UserTokens, auction: AuctionId, *, threshold: int) -> list[HeldBid]:
    """Return all revisions of the user's bid that the parties hold, in ascending order.

    Raises:
        ClientError: fewer than ``threshold + 1`` parties answered, so that all of them might be corrupt.
    """
    path = f"/api/auctions/{auction}/bids"

    async def ask(party: PartyConnection) -> dict[BundleHeader, Signed[Receipt]]:
        request = Request("GET", path, token=tokens.at(party.number))
        answer = party.parse(OwnBids, await party.ask(request))
        return {
            _header(bid, auction, tokens.uid): read_receipt(
                bid.statement, party.number, auction, bid.bundle, parties.cluster
            )
            for bid in answer.bids
        }

    outcomes = await parties.each(ask)
    answers = outcomes.need(threshold + 1, "show your bids")
    held: dict[BundleHeader, dict[int, Signed[Receipt]]] = {}
    for party, bids in answers.items():
        for header, receipt in bids.items():
            held.setdefault(header, {})[party] = receipt
    ordered = sorted(held, key=lambda header: (header.revision, header.digest))
    return [HeldBid(header, held[header]) for header in ordered]


async def own_next_revision(parties: Parties, tokens: UserTokens, overview: AuctionOverview) -> int:
    """Return the revision of the user's next bundle, from what the parties hold.

    Raises:
        ClientError: too few parties answered.
    """
    threshold = overview.spec.threshold
    return next_revision(await held_bids(parties, tokens, overview.id, threshold=threshold), threshold=threshold)


def next_revision(held: Iterable[HeldBid], *, threshold: int) -> int:
    """Return the revision of the user's next bundle: one more than the last one that any party holds.

    Up to ``threshold`` parties may invent revisions, so what only so few report is believed if it is near.
    """
    latest: dict[int, int] = {}
    for bid in held:
        latest |= {party: max(bid.header.revision, latest.get(party, 0)) for party in bid.receipts}
    reported = sorted(latest.values(), reverse=True) + [0] * (threshold + 1)
    certain = reported[threshold]
    return max(revision for revision in reported if revision <= certain + _BELIEVABLE_LEAD) + 1


def _header(bid: OwnBid, auction: AuctionId, bidder: UserId) -> BundleHeader:
    return BundleHeader(
        digest=bid.bundle, auction=auction, bidder=bidder, revision=bid.revision, withdrawal=bid.withdrawal
    )
