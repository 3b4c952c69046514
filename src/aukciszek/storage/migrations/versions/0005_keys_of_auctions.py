"""Each auction has keys for shared randomness of its own; those of the cluster are destroyed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the keys of auctions and what the parties attest of them, and drop the keys of the cluster."""
    # Deleted first: what is deleted is overwritten, and opening a database empties its log afterwards.
    op.execute(sa.text("DELETE FROM prss_keys"))
    op.drop_table("prss_keys")
    op.create_table(
        "auction_keys",
        sa.Column("auction_id", sa.String(64), nullable=False),
        sa.Column("members", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dealer", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["auction_id"], ["auctions.id"], name="fk_auction_keys_auction_id"),
        sa.PrimaryKeyConstraint("auction_id", "members", "dealer", name="pk_auction_keys"),
    )
    op.create_table(
        "key_tables",
        sa.Column("auction_id", sa.String(64), nullable=False),
        sa.Column("party", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["auction_id"], ["auctions.id"], name="fk_key_tables_auction_id"),
        sa.PrimaryKeyConstraint("auction_id", "party", name="pk_key_tables"),
    )
