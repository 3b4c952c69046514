"""Bundles are looked up by auction alone, or by bidder among those with this party's receipt."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Replace an index whose every page changes all the time by one that grows at its end."""
    op.drop_index("ix_bundles_auction_id_bidder_revision", table_name="bundles")
    op.create_index("ix_bundles_auction_id", "bundles", ["auction_id"])
