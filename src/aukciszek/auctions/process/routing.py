"""Messages about one auction: each goes to the part that it concerns; what peers may have missed is said again.

``docs/protocol.md``, "Messages between parties".
"""

from collections.abc import Awaitable, Callable, Sequence

from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.outcome.catch_up import does_not_know_outcome
from aukciszek.auctions.process.parts import AuctionParts
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.rules.states import AuctionState


class MessageRouting:
    """See the module."""

    def __init__(self, parts: AuctionParts) -> None:
        self._parts = parts
        # What is signed counts, from any sender; the rest is between the sender and this party.
        self._signed: dict[MessageKind, Callable[[bytes], Awaitable[None]]] = {
            MessageKind.ORDER: parts.orders.receive,
            MessageKind.KEY_TABLE: parts.dealing.receive_table,
            MessageKind.RECEIPT_LIST: parts.list_exchange.receive_list,
            MessageKind.BUNDLE: parts.replication.receive_bundle,
            MessageKind.OPENING_SIGNATURE: parts.openings.receive_signature,
            MessageKind.RELEASE: parts.openings.receive_release,
            MessageKind.OUTCOME_SIGNATURE: parts.certification.receive,
            MessageKind.OUTCOME: parts.certification.receive_outcome,
        }
        self._from_sender: dict[MessageKind, Callable[[PartyNumber, bytes], Awaitable[None]]] = {
            MessageKind.SEALING_KEY: parts.keys.receive,
            MessageKind.DEALING: parts.dealing.receive_dealing,
            MessageKind.DEALING_WANTED: parts.dealing.receive_wanted,
            MessageKind.KEYS_WANTED: parts.dealing.recovery.receive_wanted,
            MessageKind.KEYS: parts.dealing.recovery.receive_keys,
            MessageKind.LISTS_SEEN: parts.list_exchange.receive_seen,
            MessageKind.LIST_WANTED: parts.list_exchange.receive_list_wanted,
            MessageKind.BUNDLES_WANTED: parts.replication.receive_bundles_wanted,
            MessageKind.RECEIPTS: parts.replication.receive_receipts,
            MessageKind.RECEIPTS_KNOWN: parts.replication.receive_known,
            MessageKind.READY: parts.setup.receive_readiness,
            MessageKind.PROPOSAL: parts.setup.receive_proposal,
            MessageKind.SIGNATURES_WANTED: parts.certification.receive_wanted,
            MessageKind.RECALL: parts.recall.receive_wanted,
            MessageKind.RECALLED: parts.recall.receive_recalled,
        }

    async def receive(self, sender: PartyNumber, message: PeerMessage) -> None:
        """Give a peer's message to the part that it concerns.

        Raises:
            AukciszekError: the message is malformed or breaks the protocol.
        """
        parts = self._parts
        receive = self._signed.get(message.kind)
        if receive is not None:
            await receive(message.body)
        else:
            await self._from_sender[message.kind](sender, message.body)
        if parts.context.state is AuctionState.SIGNING and does_not_know_outcome(message):
            await parts.certification.send_outcome([sender])
            await parts.openings.announce([sender])

    async def announce(self, to: Sequence[PartyNumber]) -> None:
        """Tell peers what they may have missed while they were not connected."""
        parts = self._parts
        await parts.orders.announce(to)
        match parts.context.state:
            case AuctionState.CREATED | AuctionState.OPEN | AuctionState.CLOSED:
                await self._announce_keys(to)
                await parts.replication.announce(to)
            case AuctionState.AGREEING:
                await self._announce_keys(to)
                await parts.list_exchange.announce(to)
            case AuctionState.COMPUTING | AuctionState.REVEALING:
                await self._announce_keys(to)
                await parts.list_exchange.announce(to)
                await parts.setup.announce(to)
                await parts.openings.announce(to)
            case AuctionState.SIGNING:
                await parts.certification.announce(to)
            case AuctionState.ABANDONED:
                await parts.openings.announce(to)

    async def _announce_keys(self, to: Sequence[PartyNumber]) -> None:
        if self._parts.context.recalled:
            await self._parts.keys.announce(to)
            await self._parts.dealing.announce(to)
