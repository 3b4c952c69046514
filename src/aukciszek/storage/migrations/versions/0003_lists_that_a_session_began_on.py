"""Which of the parties' lists a session began on, so that later ones can be kept beside them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the mark; until now only lists were stored that came before the session began."""
    op.add_column("lists", sa.Column("began_on", sa.Boolean, nullable=False, server_default=sa.false()))
    auctions = sa.table("auctions", sa.column("id"), sa.column("input_set"))
    lists = sa.table("lists", sa.column("auction_id"), sa.column("began_on"))
    begun = sa.select(auctions.c.id).where(auctions.c.input_set.is_not(None))
    op.execute(lists.update().where(lists.c.auction_id.in_(begun)).values(began_on=True))
