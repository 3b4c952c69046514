"""What a party still says about auctions that are over for it, to peers that are behind, and to peers that know better.

``docs/protocol.md``, "The certificate". The outcome of an auction that is final here is sent to peers that missed it.
One that is cancelled here may be final at the others, where not all parties are needed: they finished before they heard
of the order to cancel. What ``t + 1`` parties signed counts then, so this party asks for it and follows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aukciszek.auctions.context.auction_context import AuctionContext, PartyContext
from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.orders import Orders
from aukciszek.auctions.outcome.certification import Certification
from aukciszek.auctions.recall import Recall
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.statements import OrderStatement, read_verified_statement
from aukciszek.protocol.rules.states import AuctionState, is_over
from aukciszek.storage.rows import AuctionRow

_AUCTIONS_AT_A_CONNECTION: Final = 50
"""Of so many of the newest auctions a peer hears, when it connects, that they are cancelled here."""

_NOT_ANSWERED: Final = frozenset({MessageKind.ORDER, MessageKind.PROPOSAL, MessageKind.RECALLED})
"""What a party says for which the auction is cancelled, too: two such parties must not keep answering each other."""

_ASKS: Final = frozenset({MessageKind.LISTS_SEEN, MessageKind.READY, MessageKind.RECALL})


def does_not_know_outcome(message: PeerMessage) -> bool:
    """Tell whether this is what only a party sends that does not know the outcome: it still computes, or cancelled.

    Raises:
        MalformedStatementError: the message is an order that is not of its form.
    """
    if message.kind is MessageKind.ORDER:
        return read_verified_statement(OrderStatement, message.body).content.kind == "cancel"
    return message.kind in _ASKS


class CatchUp:
    """One party's auctions that are over."""

    def __init__(self, party: PartyContext, certification_of: Callable[[AuctionRow], Awaitable[Certification]]) -> None:
        self._party = party
        self._certification_of = certification_of
        self._cancelled: dict[str, Certification] = {}
        self._one_at_a_time = asyncio.Lock()

    async def announce(self, peer: PartyNumber) -> None:
        """Tell a peer that has just connected what is cancelled here, in case that it knows an outcome."""
        if self._party.quorum < self._party.cluster.size:
            for row in await self._party.repository.auctions(_AUCTIONS_AT_A_CONNECTION):
                if row.state == AuctionState.CANCELLED.value:
                    await self._say_cancelled(peer, row)

    async def name_all(self, peer: PartyNumber) -> None:
        """Tell a peer whose database is new of the newest auctions that are over here, so that it can take them up."""
        for row in await self._party.repository.auctions(_AUCTIONS_AT_A_CONNECTION):
            if is_over(AuctionState(row.state)):
                orders = Orders(self._auction_context(row))
                await orders.load()
                await orders.announce([peer])

    async def answer(self, sender: PartyNumber, message: PeerMessage, row: AuctionRow) -> None:
        """Answer a peer's message about an auction that is over here.

        Parties for which it is over, too, only send what is not answered, so no two answer each other without end.

        Raises:
            AukciszekError: the message is malformed.
        """
        if row.state == AuctionState.CANCELLED.value:
            async with self._one_at_a_time:
                await self._answer_cancelled(sender, message, row)
            return
        certification = await self._certification_of(row)
        if message.kind is MessageKind.OUTCOME_SIGNATURE:
            await certification.receive(message.body)
        elif message.kind is MessageKind.SIGNATURES_WANTED:
            await certification.send_signatures([sender])
        elif message.kind is MessageKind.RECALL:
            await self._recall(row).receive_wanted(sender, message.body)
            await certification.send_outcome([sender])
        elif does_not_know_outcome(message):
            await certification.send_outcome([sender])

    async def _answer_cancelled(self, sender: PartyNumber, message: PeerMessage, row: AuctionRow) -> None:
        certification = self._cancelled.get(row.id) or self._cancelled.setdefault(
            row.id, Certification(self._auction_context(row))
        )
        match message.kind:
            case MessageKind.OUTCOME:
                await certification.receive_outcome(message.body)
            case MessageKind.OUTCOME_SIGNATURE:
                await certification.receive(message.body)
            case MessageKind.RECALL:
                await self._recall(row).receive_wanted(sender, message.body)
        if certification.may_adopt:
            await certification.adopt(AuctionState.FINAL)
            del self._cancelled[row.id]
        elif message.kind not in _NOT_ANSWERED and not certification.is_offered:
            await self._say_cancelled(sender, row)

    async def _say_cancelled(self, peer: PartyNumber, row: AuctionRow) -> None:
        """Show by whose announcements the auction is cancelled: a party that opened nothing follows."""
        orders = Orders(self._auction_context(row))
        await orders.load()
        await orders.announce([peer])
        if row.proposal is not None:
            await self._auction_context(row).send([peer], MessageKind.PROPOSAL, row.proposal)

    def _recall(self, row: AuctionRow) -> Recall:
        return Recall(self._auction_context(row), lambda _party: None)

    def _auction_context(self, row: AuctionRow) -> AuctionContext:
        return AuctionContext(self._party, row)
