"""How the parties meet for a session: each announces that it is ready, and the announcements make the session's id.

``docs/adr/0003-sessions-by-attempt.md`` says why.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aukciszek.auctions.agreement import CountedBid, InputSet
from aukciszek.auctions.errors import MalformedStatementError
from aukciszek.auctions.fields import BundleDigestField, DigestField, first_fault
from aukciszek.auctions.identifiers import AuctionId, BundleDigest, labelled_sha256
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import canonical_json

_MOST_UNUSABLE: Final = 200_000
_LARGEST_ATTEMPT: Final = 2**31 - 1


class Readiness(BaseModel):
    """One party's announcement that it is ready for an attempt."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    attempt: Annotated[int, Field(ge=1, le=_LARGEST_ATTEMPT)]
    input_set: DigestField
    began: bool
    """Whether the sender has begun a session on this input set, and so will never compute on another."""
    nonce: DigestField
    unusable: Annotated[tuple[BundleDigestField, ...], Field(max_length=_MOST_UNUSABLE)]
    """Bids whose envelope the sender cannot use, and for which it gave no receipt."""

    def encode(self) -> bytes:
        """Return the only byte form."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read an announcement.

        Raises:
            MalformedStatementError: it is not of this form.
        """
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            raise MalformedStatementError(f"malformed announcement, see {first_fault(error)}") from error


def session_id(auction: AuctionId, ready: Mapping[PartyNumber, Readiness]) -> bytes:
    """Return the id of the session that these announcements begin; 32 bytes, never the same twice."""
    digests = (labelled_sha256("readiness", ready[party].encode()) for party in sorted(ready))
    return labelled_sha256("session", bytes.fromhex(auction), *digests)


def usable_bids(
    input_set: InputSet, ready: Mapping[PartyNumber, Readiness]
) -> tuple[tuple[CountedBid, ...], tuple[BundleDigest, ...]]:
    """Split an input set into the bids that every party has a share of, and the others.

    A party cannot complain about a bid for which it gave a receipt: the receipt says that its share is usable. So a
    bid with the receipts of all parties cannot be left out by any of them.
    """
    unusable = {
        bid.digest
        for bid in input_set.bids
        for party, readiness in ready.items()
        if party not in bid.receipts and bid.digest in readiness.unusable
    }
    return tuple(bid for bid in input_set.bids if bid.digest not in unusable), tuple(sorted(unusable))
