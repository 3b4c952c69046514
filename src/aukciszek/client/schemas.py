"""The forms of the parties' answers, as a client reads them (``docs/architecture.md``, "HTTP interface").

Members that a newer server adds are ignored; those listed here must be there and of the right type. What an answer
says is one party's word: signatures are verified and stories compared where the answers are put together.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from aukciszek.protocol.rules.fields import BundleDigestField, BytesField, MomentField, UserIdField
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.rules.states import AuctionState


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class PeerStatus(_Answer):
    """Whether a party can reach one of its peers."""

    party: int
    """The peer's number."""
    connected: bool
    clock_offset_ms: int | None = None
    """How far the peer's clock is ahead of the party's own, as the party measured it."""


class SessionCounts(_Answer):
    """How many auctions a party computes at this moment, and how many wait for a slot."""

    computing: int
    waiting: int
    most: int
    """How many places there are."""


class Status(_Answer):
    """What a party says about itself."""

    party: int
    """Its number."""
    name: str
    """Its name in the cluster file."""
    version: str
    """Of its software."""
    ready: bool
    """Whether links to enough other parties to compute an auction are up, and it is not about to stop."""
    cluster_digest: str
    """The digest of the cluster file that it goes by."""
    parties: int
    """How many parties there are, ``n``."""
    threshold: int
    """How many of them may be corrupt, ``t``."""
    mode: str
    """The security that follows from the two: a value of :class:`Security`."""
    login_server: int
    """The number of the party that keeps the accounts."""
    peers: tuple[PeerStatus, ...]
    """Its links to the other parties."""
    sessions: SessionCounts | None = None
    """Not said by a party of an earlier version."""
    time: MomentField
    """Its time of day."""


class Registered(_Answer):
    """The account that was made."""

    uid: UserIdField
    email: str


class IssuedToken(_Answer):
    """One access token and the party it is for."""

    server: str
    access_token: Annotated[str, Field(repr=False)]


class LoggedIn(_Answer):
    """The tokens of one log-in."""

    access_tokens: Annotated[tuple[IssuedToken, ...], Field(repr=False)]
    token_type: str


class SealingKeyAnswer(_Answer):
    """A party's signed sealing key, as any party relays it."""

    party: int
    statement: BytesField


class AuctionAnswer(_Answer):
    """What one party says about one auction."""

    id: AuctionId
    """The hash of the rules."""
    spec: dict[str, Any]
    """The rules, as JSON; :class:`AuctionOverview` has them verified."""
    state: AuctionState
    state_since: MomentField
    stage: str = ""
    """What it is doing within the state."""
    waiting_for: tuple[int, ...]
    """The parties that it waits for."""
    failure: str | None
    """The code of the fault that blocks the auction there, if any."""
    bids: int
    """How many bidders have a bid there that was not withdrawn."""
    sealing_keys: tuple[SealingKeyAnswer, ...]
    """Of every party whose statement is there; none in lists."""
    cancel_vouchers: tuple[int, ...] = ()
    """Who vouches for the auctioneer's order to cancel."""


class AuctionList(_Answer):
    """A page of auctions."""

    auctions: tuple[AuctionAnswer, ...]


class ReceiptAnswer(_Answer):
    """A party's receipt for one bundle."""

    statement: BytesField


class RelayedBidAnswer(_Answer):
    """Whose receipts for a bundle a party has."""

    bundle: BundleDigestField
    receipts_of: tuple[int, ...]


class OwnBid(_Answer):
    """One revision of the user's own bid, as one party holds it."""

    revision: int
    bundle: BundleDigestField
    withdrawal: bool
    received_at: MomentField
    statement: BytesField


class OwnBids(_Answer):
    """All revisions of the user's own bid in one auction."""

    bids: tuple[OwnBid, ...]


class Progress(_Answer):
    """How far an auction is at one party."""

    state: AuctionState
    stage: str
    """What it is doing within the state."""
    fraction: float
    """The progress of the stage, from 0 to 1."""
    waiting_for: tuple[int, ...]
    """The parties that it waits for."""
    bids: int
    """How many bidders have a bid there that was not withdrawn."""
    failure: str | None = None
    """The code of the fault that blocks the auction there, if any."""
