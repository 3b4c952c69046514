"""What the parties say to meet for a session: each signs that it is ready, and one of them puts the words together.

``docs/adr/0003-sessions-by-attempt.md`` says why.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from aukciszek.auctions.agreement import CountedBid, InputSet
from aukciszek.auctions.errors import MalformedStatementError
from aukciszek.auctions.fields import BundleDigestField, DigestField
from aukciszek.auctions.identifiers import AuctionId, BundleDigest, labelled_sha256
from aukciszek.auctions.statements import Signed, Statement, read_statement, statement_digest
from aukciszek.cluster import LARGEST_CLUSTER, Cluster, PartyNumber
from aukciszek.encoding import (
    MalformedEncodingError,
    canonical_json,
    from_base64url,
    parse_canonical_json,
    to_base64url,
)
from aukciszek.mpc.ranking import Pace

_MOST_UNUSABLE: Final = 200_000
_LARGEST_ATTEMPT: Final = 2**31 - 1
_BYTES_A_DIGEST: Final = 67
"""64 digits, quotation marks and a comma."""

_MICROSECONDS: Final = 1_000_000
LONGEST_ROUND_US: Final = 10 * _MICROSECONDS


class Readiness(Statement):
    """This party is ready for an attempt to compute."""

    label: ClassVar[str] = "readiness"
    most_bytes: ClassVar[int] = _MOST_UNUSABLE * _BYTES_A_DIGEST + 4_096

    kind: Literal["readiness"] = "readiness"
    attempt: Annotated[int, Field(ge=1, le=_LARGEST_ATTEMPT)]
    input_set: DigestField
    began: bool
    """Whether this party has begun a session on this input set, and so will never compute on another."""
    cancels: bool
    """Whether an order to cancel is in force at this party, which knows no outcome: it opens nothing if it need not."""
    nonce: DigestField
    round_us: Annotated[int, Field(ge=1, le=LONGEST_ROUND_US)]
    """What a round takes, as far as this party can tell, in microseconds."""
    unusable: Annotated[tuple[BundleDigestField, ...], Field(max_length=_MOST_UNUSABLE)]
    """Bids whose envelope this party cannot use."""


type Ready = Mapping[PartyNumber, Signed[Readiness]]
"""Who is ready; the participants of a session, once it is convened."""


def session_id(auction: AuctionId, ready: Ready) -> bytes:
    """Return the id of the session that these parties meet in; 32 bytes, never the same twice."""
    digests = (bytes.fromhex(statement_digest(ready[party].content)) for party in sorted(ready))
    return labelled_sha256("session", bytes.fromhex(auction), *digests)


def in_microseconds(round_s: float | None) -> int:
    """Return what a party announces of its measurement; without one, what is usual in one data centre."""
    usual_s = Pace().round_s
    return min(max(1, round(_MICROSECONDS * (usual_s if round_s is None else round_s))), LONGEST_ROUND_US)


def common_pace(ready: Ready) -> Pace:
    """Return the pace of a session: the median of what its participants announced, so that all use the same."""
    return Pace.from_measured_rounds([one.content.round_us / _MICROSECONDS for one in ready.values()])


def encode_convocation(ready: Ready) -> bytes:
    """Put together the announcements that make a session."""
    return canonical_json([to_base64url(ready[party].encode()) for party in sorted(ready)])


def read_convocation(content: bytes, cluster: Cluster) -> Ready:
    """Read announcements that somebody put together, and verify each.

    Raises:
        StatementError: the message is malformed, or an announcement is not signed by its party or there twice.
    """
    try:
        texts = parse_canonical_json(content)
        if not isinstance(texts, list) or len(texts) > LARGEST_CLUSTER:
            raise MalformedStatementError("a convocation is a list of one announcement for each party")
        statements = [read_statement(Readiness, from_base64url(str(text)), cluster) for text in texts]
    except MalformedEncodingError as error:
        raise MalformedStatementError(f"malformed convocation: {error.message}") from error
    ready = {signed.content.party: signed for signed in statements}
    if len(ready) != len(statements):
        raise MalformedStatementError("a convocation names a party twice")
    return ready


def usable_bids(
    input_set: InputSet, announcements: Iterable[Readiness]
) -> tuple[tuple[CountedBid, ...], tuple[BundleDigest, ...]]:
    """Split an input set into the bids that every participant has a share of, and the others.

    A party cannot complain about a bid for which it gave a receipt: the receipt says that its share is usable. So a
    bid with the receipts of all parties cannot be left out by any of them.
    """
    receipts = {bid.digest: bid.receipts for bid in input_set.bids}
    unusable = {
        digest
        for readiness in announcements
        for digest in readiness.unusable
        if digest in receipts and readiness.party not in receipts[digest]
    }
    return tuple(bid for bid in input_set.bids if bid.digest not in unusable), tuple(sorted(unusable))
