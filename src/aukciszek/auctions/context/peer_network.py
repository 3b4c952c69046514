"""What the auctions of one party ask of the network between the parties.

The server implements these interfaces over WebSockets, the tests in memory. Delivery is best effort: a message to
a party that is not connected is dropped. The auctions never rely on a single message; they announce their state
again whenever a peer connects and while they wait (``docs/protocol.md``, "Messages between parties").
"""

from dataclasses import dataclass, field
from enum import IntEnum, unique
from typing import Protocol

from aukciszek.cluster import PartyNumber
from aukciszek.mpc.channel import Channel
from aukciszek.protocol.rules.identifiers import AuctionId


@unique
class MessageKind(IntEnum):
    """What a message between parties is about; one byte on the wire."""

    ORDER = 1
    """A signed order statement: the sender saw the auctioneer create, close or cancel the auction."""

    SEALING_KEY = 2
    """A signed sealing-key statement of the party that it names."""

    RECEIPT_LIST = 3
    """A signed receipt list of the party that it names."""

    LISTS_SEEN = 4
    """Which receipt lists the sender has, so that missing and contradicting ones are noticed."""

    LIST_WANTED = 5
    """The sender requests a receipt list that the receiver has."""

    BUNDLES_WANTED = 6
    """The sender asks for bundles by their digests."""

    BUNDLE = 7
    """One bundle, as the bidder made it."""

    READY = 8
    """A party's announcement that it is ready to compute: attempt, the input set's digest and a fresh nonce."""

    OUTCOME_SIGNATURE = 9
    """A party's signature under the certificate's body."""

    SIGNATURES_WANTED = 10
    """The sender asks for the signatures that the receiver has."""

    PROPOSAL = 11
    """The announcements of the parties of a session, put together by its leader; also as proof of what was begun."""

    OUTCOME = 12
    """The certificate's body, for a party that was not there when it was computed."""

    RECEIPTS = 13
    """Receipts that the sender gave."""

    RECEIPTS_KNOWN = 14
    """How many of the receiver's receipts the sender has."""

    DEALING = 16
    """The keys for shared randomness that the sender deals to the receiver, sealed to its sealing key."""

    KEY_TABLE = 17
    """A signed key table: which keys the party that it names holds."""

    KEYS_WANTED = 18
    """A signed statement of the sender, with a fresh key: it asks for the keys that it shares with the receiver."""

    KEYS = 19
    """The keys that the sender shares with the receiver, sealed to the key that it asked with."""

    DEALING_WANTED = 20
    """The sender still waits for keys to be dealt: it asks for all that the receiver has to say about that."""

    OPENING_SIGNATURE = 21
    """A party's signature under a masked opening."""

    RELEASE = 22
    """A masked opening that all parties have signed, with keys to it."""

    RECALL = 23
    """The sender asks for what it has signed itself, as it may have forgotten."""

    RECALLED = 24
    """What the receiver has signed, as far as the sender has it."""


@dataclass(frozen=True, slots=True)
class PeerMessage:
    """One message between two parties about one auction."""

    kind: MessageKind
    auction: AuctionId
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message about an auction that a state machine has decided to send."""

    to: tuple[PartyNumber, ...]
    kind: MessageKind
    body: bytes = field(repr=False)


class PeerListener(Protocol):
    """Who is told what arrives over the links. Both methods must return quickly."""

    async def on_connected(self, peer: PartyNumber) -> None:
        """React to a link to ``peer`` that has just come up."""
        ...

    async def on_message(self, sender: PartyNumber, message: PeerMessage) -> None:
        """React to a message of an authenticated peer.

        Raises:
            AukciszekError: the message is malformed or breaks the protocol; the link records an incident.
        """
        ...


class SessionChannel(Channel, Protocol):
    """The engine's channel for one session, multiplexed over the links."""

    async def close(self) -> None:
        """End the session at this party: a pending or later exchange raises ``ChannelClosedError``."""
        ...


class PeerNetwork(Protocol):
    """The links to all other parties."""

    @property
    def own(self) -> PartyNumber:
        """The number of the party that speaks here."""
        ...

    @property
    def size(self) -> int:
        """The number of parties, ``n``."""
        ...

    @property
    def connected(self) -> frozenset[PartyNumber]:
        """The peers that can be reached now."""
        ...

    @property
    def round_s(self) -> float | None:
        """What a round with the peers that can be reached takes, in seconds; ``None`` before that was measured."""
        ...

    async def send(self, to: PartyNumber, message: PeerMessage) -> None:
        """Send one message; drop it if ``to`` is not connected."""
        ...

    def open_channel(
        self, session_id: bytes, *, round_timeout_s: float, first_timeout_s: float | None = None
    ) -> SessionChannel:
        """Open the channel of a session.

        Args:
            session_id: 32 bytes that all parties derived alike; rounds that arrived early are waiting in it.
            round_timeout_s: how long a round waits for the other parties.
            first_timeout_s: how long the first round waits for them; without it, as long as any other.
        """
        ...
