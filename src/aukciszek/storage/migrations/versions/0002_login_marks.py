"""Marks about log-ins, by which guessing passwords is slowed down across restarts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table of the marks."""
    op.create_table(
        "login_marks",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("level", sa.Float, nullable=False),
        sa.Column("at", sa.String(24), nullable=False),
        sa.Column("expires_at", sa.String(24), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_login_marks"),
    )
    op.create_index("ix_login_marks_expires_at", "login_marks", ["expires_at"])
