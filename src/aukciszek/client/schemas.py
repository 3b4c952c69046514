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
    connected: bool
    clock_offset_ms: int | None = None
    """How far the peer's clock is ahead of the party's own, as the party measured it."""


class SessionCounts(_Answer):
    """How many auctions a party computes at this moment, and how many wait for a place."""

    computing: int
    waiting: int
    most: int


class Status(_Answer):
    """What a party says about itself."""

    party: int
    name: str
    version: str
    ready: bool
    cluster_digest: str
    parties: int
    threshold: int
    mode: str
    login_server: int
    peers: tuple[PeerStatus, ...]
    sessions: SessionCounts | None = None
    """Not said by a party of an earlier version."""
    time: MomentField


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
    spec: dict[str, Any]
    state: AuctionState
    state_since: MomentField
    stage: str = ""
    waiting_for: tuple[int, ...]
    failure: str | None
    bids: int
    sealing_keys: tuple[SealingKeyAnswer, ...]
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
    fraction: float
    waiting_for: tuple[int, ...]
    bids: int
    failure: str | None = None
