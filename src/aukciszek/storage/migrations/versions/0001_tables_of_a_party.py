"""The tables of a party, as the first version of the system had them.

There is no way back: a party that must return to an older version restores the backup made before the upgrade.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_DIGEST = sa.String(64)
_UUID = sa.String(36)
_MOMENT = sa.String(24)


def upgrade() -> None:
    """Create every table."""
    _create_auctions()
    _create_statements()
    _create_bundles()
    _create_results()
    _create_party_tables()


def _auction() -> sa.Column[str]:
    return sa.Column("auction_id", _DIGEST, nullable=False)


def _of_auction(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["auction_id"], ["auctions.id"], name=f"fk_{table}_auction_id")


def _create_auctions() -> None:
    op.create_table(
        "auctions",
        sa.Column("id", _DIGEST, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("state_since", _MOMENT, nullable=False),
        sa.Column("auctioneer", _UUID, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("input_set", _DIGEST, nullable=True),
        sa.Column("sealing_private", sa.LargeBinary, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_auctions"),
    )
    op.create_index("ix_auctions_created_at_id", "auctions", ["created_at", "id"])
    op.create_index("ix_auctions_state", "auctions", ["state"])


def _create_statements() -> None:
    op.create_table(
        "orders",
        _auction(),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("party", sa.Integer, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        _of_auction("orders"),
        sa.PrimaryKeyConstraint("auction_id", "kind", "party", name="pk_orders"),
    )
    op.create_table(
        "lists",
        _auction(),
        sa.Column("party", sa.Integer, nullable=False),
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        _of_auction("lists"),
        sa.PrimaryKeyConstraint("auction_id", "party", "digest", name="pk_lists"),
    )
    for table, content in (
        ("sealing_keys", "statement"),
        ("certificate_signatures", "signature"),
    ):
        op.create_table(
            table,
            _auction(),
            sa.Column("party", sa.Integer, nullable=False),
            sa.Column(content, sa.LargeBinary, nullable=False),
            _of_auction(table),
            sa.PrimaryKeyConstraint("auction_id", "party", name=f"pk_{table}"),
        )


def _create_bundles() -> None:
    op.create_table(
        "bundles",
        sa.Column("digest", _DIGEST, nullable=False),
        _auction(),
        sa.Column("bidder", _UUID, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("withdrawal", sa.Boolean, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("email", sa.String(320), nullable=True),
        sa.Column("received_at", _MOMENT, nullable=True),
        _of_auction("bundles"),
        sa.PrimaryKeyConstraint("digest", name="pk_bundles"),
    )
    key = ["auction_id", "bidder", "revision"]
    receipted = sa.text("received_at IS NOT NULL")
    op.create_index("ix_bundles_auction_id_bidder_revision", "bundles", key)
    op.create_index(
        "uq_bundles_one_receipt_per_revision",
        "bundles",
        key,
        unique=True,
        sqlite_where=receipted,
        postgresql_where=receipted,
    )
    op.create_table(
        "receipts",
        _auction(),
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("party", sa.Integer, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        _of_auction("receipts"),
        sa.PrimaryKeyConstraint("digest", "party", name="pk_receipts"),
    )
    op.create_index("ix_receipts_auction_id", "receipts", ["auction_id"])


def _create_results() -> None:
    op.create_table(
        "outcomes",
        _auction(),
        sa.Column("body", sa.LargeBinary, nullable=False),
        _of_auction("outcomes"),
        sa.PrimaryKeyConstraint("auction_id", name="pk_outcomes"),
    )
    op.create_table(
        "record",
        _auction(),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous_hash", _DIGEST, nullable=False),
        sa.Column("hash", _DIGEST, nullable=False),
        _of_auction("record"),
        sa.PrimaryKeyConstraint("auction_id", "seq", name="pk_record"),
    )


def _create_party_tables() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("auction_id", _DIGEST, nullable=True),
        sa.Column("party", sa.Integer, nullable=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    op.create_table(
        "prss_keys",
        sa.Column("members", sa.String(32), nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("members", name="pk_prss_keys"),
    )
    op.create_table(
        "users",
        sa.Column("uid", _UUID, nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("password_hash", sa.String(512), nullable=False),
        sa.Column("is_admin", sa.Boolean, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("uid", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
