"""Which samples went, so that an index follows a removal without reading everything again."""

import sqlalchemy as sa
from alembic import op

from facecog.store.tables import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "removals",
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.String(36), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("revision", "sample_id", name="pk_removals"),
    )
    op.create_index("ix_removals_at", "removals", ["at"])
    op.add_column(
        "revision", sa.Column("forgotten", sa.Integer(), nullable=False, server_default="0")
    )
    # What went before now is not known.
    op.execute("UPDATE revision SET forgotten = value")
