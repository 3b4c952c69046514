"""Asking all parties about auctions, and putting their answers together."""

from collections.abc import Mapping
from typing import Final

from aukciszek.client.connection import PartyConnection, Request
from aukciszek.client.errors import NotOpenInTimeError
from aukciszek.client.overview import AuctionOverview, rules_of
from aukciszek.client.parties import Parties
from aukciszek.client.schemas import AuctionAnswer, AuctionList
from aukciszek.clock import Clock
from aukciszek.protocol.rules.identifiers import AuctionId, parse_auction_id
from aukciszek.protocol.rules.states import AuctionState

_LOOK_AGAIN_S: Final = 0.1


async def list_auctions(parties: Parties, *, pages: int = 1) -> list[AuctionOverview]:
    """Return the newest auctions that any party knows, those that open last first.

    Args:
        parties: the way to all parties.
        pages: how many pages of 50 each party is asked for.

    Raises:
        ClientError: no party gave a usable answer.
    """

    async def ask(party: PartyConnection) -> Mapping[AuctionId, AuctionAnswer]:
        found: dict[AuctionId, AuctionAnswer] = {}
        for _ in range(pages):
            # Parties may have the auctions in slightly different orders, so each goes on where its own page ended.
            query = f"?before={next(reversed(found))}" if found else ""
            page = party.parse(AuctionList, await party.ask(Request("GET", f"/api/auctions{query}"))).auctions
            for answer in page:
                rules_of(answer, party.number, parties.cluster)
            if not {answer.id for answer in page} - found.keys():
                break
            found |= {answer.id: answer for answer in page}
        return found

    outcomes = await parties.each(ask)
    lists = outcomes.need(1, "list the auctions")
    known = dict.fromkeys(auction for page in lists.values() for auction in page)
    described = [
        AuctionOverview.combine(
            auction,
            {party: page[auction] for party, page in lists.items() if auction in page},
            outcomes.errors,
            parties.cluster,
        )
        for auction in known
    ]
    return sorted(described, key=lambda overview: overview.spec.opens_at, reverse=True)


async def describe_auction(parties: Parties, auction: str) -> AuctionOverview:
    """Return what all parties together say about one auction; rules and keys in it are verified.

    Raises:
        MalformedIdentifierError: ``auction`` is no auction id.
        ClientError: no party gave a usable answer, or a party signed two sealing keys.
    """
    auction_id = parse_auction_id(auction)

    async def ask(party: PartyConnection) -> AuctionAnswer:
        return party.parse(AuctionAnswer, await party.ask(Request("GET", f"/api/auctions/{auction_id}")))

    outcomes = await parties.each(ask)
    answers = outcomes.need(1, "show the auction")
    return AuctionOverview.combine(auction_id, answers, outcomes.errors, parties.cluster)


async def known_auction(parties: Parties, auction: str, overview: AuctionOverview | None) -> AuctionOverview:
    """Return ``overview``, if the caller has it already, or ask all parties for it.

    Raises:
        MalformedIdentifierError: ``auction`` is no auction id.
        ValueError: ``overview`` is of another auction.
        ClientError: no party gave a usable answer.
    """
    auction_id = parse_auction_id(auction)
    overview = overview or await describe_auction(parties, auction_id)
    if overview.id != auction_id:
        raise ValueError("the overview is of another auction")
    return overview


async def wait_until_open(parties: Parties, auction: str, clock: Clock, timeout_s: float) -> AuctionOverview:
    """Return when all parties take bids.

    Raises:
        MalformedIdentifierError: ``auction`` is no auction id.
        NotOpenInTimeError: the time has passed; names the parties that do not take bids.
        ClientError: no party gave a usable answer.
    """
    deadline_s = clock.monotonic_s() + timeout_s
    while True:
        overview = await describe_auction(parties, auction)
        open_at = {party for party, answer in overview.answers.items() if answer.state is AuctionState.OPEN}
        missing = [number for number in parties.cluster.numbers if number not in open_at]
        if not missing:
            return overview
        if clock.monotonic_s() >= deadline_s:
            listed = ", ".join(map(str, missing))
            raise NotOpenInTimeError(f"after {timeout_s:.0f} s no bids are taken by party {listed}: see their states")
        await clock.sleep(_LOOK_AGAIN_S)
