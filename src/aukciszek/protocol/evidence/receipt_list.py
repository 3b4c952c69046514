"""The list that a party signs after the close: every bundle for which it gave a receipt, and all else that decides.

``docs/protocol.md``, "Receipts and the input set". Beside its own receipts the list carries the receipts of other
parties that its author holds, so that a party cannot deny what it signed; complaints about bundles whose envelope it
could not use; the parties' words for the auctioneer's orders; and their key tables. So what is computed on is a
function of the lists alone. The records are packed, as a list may have a hundred thousand of them::

    holding     bundle digest 32 | received, milliseconds since 1970 u64
    receipt     bundle digest 32 | party u8 | received u64 | signature 64
    complaint   bundle digest 32
"""

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from aukciszek.clock import MalformedTimeError, parse_time
from aukciszek.cluster import LARGEST_CLUSTER, PartyNumber
from aukciszek.encoding import to_base64url
from aukciszek.protocol.evidence.key_tables import KeyTable
from aukciszek.protocol.evidence.statements import SIGNATURE_BYTES, Receipt, Signed, Statement
from aukciszek.protocol.rules.errors import MalformedStatementError
from aukciszek.protocol.rules.fields import BytesField, packed_records
from aukciszek.protocol.rules.identifiers import DIGEST_BYTES, AuctionId, BundleDigest

MOST_LISTED_RECEIPTS: Final = 200_000
MOST_OTHER_RECEIPTS: Final = (LARGEST_CLUSTER - 1) * MOST_LISTED_RECEIPTS

_OWN_RECEIPT: Final = struct.Struct(">32sQ")
_RECEIPT: Final = struct.Struct(f">32sBQ{SIGNATURE_BYTES}s")
_COMPLAINT: Final = struct.Struct(f">{DIGEST_BYTES}s")
MOST_ORDERS: Final = 2 * LARGEST_CLUSTER
"""Each party's word to close and to cancel."""

_MOST_ORDER_BYTES: Final = 2_048
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class ListedReceipt:
    """One bundle for which the list's author gave a receipt itself."""

    bundle: BundleDigest
    received_at: datetime


@dataclass(frozen=True, slots=True, order=True)
class OtherReceipt:
    """A receipt that another party signed, as the list's author holds it. Not verified."""

    bundle: BundleDigest
    party: PartyNumber
    received_at: datetime
    signature: bytes = field(repr=False)

    @classmethod
    def of(cls, receipt: Signed[Receipt]) -> Self:
        """Take over a verified receipt."""
        content = receipt.content
        return cls(content.bundle, content.party, content.received_at, receipt.signature)

    @classmethod
    def stored(cls, content: bytes) -> Self:
        """Read a receipt from one's own storage, where it went after it was verified; a close has thousands.

        Raises:
            MalformedStatementError: it is no receipt.
        """
        try:
            body = json.loads(content[SIGNATURE_BYTES:])
            party, received_at = PartyNumber(body["party"]), parse_time(body["received_at"])
            return cls(BundleDigest(body["bundle"]), party, received_at, content[:SIGNATURE_BYTES])
        except (ValueError, KeyError, TypeError, MalformedTimeError) as error:
            raise MalformedStatementError("a stored receipt cannot be read: restore a backup") from error

    def claimed(self, auction: AuctionId) -> Signed[Receipt]:
        """Return the signed statement that this claims to be, still to be verified.

        Raises:
            ValueError: no party can have this number.
        """
        content = Receipt(auction=auction, party=self.party, bundle=self.bundle, received_at=self.received_at)
        return Signed(content, self.signature)


def _pack_own_receipts(own_receipts: Sequence[ListedReceipt]) -> str:
    packed = (_OWN_RECEIPT.pack(bytes.fromhex(one.bundle), _milliseconds(one.received_at)) for one in own_receipts)
    return to_base64url(b"".join(packed))


def _read_own_receipt(bundle: bytes, received_ms: int) -> ListedReceipt:
    return ListedReceipt(BundleDigest(bundle.hex()), _moment(received_ms))


def _pack_receipts(receipts: Sequence[OtherReceipt]) -> str:
    packed = (
        _RECEIPT.pack(bytes.fromhex(one.bundle), one.party, _milliseconds(one.received_at), one.signature)
        for one in receipts
    )
    return to_base64url(b"".join(packed))


def _read_receipt(bundle: bytes, party: int, received_ms: int, signature: bytes) -> OtherReceipt:
    return OtherReceipt(BundleDigest(bundle.hex()), PartyNumber(party), _moment(received_ms), signature)


