"""An opened bid: the bundle, every row that it commits to, and the receipts for it; the bidder's own proof.

``docs/protocol.md``, "Opening one's own bid". `aukciszek bid prove` writes it and `aukciszek verify --opening` reads
it. It discloses the exact price to everyone who sees it.
"""

from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from aukciszek.cluster import LARGEST_CLUSTER, SMALLEST_CLUSTER
from aukciszek.encoding import canonical_json
from aukciszek.protocol.evidence.receipts import ReceiptFile
from aukciszek.protocol.rules.errors import BundleError, MalformedOpeningError, OpeningDoesNotFitError
from aukciszek.protocol.rules.fields import AuctionIdField, BytesField, StrictModel, first_fault
from aukciszek.protocol.sealing.bundle import Bundle, BundleHeader
from aukciszek.protocol.sealing.opening_secret import OpeningSecret

MOST_OPENED_BID_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class FoundBid:
    """What an opened bid turned out to be."""

    bundle: Bundle
    header: BundleHeader
    elements: tuple[int, ...] = field(repr=False)
    """What was shared in the place of the bits; a dishonest bidder may have shared anything."""

    @property
    def step(self) -> int | None:
        """The price in steps of the grid; None if the elements are no bits."""
        if not set(self.elements) <= {0, 1}:
            return None
        return int("".join(map(str, self.elements)), 2)


class OpenedBid(StrictModel):
    """A bid that its bidder opened, as one JSON file; it discloses the exact price."""

    version: Literal[1] = 1
    auction: AuctionIdField
    bundle: Annotated[BytesField, Field(repr=False)]
    """The sealed bundle, as it was submitted to the parties."""
    rows: Annotated[tuple[BytesField, ...], Field(min_length=SMALLEST_CLUSTER, max_length=LARGEST_CLUSTER, repr=False)]
    """For every party, in the order of their numbers, the row that its envelope holds."""
    receipts: Annotated[ReceiptFile, Field(repr=False)]
    """The receipts for all revisions of the bid, without bundles; the opened revision may have none."""

    @model_validator(mode="after")
    def _check_receipts(self) -> Self:
        if self.receipts.auction != self.auction:
            raise ValueError("the receipts are from another auction")
        if any(bid.content is not None for bid in self.receipts.bids):
            raise ValueError("the receipts come without bundles")
        return self

    @classmethod
    def of(cls, content: bytes, secret: OpeningSecret, receipts: ReceiptFile) -> Self:
        """Open a bundle.

        Args:
            content: the bundle's bytes.
            secret: what its bidder kept.
            receipts: the bidder's receipt file.

        Raises:
            MalformedBundleError: these bytes are no bundle.
            OpeningDoesNotFitError: this is not its secret, or the receipts are those of another bid.
        """
        bundle = Bundle.decode(content)
        if (receipts.auction, receipts.bidder) != (bundle.auction, bundle.bidder):
            raise OpeningDoesNotFitError("the receipts are those of another auction or bidder")
        rows = secret.rows(bundle)
        return cls(auction=bundle.auction, bundle=content, rows=rows, receipts=receipts.without_bundles())

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read the file's bytes; what is in them is not checked to fit before :func:`find_bid`.

        Raises:
            MalformedOpeningError: not readable, or not canonical; the text names the field.
        """
        if len(content) > MOST_OPENED_BID_BYTES:
            raise MalformedOpeningError(f"an opened bid has at most {MOST_OPENED_BID_BYTES} bytes")
        try:
            opened = cls.model_validate_json(content)
        except ValidationError as error:
            raise MalformedOpeningError(f"this is no opened bid, see {first_fault(error)}") from error
        if opened.encode() != content:
            raise MalformedOpeningError("an opened bid must be canonical JSON: use the file as it was written")
        return opened

    def encode(self) -> bytes:
        """Return the file's bytes."""
        return canonical_json(self.model_dump(mode="json", exclude_none=True))


def find_bid(opened: OpenedBid) -> FoundBid:
    """Check an opened bid against itself, and return what was bid.

    Each row must match its commitment and the proof of degree, and all of them must lie on polynomials of degree
    ``t``: so nobody can open one bundle in two ways.

    Raises:
        OpeningDoesNotFitError: rows, bundle and receipts do not belong together, or the bidder dealt wrongly.
    """
    try:
        bundle = Bundle.decode(opened.bundle)
    except BundleError as error:
        raise OpeningDoesNotFitError("the bundle in this opening is none") from error
    if bundle.auction != opened.auction or bundle.bidder != opened.receipts.bidder:
        raise OpeningDoesNotFitError("the bundle in this opening belongs to another auction or bidder")
    if bundle.withdrawal or len(opened.rows) != len(bundle.envelopes):
        raise OpeningDoesNotFitError("an opening holds a bid, and one row for each of its envelopes")
    header = bundle.header()
    if any((one.bundle == header.digest) != (one.revision == bundle.revision) for one in opened.receipts.bids):
        raise OpeningDoesNotFitError("the receipts name another bundle for this revision")
    # Brings NumPy, a quarter of what starting `aukciszek verify` takes, and only an opening needs it.
    from aukciszek.protocol.evidence.opened_rows import open_rows  # noqa: PLC0415

    return FoundBid(bundle, header, open_rows(bundle, opened.rows))
