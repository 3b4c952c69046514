"""The schemas of this server's answers (``docs/architecture.md``, "HTTP interface").

Nothing is disclosed by mistake: each schema lists what it contains.
"""

from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from aukciszek.accounts.tokens import AccessToken
from aukciszek.auctions.view import AuctionView, OwnBid, Progress
from aukciszek.encoding import to_base64url
from aukciszek.mpc.mode import Security
from aukciszek.protocol.evidence.statements import SIGNATURE_BYTES
from aukciszek.protocol.rules.fields import BytesField, MomentField
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProblemAnswer(_Answer):
    """An error as a problem document (RFC 9457); ``docs/errors.md`` lists all codes."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: tuple[dict[Literal["pointer", "detail"], str], ...] | None = None
    """With the code ``invalid-request``: the parts that are not valid."""


class PeerAnswer(_Answer):
    """Whether this party and a peer reach each other."""

    party: int
    connected: bool
    clock_offset_ms: int | None
    """How far the peer's clock is ahead of this party's, if it was measured; off by half the round trip at most."""
    round_trip_ms: float | None


class SessionsAnswer(_Answer):
    """The auctions that a party computes now."""

    computing: int
    waiting: int
    """How many more are ready and wait for a slot."""
    most: int
    """How many it computes at a time."""


class StatusAnswer(_Answer):
    """A party's description of itself."""

    party: int
    name: str
    version: str
    ready: bool
    """Whether links to enough other parties to compute an auction are up, both ways, and it is not about to stop."""
    cluster_digest: str
    parties: int
    threshold: int
    mode: Security
    login_server: int
    peers: tuple[PeerAnswer, ...]
    sessions: SessionsAnswer
    time: MomentField


class RegisteredAnswer(_Answer):
    """The account that was created."""

    uid: str
    email: str


class TokenAnswer(_Answer):
    """A token and the server that it is for."""

    server: str
    access_token: str = Field(repr=False)


class TokensAnswer(_Answer):
    """The tokens of one log-in."""

    access_tokens: tuple[TokenAnswer, ...]
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 -- the name of a scheme (RFC 6750)

    @classmethod
    def of(cls, tokens: list[AccessToken]) -> Self:
        """Return the tokens as they are sent."""
        return cls(access_tokens=tuple(TokenAnswer(server=one.server_url, access_token=one.token) for one in tokens))


class SealingKeyAnswer(_Answer):
    """A party's signed sealing key."""

    party: int
    statement: BytesField


class AuctionAnswer(_Answer):
    """An auction, as this party sees it."""

    id: str
    spec: AuctionSpec
    state: AuctionState
    state_since: MomentField
    stage: str
    fraction: float
    """The progress of the stage, from 0 to 1."""
    waiting_for: tuple[int, ...]
    """The parties that this one waits for."""
    failure: str | None
    """The code of the fault that blocks the auction here, if any."""
    bids: int
    """How many bidders have a bid here that was not withdrawn."""
    sealing_keys: tuple[SealingKeyAnswer, ...]
    """Of every party whose statement is here. Omitted from lists, of which they would be nine tenths."""
    close_vouchers: tuple[int, ...]
    """The parties that vouch for the auctioneer's order to close early."""
    cancel_vouchers: tuple[int, ...]
    """The parties that vouch for the auctioneer's order to cancel. With as many as are needed the auction takes no more
    bids; until the parties have agreed on it, and the state is ``cancelled``, it is being cancelled."""
    vouchers_needed: int
    """How many parties must vouch for an order."""

    @classmethod
    def of(cls, view: AuctionView, *, with_keys: bool = True) -> Self:
        """Describe an auction."""
        return cls(
            id=view.spec.auction_id,
            spec=view.spec,
            state=view.state,
            state_since=view.state_since,
            stage=view.stage.name,
            fraction=view.stage.fraction,
            waiting_for=view.waiting_for,
            failure=view.failure,
            bids=view.bids,
            sealing_keys=tuple(
                SealingKeyAnswer(party=key.content.party, statement=key.encode())
                for key in (view.sealing_keys if with_keys else ())
            ),
            close_vouchers=view.close_vouchers,
            cancel_vouchers=view.cancel_vouchers,
            vouchers_needed=view.vouchers_needed,
        )


class AuctionsAnswer(_Answer):
    """A page of auctions, the newest first."""

    auctions: tuple[AuctionAnswer, ...]


class ProgressEvent(_Answer):
    """An auction's progress at one moment."""

    state: AuctionState
    stage: str
    fraction: float
    waiting_for: tuple[int, ...]
    failure: str | None
    bids: int

    @classmethod
    def of(cls, progress: Progress) -> Self:
        """Describe a moment."""
        return cls(
            state=progress.state,
            stage=progress.stage.name,
            fraction=progress.stage.fraction,
            waiting_for=progress.waiting_for,
            failure=progress.failure,
            bids=progress.bids,
        )


class ReceiptAnswer(_Answer):
    """This party's signed receipt for one bundle."""

    auction: str
    bundle: str
    party: int
    received_at: MomentField
    statement: BytesField


_KIND: Final = b'"kind":"receipt",'


def receipt_answer(statement: bytes) -> bytes:
    """Return the JSON of a :class:`ReceiptAnswer`: ``statement`` is the proof, the other members repeat its content.

    A statement is a signature and canonical JSON with the same members, which are copied as bytes. Parsing them into a
    model and encoding it would cost a bid a fourteenth of the server's processor time (``docs/benchmarks.md``).
    """
    members = statement[SIGNATURE_BYTES:].replace(_KIND, b"", 1)
    return members[:-1] + b',"statement":"' + to_base64url(statement).encode() + b'"}'


class RelayedBidAnswer(_Answer):
    """Whose receipts for a bundle this party has now."""

    bundle: str
    receipts_of: tuple[int, ...]


class OwnBidAnswer(_Answer):
    """One revision of the asking bidder's bid."""

    revision: int
    bundle: str
    withdrawal: bool
    received_at: MomentField
    statement: BytesField

    @classmethod
    def of(cls, bid: OwnBid) -> Self:
        """Describe a revision with its receipt."""
        return cls(
            revision=bid.revision,
            bundle=bid.bundle,
            withdrawal=bid.withdrawal,
            received_at=bid.receipt.content.received_at,
            statement=bid.receipt.encode(),
        )


class OwnBidsAnswer(_Answer):
    """All revisions of the asking bidder's bid in one auction."""

    bids: tuple[OwnBidAnswer, ...]


class WinnerAnswer(_Answer):
    """How to reach a winner."""

    uid: str
    email: str


class WinnersAnswer(_Answer):
    """The winners whose bids this party received, for the auctioneer."""

    winners: tuple[WinnerAnswer, ...]


class IncidentAnswer(_Answer):
    """A violation of the protocol."""

    id: int
    at: MomentField
    kind: str
    party: int | None
    auction: str | None
    details: dict[str, object]


class IncidentsAnswer(_Answer):
    """The newest incidents."""

    incidents: tuple[IncidentAnswer, ...]


class PageFileAnswer(_Answer):
    """One file of the page."""

    path: str
    sha256: str


class PageAnswer(_Answer):
    """The files of the page that this party serves."""

    digest: str
    """The SHA-256 over all of them; equal at all parties that serve the same page."""
    files: tuple[PageFileAnswer, ...]