def _pack_complaints(complaints: Sequence[BundleDigest]) -> str:
    return to_base64url(b"".join(bytes.fromhex(one) for one in complaints))


def _read_complaint(bundle: bytes) -> BundleDigest:
    return BundleDigest(bundle.hex())


type OtherReceiptsField = Annotated[
    tuple[OtherReceipt, ...],
    BeforeValidator(packed_records(_RECEIPT, _read_receipt)),
    PlainSerializer(_pack_receipts),
]
"""Receipts of some party, packed."""


class ReceiptListStatement(Statement):
    """Everything that this party signed receipts for in one auction, and what it knows of the others' receipts."""

    label: ClassVar[str] = "receipt-list"
    most_bytes: ClassVar[int] = (
        MOST_LISTED_RECEIPTS * (_OWN_RECEIPT.size + _COMPLAINT.size) + MOST_OTHER_RECEIPTS * _RECEIPT.size
    ) * 4 // 3 + 2 * (MOST_ORDERS * _MOST_ORDER_BYTES + LARGEST_CLUSTER * KeyTable.most_bytes)

    kind: Literal["receipt-list"] = "receipt-list"
    own_receipts: Annotated[
        tuple[ListedReceipt, ...],
        Field(max_length=MOST_LISTED_RECEIPTS),
        BeforeValidator(packed_records(_OWN_RECEIPT, _read_own_receipt)),
        PlainSerializer(_pack_own_receipts),
    ]
    """Ascending by bundle, each bundle once."""
    other_receipts: Annotated[OtherReceiptsField, Field(max_length=MOST_OTHER_RECEIPTS)]
    """Ascending by bundle and party, at most one for each bundle and party."""
    complaints: Annotated[
        tuple[BundleDigest, ...],
        Field(max_length=MOST_LISTED_RECEIPTS),
        BeforeValidator(packed_records(_COMPLAINT, _read_complaint)),
        PlainSerializer(_pack_complaints),
    ] = ()
    """Settled bundles for which this party gave no receipt, and whose envelope it could not use; ascending."""
    orders: Annotated[
        tuple[Annotated[BytesField, Field(max_length=_MOST_ORDER_BYTES)], ...], Field(max_length=MOST_ORDERS)
    ] = ()
    """Signed order statements to close or to cancel, of any party; ascending."""
    tables: Annotated[
        tuple[Annotated[BytesField, Field(max_length=KeyTable.most_bytes)], ...], Field(max_length=LARGEST_CLUSTER)
    ] = ()
    """The signed key tables of all parties that this one has; ascending."""

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        bundles = [receipt.bundle for receipt in self.own_receipts]
        if bundles != sorted(set(bundles)):
            raise ValueError("list every bundle once, in ascending order")
        sort_keys = [(receipt.bundle, receipt.party) for receipt in self.other_receipts]
        if sort_keys != sorted(set(sort_keys)):
            raise ValueError("list at most one receipt for each bundle and party, in ascending order")
        if any(receipt.party == self.party for receipt in self.other_receipts):
            raise ValueError("a party's own receipts are listed apart from those of others")
        for words in (self.orders, self.tables):
            if list(words) != sorted(set(words)):
                raise ValueError("list every order and every table once, in ascending order")
        if list(self.complaints) != sorted(set(self.complaints)):
            raise ValueError("list every complaint once, in ascending order")
        if not set(self.complaints).isdisjoint(bundles):
            raise ValueError("a party that gave a receipt for a bundle can use its share")
        return self

    @classmethod
    def of(  # noqa: PLR0913 -- what a list has
        cls,
        auction: AuctionId,
        party: PartyNumber,
        own_receipts: Iterable[ListedReceipt],
        other_receipts: Iterable[OtherReceipt] = (),
        *,
        complaints: Iterable[BundleDigest] = (),
        orders: Iterable[bytes] = (),
        tables: Iterable[bytes] = (),
    ) -> Self:
        """Put a list in order; receipts of the author itself and second ones of the same party are left out."""
        first: dict[tuple[BundleDigest, PartyNumber], OtherReceipt] = {}
        for receipt in sorted(other_receipts):
            if receipt.party != party:
                first.setdefault((receipt.bundle, receipt.party), receipt)
        own = tuple(sorted(own_receipts))
        held = {holding.bundle for holding in own}
        return cls(
            auction=auction,
            party=party,
            own_receipts=own,
            other_receipts=tuple(first.values()),
            complaints=tuple(sorted(set(complaints) - held)),
            orders=tuple(sorted(set(orders))),
            tables=tuple(sorted(set(tables))),
        )


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND
