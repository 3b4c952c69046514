"""Receipts: what a bidder keeps as proof that the parties hold the bid.

``docs/protocol.md``, "Receipts and the input set". A party signs a receipt only after the bundle is durable and its
own envelope was opened and found right. The receipt file is what `aukciszek bid place --receipts FILE` writes and
`aukciszek verify --receipts FILE` reads.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from aukciszek.clock import format_time
from aukciszek.cluster import LARGEST_CLUSTER, Cluster, PartyNumber
from aukciszek.encoding import canonical_json
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.statements import Receipt, Signed, read_statement
from aukciszek.protocol.rules.errors import MalformedReceiptFileError
from aukciszek.protocol.rules.fields import (
    AuctionIdField,
    BundleDigestField,
    BytesField,
    StrictModel,
    UserIdField,
    first_fault,
)
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest
from aukciszek.protocol.sealing.bundle import LARGEST_REVISION, BundleHeader

MOST_REVISIONS: Final = 1_000
_MOST_FILE_BYTES: Final = 8 << 20


def sign_receipt(
    identity: Identity, party: PartyNumber, *, auction: AuctionId, bundle: BundleDigest, received_at: datetime
) -> bytes:
    """Sign that this party holds the bundle since ``received_at``; return the statement as it is stored and sent.

    It may leave only after the bundle is durable and its envelope was opened. Put together without its model, to save
    time for every bid; :func:`~aukciszek.protocol.evidence.statements.read_statement` reads it.
    """
    body = canonical_json(
        {
            "auction": auction,
            "bundle": bundle,
            "kind": "receipt",
            "party": party,
            "received_at": format_time(received_at),
        }
    )
    return identity.sign(Receipt.label, body) + body


def in_time(received_at: datetime, closes_at: datetime) -> bool:
    """Tell whether a bundle received at that moment counts: at the close is in time, a millisecond later is not."""
    return received_at <= closes_at


class BidReceipts(StrictModel):
    """One revision of a bid, with the receipts that its bidder holds for it."""

    bundle: BundleDigestField
    revision: Annotated[int, Field(ge=1, le=LARGEST_REVISION)]
    withdrawal: bool
    receipts: Annotated[tuple[BytesField, ...], Field(max_length=LARGEST_CLUSTER)]
    """Signed receipt statements, as the parties sent them."""
    content: BytesField | None = None
    """The sealed bundle, to hand it to parties that were away; kept of the last revision."""

    def read(self, cluster: Cluster) -> tuple[Signed[Receipt], ...]:
        """Read and verify the receipts.

        Raises:
            StatementError: a receipt is malformed or not signed by the party that it names.
        """
        return tuple(read_statement(Receipt, content, cluster) for content in self.receipts)


class ReceiptFile(StrictModel):
    """All receipts that one bidder holds in one auction, one entry for each revision in ascending order."""

    version: Literal[1] = 1
    auction: AuctionIdField
    bidder: UserIdField
    bids: Annotated[tuple[BidReceipts, ...], Field(max_length=MOST_REVISIONS)]

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        revisions = [bid.revision for bid in self.bids]
        if revisions != sorted(set(revisions)):
            raise ValueError("list every revision once, in ascending order")
        return self

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read a receipt file's bytes.

        Raises:
            MalformedReceiptFileError: they are no receipt file; the text names the place.
        """
        if len(content) > _MOST_FILE_BYTES:
            raise MalformedReceiptFileError(f"a receipt file has at most {_MOST_FILE_BYTES} bytes")
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            raise MalformedReceiptFileError(f"this is no receipt file, see {first_fault(error)}") from error

    def encode(self) -> bytes:
        """Return the file's bytes, ending in a newline."""
        return canonical_json(self.model_dump(mode="json", exclude_none=True)) + b"\n"

    def without_bundles(self) -> Self:
        """Return this file with the receipts alone."""
        bids = tuple(bid.model_copy(update={"content": None}) for bid in self.bids)
        return type(self)(auction=self.auction, bidder=self.bidder, bids=bids)

    def with_bid(self, header: BundleHeader, receipts: Iterable[Signed[Receipt]], content: bytes | None = None) -> Self:
        """Return this file with one more revision, or with that revision's receipts replaced.

        Args:
            header: of the revision.
            receipts: all that there are of it.
            content: the bundle; left out, what the file has of it stays.
        """
        bid = BidReceipts(
            bundle=header.digest,
            revision=header.revision,
            withdrawal=header.withdrawal,
            receipts=tuple(receipt.encode() for receipt in receipts),
            content=content or next((known.content for known in self.bids if known.bundle == header.digest), None),
        )
        others = [known for known in self.bids if known.revision != bid.revision]
        *earlier, last = sorted([*others, bid], key=lambda one: one.revision)
        bids = (*(one.model_copy(update={"content": None}) for one in earlier), last)
        return type(self)(auction=self.auction, bidder=self.bidder, bids=bids)


class RelayedBid(StrictModel):
    """What a bidder relays: the receipts for one bundle, and the bundle, if it is available."""

    bundle: BytesField | None = None
    """The bundle's bytes, for a party that does not have it; it finds it at the signers otherwise."""
    receipts: Annotated[tuple[BytesField, ...], Field(min_length=1, max_length=LARGEST_CLUSTER)]
    """Signed receipt statements, as the parties sent them."""
