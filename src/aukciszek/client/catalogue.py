"""Asking all parties about auctions, and putting their answers together."""

from collections.abc import Mapping

from aukciszek.auctions.identifiers import AuctionId, parse_auction_id
from aukciszek.client.answers import AuctionAnswer, AuctionList
from aukciszek.client.connection import PartyConnection, Request
from aukciszek.client.overview import AuctionOverview, rules_of
from aukciszek.client.parties import Parties


async def list_auctions(parties: Parties) -> list[AuctionOverview]:
    """Return the newest auctions that any party knows, those that open last first.

    Raises:
        ClientError: no party gave a usable answer.
    """

    async def ask(party: PartyConnection) -> Mapping[AuctionId, AuctionAnswer]:
        page = party.parse(AuctionList, await party.ask(Request("GET", "/api/auctions")))
        for answer in page.auctions:
            rules_of(answer, party.number, parties.cluster)
        return {answer.id: answer for answer in page.auctions}

    outcomes = await parties.each(ask)
    pages = outcomes.need(1, "list the auctions")
    known = dict.fromkeys(auction for page in pages.values() for auction in page)
    described = [
        AuctionOverview.combine(
            auction,
            {party: page[auction] for party, page in pages.items() if auction in page},
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
