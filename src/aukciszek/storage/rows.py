"""What the repositories take and give: rows as small frozen values, with no meaning of their own.

Rows that every bid adds are named tuples, which are created several times faster. Storage knows bytes, text, numbers
and moments only; the layers above turn them into statements, bundles and states.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from aukciszek.protocol.evidence.record_chain import NewRecordEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionRow:
    """One auction at this party. The private sealing key is never part of it."""

    id: str
    spec: str
    """Canonical JSON."""
    state: str
    state_since: datetime
    auctioneer: str
    attempt: int
    """How many sessions were begun."""
    input_set: str | None = None
    """The digest of the input set that a session began on: from then on no other is ever computed on."""
    recalled: bool = False
    """Whether this party knows everything that it ever signed about the auction."""
    proposal: bytes | None = field(default=None, repr=False)
    """The announcements on which it began its first session, or cancelled."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One party's signed statement that the auctioneer gave an order."""

    auction_id: str
    kind: str
    """``create``, ``close`` or ``cancel``."""
    party: int
    statement: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """One party's signed statement of a kind that it makes once for an auction."""

    auction_id: str
    party: int
    statement: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionKeyRow:
    """A key for shared randomness, of one auction and one set of parties."""

    auction_id: str
    members: int
    """The set of parties, as bits."""
    dealer: int
    """The party that made the key."""
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRow(StatementRow):
    """One of a party's signed receipt lists."""

    began_on: bool
    """Whether it is among those that a session began on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleHead:
    """The public header of a bundle."""

    digest: str
    auction_id: str
    bidder: str
    revision: int
    withdrawal: bool
    received_at: datetime | None
    """When this party gave its receipt; None for a bundle that came from another party."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRow(BundleHead):
    """A bundle: the same bytes at every party."""

    content: bytes = field(repr=False)
    email: str | None = None
    """The bidder's address, where the invitation was checked against it."""


class ReceiptRow(NamedTuple):
    """One party's signed receipt for one bundle."""

    auction_id: str
    digest: str
    party: int
    statement: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRow:
    """One party's signature under the certificate's body."""

    auction_id: str
    party: int
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRow:
    """A value that was opened under a mask."""

    auction_id: str
    session: str
    number: int
    input_set: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningKeyRow:
    """The key of one set of parties to the mask of one opening."""

    auction_id: str
    session: str
    number: int
    members: int
    """The set of parties, as bits."""
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningSignatureRow:
    """One party's signature under a masked opening."""

    auction_id: str
    session: str
    number: int
    party: int
    statement: bytes = field(repr=False)


class NewBid(NamedTuple):
    """A bundle from its bidder, this party's receipt for it and their entry in the record."""

    bundle: BundleRow
    receipt: ReceiptRow
    entry: NewRecordEntry


class RecordRow(NamedTuple):
    """An entry of the audit record, chained to the one before it."""

    auction_id: str
    seq: int
    """Counts from 1 in every auction."""
    at: datetime
    actor: str
    action: str
    details: str
    """Canonical JSON."""
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRow:
    """A violation of the protocol."""

    id: int
    at: datetime
    auction_id: str | None
    party: int | None
    kind: str
    details: str
    """Canonical JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """One account."""

    uid: str
    email: str
    password_hash: str = field(repr=False)
    is_admin: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginMarkRow:
    """A mark of the login server about log-ins."""

    key: str
    level: float
    at: datetime
    expires_at: datetime
