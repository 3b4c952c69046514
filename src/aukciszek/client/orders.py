"""Orders of an auctioneer: creating an auction, closing it early, cancelling it; each goes to every party."""

from dataclasses import replace

from aukciszek.client.connection import PartyConnection, Request
from aukciszek.client.errors import AnswerNotUnderstoodError
from aukciszek.client.overview import rules_of
from aukciszek.client.parties import Parties, PartyResults
from aukciszek.client.schemas import AuctionAnswer
from aukciszek.client.tokens import UserTokens
from aukciszek.protocol.rules.spec import AuctionSpec


async def create_auction(parties: Parties, tokens: UserTokens, spec: AuctionSpec) -> PartyResults[AuctionAnswer]:
    """Create an auction.

    Raises:
        ClientError: fewer than ``t + 1`` parties accepted it.
    """
    request = Request("POST", "/api/auctions", body=spec.canonical_bytes)
    return await _order(parties, tokens, spec, request, "create the auction")


async def close_auction(parties: Parties, tokens: UserTokens, spec: AuctionSpec) -> PartyResults[AuctionAnswer]:
    """Close an auction before its time.

    Raises:
        ClientError: fewer than ``t + 1`` parties accepted the order.
    """
    request = Request("POST", f"/api/auctions/{spec.auction_id}/close")
    return await _order(parties, tokens, spec, request, "close the auction")


async def cancel_auction(parties: Parties, tokens: UserTokens, spec: AuctionSpec) -> PartyResults[AuctionAnswer]:
    """Cancel an auction before it closes.

    Raises:
        ClientError: fewer than ``t + 1`` parties accepted the order.
    """
    request = Request("POST", f"/api/auctions/{spec.auction_id}/cancel")
    return await _order(parties, tokens, spec, request, "cancel the auction")


async def _order(
    parties: Parties, tokens: UserTokens, spec: AuctionSpec, request: Request, what: str
) -> PartyResults[AuctionAnswer]:
    async def order(party: PartyConnection) -> AuctionAnswer:
        answer = party.parse(AuctionAnswer, await party.ask(replace(request, token=tokens.at(party.number))))
        if rules_of(answer, party.number, parties.cluster).auction_id != spec.auction_id:
            raise AnswerNotUnderstoodError(f"party {party.number} answered about another auction")
        return answer

    outcomes = await parties.each(order)
    outcomes.need(spec.threshold + 1, what)
    return outcomes
