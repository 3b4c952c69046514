"""The tables of one party's database.

Moments are stored as the canonical text of :mod:`aukciszek.clock` (which sorts in the order of time), ids and digests
as 64 hexadecimal digits, signed statements and bundles as the bytes that were signed or received. A change here
needs a migration in ``migrations/versions``; a test compares the two.
"""

from datetime import datetime
from typing import Final, override

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
    true,
)

from aukciszek.clock import format_time, parse_time

DIGEST_LENGTH: Final = 64
_MOMENT_LENGTH: Final = 24
_UUID_LENGTH: Final = 36

NAMING: Final = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
"""Every constraint has a name, so that a later migration can drop it on any database."""

metadata: Final = MetaData(naming_convention=NAMING)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as RFC 3339 text with milliseconds."""

    impl = String(_MOMENT_LENGTH)
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else format_time(value)

    @override
    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else parse_time(value)


def _auction(*, primary_key: bool = False) -> Column[str]:
    return Column(
        "auction_id", String(DIGEST_LENGTH), ForeignKey("auctions.id"), primary_key=primary_key, nullable=False
    )


auctions: Final = Table(
    "auctions",
    metadata,
    Column("id", String(DIGEST_LENGTH), primary_key=True),
    Column("spec", Text, nullable=False),
    Column("state", String(32), nullable=False),
    Column("state_since", Moment, nullable=False),
    Column("auctioneer", String(_UUID_LENGTH), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("input_set", String(DIGEST_LENGTH), nullable=True),
    Column("sealing_private", LargeBinary, nullable=True),
    Column("recalled", Boolean, nullable=False, server_default=true()),
    Column("proposal", LargeBinary, nullable=True),
    Column("recovery_private", LargeBinary, nullable=True),
    Column("created_at", Moment, nullable=False),
    Index(None, "created_at", "id"),
    Index(None, "state"),
)

"""``recalled``: this party knows everything that it ever signed about the auction: it asked the others after a loss.

``proposal``: the announcements on which it began its first session, or cancelled; kept permanently, with ``input_set``.

``recovery_private``: the key that recovered shares are sealed to.
"""

orders: Final = Table(
    "orders",
    metadata,
    _auction(primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("party", Integer, primary_key=True, autoincrement=False),
    Column("statement", LargeBinary, nullable=False),
)

sealing_keys: Final = Table(
    "sealing_keys",
    metadata,
    _auction(primary_key=True),
    Column("party", Integer, primary_key=True, autoincrement=False),
    Column("statement", LargeBinary, nullable=False),
)

auction_keys: Final = Table(
    "auction_keys",
    metadata,
    _auction(primary_key=True),
    Column("members", Integer, primary_key=True, autoincrement=False),
    Column("dealer", Integer, primary_key=True, autoincrement=False),
    Column("key", LargeBinary, nullable=False),
)
"""``members`` has bit ``i - 1`` for party ``i``. Erased together with the private sealing key."""

key_tables: Final = Table(
    "key_tables",
    metadata,
    _auction(primary_key=True),
    Column("party", Integer, primary_key=True, autoincrement=False),
    Column("statement", LargeBinary, nullable=False),
)

bundles: Final = Table(
    "bundles",
    metadata,
    Column("digest", String(DIGEST_LENGTH), primary_key=True),
    _auction(),
    Column("bidder", String(_UUID_LENGTH), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("withdrawal", Boolean, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("email", String(320), nullable=True),
    Column("received_at", Moment, nullable=True),
    Index(None, "auction_id"),
    Index(
        "uq_bundles_one_receipt_per_revision",
        "auction_id",
        "bidder",
        "revision",
        unique=True,
        sqlite_where=text("received_at IS NOT NULL"),
        postgresql_where=text("received_at IS NOT NULL"),
    ),
)
"""``received_at`` is set when this party gave a receipt itself; without it the bundle came from another party.

Every index by a random value costs a bid one page of the write-ahead log, so there are only the necessary ones.
"""

receipts: Final = Table(
    "receipts",
    metadata,
    _auction(),
    Column("digest", String(DIGEST_LENGTH), primary_key=True),
    Column("party", Integer, primary_key=True, autoincrement=False),
    Column("statement", LargeBinary, nullable=False),
    Index(None, "auction_id"),
)
"""A receipt may arrive before its bundle, so there is no foreign key between the two."""

lists: Final = Table(
    "lists",
    metadata,
    _auction(primary_key=True),
    Column("party", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(DIGEST_LENGTH), primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("began_on", Boolean, nullable=False, server_default=false()),
)
"""A party signs one receipt list; should it sign another, both are kept: they prove it, and both count.

``began_on``: a session began on the content of the lists with this mark.
"""

input_sets: Final = Table(
    "input_sets",
    metadata,
    _auction(primary_key=True),
    Column("digest", String(DIGEST_LENGTH), primary_key=True),
    Column("lists", Text, nullable=False),
)
"""The receipt lists by which this party was ready for an input set, of which a session that begins on it consists."""

outcomes: Final = Table(
    "outcomes",
    metadata,
    _auction(primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

certificate_signatures: Final = Table(
    "certificate_signatures",
    metadata,
    _auction(primary_key=True),
    Column("party", Integer, primary_key=True, autoincrement=False),
    Column("signature", LargeBinary, nullable=False),
)

openings: Final = Table(
    "openings",
    metadata,
    _auction(primary_key=True),
    Column("session", String(DIGEST_LENGTH), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("input_set", String(DIGEST_LENGTH), nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""Masked openings that this party signed, or that came with the signatures of all parties."""

opening_keys: Final = Table(
    "opening_keys",
    metadata,
    _auction(primary_key=True),
    Column("session", String(DIGEST_LENGTH), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("members", Integer, primary_key=True, autoincrement=False),
    Column("key", LargeBinary, nullable=False),
)
"""The keys to the masks: this party's own, and those that were released. ``members`` as in ``auction_keys``."""

opening_signatures: Final = Table(
    "opening_signatures",
    metadata,
    _auction(primary_key=True),
    Column("session", String(DIGEST_LENGTH), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("party", Integer, primary_key=True, autoincrement=False),
    Column("statement", LargeBinary, nullable=False),
)

recovered_shares: Final = Table(
    "recovered_shares",
    metadata,
    _auction(primary_key=True),
    Column("digest", String(DIGEST_LENGTH), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""Recovered shares of bundles whose envelopes this party cannot use, sealed to a key that the auction's end erases."""

record: Final = Table(
    "record",
    metadata,
    _auction(primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("details", Text, nullable=False),
    Column("previous_hash", String(DIGEST_LENGTH), nullable=False),
    Column("hash", String(DIGEST_LENGTH), nullable=False),
)

incidents: Final = Table(
    "incidents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("auction_id", String(DIGEST_LENGTH), nullable=True),
    Column("party", Integer, nullable=True),
    Column("kind", String(64), nullable=False),
    Column("details", Text, nullable=False),
)

users: Final = Table(
    "users",
    metadata,
    Column("uid", String(_UUID_LENGTH), primary_key=True),
    Column("email", String(320), nullable=False, unique=True),
    Column("password_hash", String(512), nullable=False),
    Column("is_admin", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
)
"""Addresses are stored in lower case, so that uniqueness ignores case."""

login_marks: Final = Table(
    "login_marks",
    metadata,
    Column("key", String(DIGEST_LENGTH), primary_key=True),
    Column("level", Float, nullable=False),
    Column("at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index(None, "expires_at"),
)
"""Keys are digests: they disclose neither the address that was tried nor the origin."""
