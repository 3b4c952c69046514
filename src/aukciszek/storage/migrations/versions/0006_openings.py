"""What a fair opening and the recovery of shares leave behind until an auction is over."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add masked openings with their keys and signatures, recovered shares, and what a party remembers of itself."""
    # A party that is upgraded has all that it ever signed; only one that starts empty, or goes back, has to ask.
    op.add_column("auctions", sa.Column("recalled", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("auctions", sa.Column("proposal", sa.LargeBinary, nullable=True))
    op.add_column("auctions", sa.Column("recovery_private", sa.LargeBinary, nullable=True))
    _create(
        "openings",
        ["session", "number"],
        sa.Column("input_set", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    _create("opening_keys", ["session", "number", "members"], sa.Column("key", sa.LargeBinary, nullable=False))
    _create(
        "opening_signatures", ["session", "number", "party"], sa.Column("statement", sa.LargeBinary, nullable=False)
    )
    _create("input_sets", ["digest"], sa.Column("lists", sa.Text, nullable=False))
    _create("recovered_shares", ["digest"], sa.Column("sealed", sa.LargeBinary, nullable=False))


def _create(table: str, key: list[str], *columns: sa.Column[object]) -> None:
    texts = {"session", "digest"}
    op.create_table(
        table,
        sa.Column("auction_id", sa.String(64), nullable=False),
        *(
            sa.Column(name, sa.String(64), nullable=False)
            if name in texts
            else sa.Column(name, sa.Integer, autoincrement=False, nullable=False)
            for name in key
        ),
        *columns,
        sa.ForeignKeyConstraint(["auction_id"], ["auctions.id"], name=f"fk_{table}_auction_id"),
        sa.PrimaryKeyConstraint("auction_id", *key, name=f"pk_{table}"),
    )
